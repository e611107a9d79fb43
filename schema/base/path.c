/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/path.h"

#include <limits.h>

#include "schema/base/buf.h"

/* Append the components of @path to @b, which holds "/a/b" or "". */
static void append_clean(struct imgc_buf *b, struct imgc_str path)
{
    struct imgc_str part;

    while (imgc_str_token(&path, '/', &part)) {
        if (part.len == 0 || imgc_str_eq(part, IMGC_STR("."))) {
            continue;
        }
        if (!imgc_str_eq(part, IMGC_STR(".."))) {
            imgc_buf_putc(b, '/');
            imgc_buf_str(b, part);
            continue;
        }
        while (b->len > 0 && b->ptr[b->len - 1] != '/') {
            b->len--;
        }
        if (b->len > 0) {
            b->len--; /* the slash */
        }
    }
}

int path_clean(struct imgc_str base, struct imgc_str path, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(PATH_MAX - 1);
    struct imgc_str text;

    if (path.len == 0 || path.ptr[0] != '/') {
        append_clean(&b, base);
    }
    append_clean(&b, path);
    if (b.len == 0) {
        imgc_buf_putc(&b, '/');
    }
    int r = imgc_buf_finish(&b, &text, reterr);
    return r < 0 ? imgc_context(reterr, "path") : imgc_str_dup(text, ret, reterr);
}
