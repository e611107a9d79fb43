/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_parent.h"

#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/str.h"
#include "schema/limits.h"

#define SLICE ".slice"

/* "a-b-c.slice" is "/a.slice/a-b.slice/a-b-c.slice". */
static void put_slice(struct imgc_str name, struct imgc_buf *b)
{
    struct imgc_str stem = imgc_str_first(name, name.len - strlen(SLICE));

    for (size_t i = 1; i <= stem.len; i++) {
        if (i == stem.len || stem.ptr[i] == '-') {
            imgc_buf_putc(b, '/');
            imgc_buf_str(b, imgc_str_first(stem, i));
            imgc_buf_puts(b, SLICE);
        }
    }
}

static int put_part(struct imgc_str part, struct imgc_buf *b, struct imgc_err *reterr)
{
    if (imgc_str_eq(part, IMGC_STR("..")) || imgc_str_eq(part, IMGC_STR(".")) ||
        imgc_str_find(part, ':') < part.len || imgc_str_find(part, '\n') < part.len) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "'" IMGC_STR_FMT "' cannot be part of a cgroup's path",
                         IMGC_STR_ARG(part));
    }
    imgc_buf_putc(b, '/');
    imgc_buf_str(b, part);
    return 0;
}

int cgroup_parent_path(const char *text, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    struct imgc_str rest = imgc_str_of(text), part;
    int r = 0;

    if (rest.len == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "the cgroup's parent has no name");
    }
    if (imgc_str_find(rest, '/') == rest.len && imgc_str_ends(rest, IMGC_STR(SLICE)) &&
        rest.len > strlen(SLICE) && rest.ptr[0] != '-' && imgc_str_find(rest, ':') == rest.len) {
        put_slice(rest, &b);
        return imgc_buf_take(&b, ret, reterr);
    }
    while (r == 0 && imgc_str_token(&rest, '/', &part)) {
        r = part.len > 0 ? put_part(part, &b, reterr) : 0;
    }
    return r < 0 ? r : imgc_buf_take(&b, ret, reterr);
}
