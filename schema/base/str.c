/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/str.h"

#include <stdio.h>
#include <stdlib.h>

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

bool imgc_str_eq_nocase(struct imgc_str a, struct imgc_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool imgc_str_starts(struct imgc_str s, struct imgc_str prefix)
{
    return s.len >= prefix.len && imgc_str_eq(imgc_str_first(s, prefix.len), prefix);
}

bool imgc_str_ends(struct imgc_str s, struct imgc_str suffix)
{
    return s.len >= suffix.len && imgc_str_eq(imgc_str_from(s, s.len - suffix.len), suffix);
}

bool imgc_str_skip(struct imgc_str *s, struct imgc_str prefix)
{
    if (!imgc_str_starts(*s, prefix)) {
        return false;
    }
    *s = imgc_str_from(*s, prefix.len);
    return true;
}

size_t imgc_str_find(struct imgc_str s, char c)
{
    const char *p = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return p ? (size_t)(p - s.ptr) : s.len;
}

bool imgc_str_split(struct imgc_str s, char sep, struct imgc_str *ret_head,
                    struct imgc_str *ret_tail)
{
    size_t i = imgc_str_find(s, sep);

    *ret_head = imgc_str_first(s, i);
    *ret_tail = imgc_str_from(s, i < s.len ? i + 1 : s.len);
    return i < s.len;
}

bool imgc_str_rsplit(struct imgc_str s, char sep, struct imgc_str *ret_head,
                     struct imgc_str *ret_tail)
{
    const char *p = s.len ? memrchr(s.ptr, sep, s.len) : NULL;
    if (!p) {
        *ret_head = (struct imgc_str){ s.ptr, 0 };
        *ret_tail = s;
        return false;
    }
    size_t i = (size_t)(p - s.ptr);
    *ret_head = imgc_str_first(s, i);
    *ret_tail = imgc_str_from(s, i + 1);
    return true;
}

bool imgc_str_token(struct imgc_str *rest, char sep, struct imgc_str *ret)
{
    if (!rest->ptr) {
        return false;
    }
    struct imgc_str tail;
    if (!imgc_str_split(*rest, sep, ret, &tail)) {
        tail.ptr = NULL; /* the last token was taken */
    }
    *rest = tail;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct imgc_str imgc_str_trim(struct imgc_str s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s = imgc_str_from(s, 1);
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

int imgc_str_cmp(struct imgc_str a, struct imgc_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

bool imgc_str_u64(struct imgc_str s, uint64_t *ret)
{
    uint64_t v = 0;

    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || __builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v)) {
            return false;
        }
    }
    *ret = v;
    return true;
}

int imgc_str_dup(struct imgc_str s, char **ret, struct imgc_err *reterr)
{
    if (imgc_str_find(s, '\0') < s.len) {
        return imgc_fail(reterr, IMGC_E_USAGE, "text with a NUL byte");
    }
    char *z = malloc(s.len + 1);
    if (!z) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (s.len) {
        memcpy(z, s.ptr, s.len);
    }
    z[s.len] = '\0';
    *ret = z;
    return 0;
}

/* Length of the printable UTF-8 character at p, or 0 where there is none: control characters
 * (C0, DEL, C1), overlong forms, surrogates and stray bytes are not. */
static size_t utf8_printable(const unsigned char *p, size_t len)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = p[0] < 0x80         ? 1
               : (p[0] >> 5) == 6  ? 2
               : (p[0] >> 4) == 14 ? 3
               : (p[0] >> 3) == 30 ? 4
                                   : 0;

    if (n == 0 || n > len) {
        return 0;
    }
    if (n == 1) {
        return p[0] >= 0x20 && p[0] != 0x7f;
    }
    uint32_t c = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = (c << 6) | (p[i] & 0x3fu);
    }
    bool surrogate = c >= 0xd800 && c <= 0xdfff;
    return c >= least[n] && c >= 0xa0 && c <= 0x10ffff && !surrogate ? n : 0;
}

void imgc_str_printable(char *dst, size_t size, const char *src, size_t len)
{
    const unsigned char *p = (const unsigned char *)src;
    size_t used = 0;

    if (size == 0) {
        return;
    }
    for (size_t i = 0; i < len;) {
        char esc[5];
        const char *from = esc;
        size_t n = utf8_printable(p + i, len - i), out = n;

        if (n > 0) {
            from = src + i;
        } else if (p[i] == '\n' || p[i] == '\t') {
            from = " ";
            n = out = 1;
        } else {
            (void)snprintf(esc, sizeof esc, "\\x%02x", (unsigned)p[i]); /* always 4 bytes */
            n = 1;
            out = 4;
        }
        if (used + out >= size) {
            break;
        }
        memcpy(dst + used, from, out);
        used += out;
        i += n;
    }
    dst[used] = '\0';
}
