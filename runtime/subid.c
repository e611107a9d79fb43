/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/subid.h"

#include <errno.h>

#include "schema/base/fd.h"
#include "schema/limits.h"

#define ID_END UINT32_MAX /* the last number means "no ID" */

static bool is_of(struct imgc_str name, const struct subid_owner *owner)
{
    uint64_t uid;

    return (owner->name.len > 0 && imgc_str_eq(name, owner->name)) ||
           (imgc_str_u64(name, &uid) && uid == owner->uid);
}

static int add_range(struct subid *s, struct imgc_str rest, struct imgc_err *reterr)
{
    struct imgc_str start_text, count_text;
    uint64_t start, count;

    if (!imgc_str_split(rest, ':', &start_text, &count_text) || !imgc_str_u64(start_text, &start) ||
        !imgc_str_u64(count_text, &count)) {
        return imgc_fail(reterr, IMGC_E_HOST, "not OWNER:START:COUNT such as joe:100000:65536");
    }
    if (start > ID_END || count > ID_END - start) {
        return imgc_fail(reterr, IMGC_E_HOST, "IDs end at %u", ID_END - 1);
    }
    if (count > 0 && s->n < SUBID_RANGES_MAX) {
        s->ranges[s->n++] =
            (struct subid_range){ .start = (uint32_t)start, .count = (uint32_t)count };
        s->total += count;
    }
    return 0;
}

int subid_parse(struct imgc_str text, const struct subid_owner *owner, struct subid *ret,
                struct imgc_err *reterr)
{
    struct subid found = { .n = 0 };
    struct imgc_str line, name, rest;
    unsigned number = 0;

    while (imgc_str_token(&text, '\n', &line)) {
        number++;
        line = imgc_str_trim(line);
        if (!imgc_str_split(line, ':', &name, &rest) || !is_of(name, owner)) {
            continue;
        }
        int r = add_range(&found, rest, reterr);
        if (r < 0) {
            return imgc_context(reterr, "line %u", number);
        }
    }
    *ret = found;
    return 0;
}

int subid_read(const char *path, const struct subid_owner *owner, struct subid *ret,
               struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(LIMIT_PASSWD_BYTES);
    imgc_autoclose int fd = -1;

    int r = fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, reterr);
    if (r < 0 && (reterr->sys == ENOENT || reterr->sys == ENOTDIR)) {
        *ret = (struct subid){ .n = 0 };
        return 0;
    }
    if (r == 0) {
        r = fd_read_all(fd, &text, reterr);
    }
    if (r == 0) {
        r = subid_parse((struct imgc_str){ text.ptr, text.len }, owner, ret, reterr);
    }
    return r < 0 ? imgc_context(reterr, "%s", path) : 0;
}
