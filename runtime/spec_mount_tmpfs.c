/* SPDX-License-Identifier: Apache-2.0 */
/* "--tmpfs DST[:OPTIONS]". */
#include "runtime/spec_mount.h"

/* "64m", "1g", "512k", "4096", "10b": what the kernel's tmpfs takes, and docker. */
static bool parse_size(struct imgc_str s, uint64_t *ret)
{
    static const char units[] = "bkmg";
    uint64_t factor = 1;

    if (s.len > 1) {
        char last = (char)(s.ptr[s.len - 1] | 0x20);
        const char *unit = strchr(units, last);
        if (unit && last != '\0') {
            factor = UINT64_C(1) << (10 * (unit - units));
            s.len--;
        }
    }
    return imgc_str_u64(s, ret) && *ret > 0 && !__builtin_mul_overflow(*ret, factor, ret);
}

bool spec_mount_tmpfs_mode(struct spec_mount *m, struct imgc_str s)
{
    uint32_t mode = 0;

    if (s.len == 0 || s.len > 5) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '7') {
            return false;
        }
        mode = mode * 8 + (uint32_t)(s.ptr[i] - '0');
    }
    m->mode = mode;
    return mode > 0 && mode <= 07777;
}

static bool parse_id(struct imgc_str s, uint32_t *ret)
{
    uint64_t n;

    if (!imgc_str_u64(s, &n) || n >= UINT32_MAX) { /* the last one is "no change" to the kernel */
        return false;
    }
    *ret = (uint32_t)n;
    return true;
}

/* "50%" of the memory, or bytes. */
bool spec_mount_tmpfs_size(struct spec_mount *m, struct imgc_str s)
{
    if (imgc_str_ends(s, IMGC_STR("%"))) {
        s.len--;
        return imgc_str_u64(s, &m->size_percent) && m->size_percent >= 1 && m->size_percent <= 100;
    }
    return parse_size(s, &m->size_bytes);
}

static bool parse_tmpfs_option(struct imgc_str option, struct spec_mount *m)
{
    static const char *const always[] = { "rw", "nosuid", "nodev" };
    struct imgc_str value = option;

    if (imgc_str_skip(&value, IMGC_STR("size="))) {
        return spec_mount_tmpfs_size(m, value);
    }
    if (imgc_str_skip(&value, IMGC_STR("nr_inodes="))) {
        return parse_size(value, &m->inodes);
    }
    if (imgc_str_skip(&value, IMGC_STR("uid="))) {
        return parse_id(value, &m->uid);
    }
    if (imgc_str_skip(&value, IMGC_STR("gid="))) {
        return parse_id(value, &m->gid);
    }
    if (imgc_str_skip(&value, IMGC_STR("mode="))) {
        return spec_mount_tmpfs_mode(m, value);
    }
    if (imgc_str_eq(option, IMGC_STR("ro"))) {
        m->read_only = true;
        return true;
    }
    if (imgc_str_eq(option, IMGC_STR("exec")) || imgc_str_eq(option, IMGC_STR("noexec"))) {
        m->noexec = option.len > strlen("exec");
        return true;
    }
    for (size_t i = 0; i < sizeof always / sizeof *always; i++) {
        if (imgc_str_eq(option, imgc_str_of(always[i]))) {
            return true;
        }
    }
    return false;
}

int spec_parse_tmpfs(struct imgc_str s, struct spec_mount *ret, struct imgc_err *reterr)
{
    imgc_auto(spec_mount_done) struct spec_mount m = { .kind = SPEC_MOUNT_TMPFS, .noexec = true };
    struct imgc_str target, options, option;

    bool has_options = imgc_str_split(s, ':', &target, &options);
    int r = spec_mount_target(&m, target, reterr);
    if (r < 0) {
        return imgc_context(reterr, "tmpfs '" IMGC_STR_FMT "'", IMGC_STR_ARG(s));
    }
    while (has_options && imgc_str_token(&options, ',', &option)) {
        if (!parse_tmpfs_option(option, &m)) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "tmpfs option '" IMGC_STR_FMT
                             "' is not supported (size=, nr_inodes=, mode=, uid=, gid=, ro, "
                             "rw, exec, noexec)",
                             IMGC_STR_ARG(option));
        }
    }
    *ret = m;
    m = (struct spec_mount){ .source = NULL };
    return 0;
}
