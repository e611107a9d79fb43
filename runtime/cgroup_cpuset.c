/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_cpuset.h"

#include <stdio.h>

#define LIST_BYTES (64u << 10) /* of 8192 numbers */

static bool parse_range(struct imgc_str range, struct cgroup_cpuset *set)
{
    struct imgc_str from, to;
    uint64_t first, last;

    if (!imgc_str_split(range, '-', &from, &to)) {
        from = to = range;
    }
    if (!imgc_str_u64(from, &first) || !imgc_str_u64(to, &last) || first > last ||
        last >= CGROUP_CPUSET_MAX) {
        return false;
    }
    for (uint64_t i = first; i <= last; i++) {
        set->bits[i / 8] |= (uint8_t)(1u << (i % 8));
    }
    return true;
}

bool cgroup_cpuset_parse(struct imgc_str text, struct cgroup_cpuset *ret)
{
    struct cgroup_cpuset set = { .bits = { 0 } };
    struct imgc_str rest = imgc_str_trim(text), range;
    bool is_empty = rest.len == 0;

    while (!is_empty && imgc_str_token(&rest, ',', &range)) {
        if (!parse_range(range, &set)) {
            return false;
        }
    }
    *ret = set;
    return true;
}

bool cgroup_cpuset_within(const struct cgroup_cpuset *part, const struct cgroup_cpuset *whole)
{
    for (size_t i = 0; i < sizeof part->bits; i++) {
        if (part->bits[i] & (uint8_t)~whole->bits[i]) {
            return false;
        }
    }
    return true;
}

/* What the parent can give: under the names of v2 and of v1. */
static bool read_available(const struct cgroup_dir *d, const char *file, struct imgc_buf *b,
                           struct imgc_str *ret)
{
    static const char *const forms[][2] = { { "../cpuset.", ".effective" },
                                            { "../cpuset.effective_", "" },
                                            { "../cpuset.", "" } };
    const char *what = file + strlen("cpuset.");

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char name[48]; /* a form around "cpus" or "mems" */

        (void)snprintf(name, sizeof name, "%s%s%s", forms[i][0], what, forms[i][1]);
        if (cgroup_dir_text(d, name, b, ret) && ret->len > 0) {
            return true;
        }
    }
    return false;
}

int cgroup_cpuset_check(const struct cgroup_dir *d, const char *file, const char *list,
                        struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIST_BYTES);
    struct cgroup_cpuset asked, there;
    struct imgc_str text;

    if (!cgroup_cpuset_parse(imgc_str_of(list), &asked)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'%s' is no list such as 0-3,7", list);
    }
    if (!read_available(d, file, &b, &text) || !cgroup_cpuset_parse(text, &there) ||
        cgroup_cpuset_within(&asked, &there)) {
        return 0; /* or the kernel decides */
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "%s '%s' are not available here, but " IMGC_STR_FMT,
                     strcmp(file, "cpuset.cpus") == 0 ? "processors" : "memory nodes", list,
                     IMGC_STR_ARG(text));
}
