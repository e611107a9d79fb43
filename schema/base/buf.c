/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void imgc_buf_init(struct imgc_buf *b, size_t max)
{
    *b = (struct imgc_buf)IMGC_BUF_INIT(max);
}

void imgc_buf_done(struct imgc_buf *b)
{
    free(b->ptr);
    b->ptr = NULL;
    b->len = b->room = 0;
}

/* Make room for @more bytes and the NUL. */
static bool reserve(struct imgc_buf *b, size_t more)
{
    size_t need;

    if (b->state != IMGC_BUF_OK) {
        return false;
    }
    if (more > b->max || b->len > b->max - more ||
        __builtin_add_overflow(b->len + 1, more, &need)) {
        b->state = IMGC_BUF_FULL;
        return false;
    }
    if (need <= b->room) {
        return true;
    }
    size_t room = b->room < 64 ? 64 : b->room;
    while (room < need) {
        room = room > need / 2 ? need + need / 2 : room * 2;
    }
    char *p = realloc(b->ptr, room);
    if (!p) {
        b->state = IMGC_BUF_NOMEM;
        return false;
    }
    b->ptr = p;
    b->room = room;
    return true;
}

void imgc_buf_add(struct imgc_buf *b, const void *ptr, size_t len)
{
    if (!reserve(b, len)) {
        return;
    }
    if (len) {
        memcpy(b->ptr + b->len, ptr, len);
    }
    b->len += len;
    b->ptr[b->len] = '\0';
}

void imgc_buf_str(struct imgc_buf *b, struct imgc_str s)
{
    imgc_buf_add(b, s.ptr, s.len);
}

void imgc_buf_puts(struct imgc_buf *b, const char *z)
{
    imgc_buf_add(b, z, strlen(z));
}

void imgc_buf_putc(struct imgc_buf *b, char c)
{
    imgc_buf_add(b, &c, 1);
}

void imgc_buf_printf(struct imgc_buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !reserve(b, (size_t)n)) {
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void imgc_buf_clear(struct imgc_buf *b)
{
    b->len = 0;
    b->state = IMGC_BUF_OK;
    if (b->ptr) {
        b->ptr[0] = '\0';
    }
}

int imgc_buf_finish(struct imgc_buf *b, struct imgc_str *ret, struct imgc_err *reterr)
{
    if (b->state == IMGC_BUF_FULL) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "more than %zu bytes", b->max);
    }
    if (b->state == IMGC_BUF_OK && !b->ptr) {
        (void)reserve(b, 0);
        if (b->ptr) {
            b->ptr[0] = '\0';
        }
    }
    if (b->state != IMGC_BUF_OK) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *ret = (struct imgc_str){ b->ptr, b->len };
    return 0;
}

int imgc_buf_take(struct imgc_buf *b, char **ret, struct imgc_err *reterr)
{
    struct imgc_str s;
    int r = imgc_buf_finish(b, &s, reterr);
    if (r < 0) {
        return r;
    }
    *ret = b->ptr;
    imgc_buf_init(b, b->max);
    return 0;
}
