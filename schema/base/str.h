/* SPDX-License-Identifier: Apache-2.0 */
/*
 * String slices for everything that is parsed: borrowed bytes with a length, no NUL assumed.
 */
#ifndef IMGC_SCHEMA_BASE_STR_H
#define IMGC_SCHEMA_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "schema/base/err.h"

struct imgc_str {
    const char *ptr; /* borrowed; may be NULL when len is 0 */
    size_t len;
};

#define IMGC_STR(lit) ((struct imgc_str){ "" lit, sizeof(lit) - 1 })
#define IMGC_STR_FMT "%.*s"
#define IMGC_STR_ARG(s) ((s).len > 400 ? 400 : (int)(s).len), ((s).ptr ? (s).ptr : "")

static inline struct imgc_str imgc_str_of(const char *z)
{
    return (struct imgc_str){ z, z ? strlen(z) : 0 };
}

static inline bool imgc_str_eq(struct imgc_str a, struct imgc_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline struct imgc_str imgc_str_from(struct imgc_str s, size_t start)
{
    return start >= s.len ? (struct imgc_str){ s.ptr, 0 }
                          : (struct imgc_str){ s.ptr + start, s.len - start };
}

static inline struct imgc_str imgc_str_first(struct imgc_str s, size_t n)
{
    return (struct imgc_str){ s.ptr, n < s.len ? n : s.len };
}

/** ASCII letters compare equal in either case (HTTP schemes and header names). */
bool imgc_str_eq_nocase(struct imgc_str a, struct imgc_str b);
bool imgc_str_starts(struct imgc_str s, struct imgc_str prefix);
bool imgc_str_ends(struct imgc_str s, struct imgc_str suffix);

/** Drop @prefix from the front of *s. @return whether it was there. */
bool imgc_str_skip(struct imgc_str *s, struct imgc_str prefix);

/** Split at the first @sep: *ret_head before it, *ret_tail after it.
 * @return false, with all of @s in *ret_head and *ret_tail empty, where there is no @sep. */
bool imgc_str_split(struct imgc_str s, char sep, struct imgc_str *ret_head,
                    struct imgc_str *ret_tail);

/** Split at the last @sep. @return false, with @s in *ret_tail and *ret_head empty, without one. */
bool imgc_str_rsplit(struct imgc_str s, char sep, struct imgc_str *ret_head,
                     struct imgc_str *ret_tail);

/** Take the next @sep-separated token from *rest (advanced past it). @return false at the end. */
bool imgc_str_token(struct imgc_str *rest, char sep, struct imgc_str *ret);

/** Cut ASCII blanks (space, tab, CR, LF) from both ends. */
struct imgc_str imgc_str_trim(struct imgc_str s);

/** Index of the first @c, or s.len. */
size_t imgc_str_find(struct imgc_str s, char c);

/** Total order of bytes, shorter first on a common prefix (memcmp's sign). */
int imgc_str_cmp(struct imgc_str a, struct imgc_str b);

/**
 * Parse a decimal number that fills all of @s: digits only, no sign, no blanks.
 * @return whether it was one and fits.
 */
bool imgc_str_u64(struct imgc_str s, uint64_t *ret);

/** Copy @s to a new NUL-terminated string. @ret caller frees. @return 0, -NOMEM, or -USAGE for an
 * embedded NUL. */
IMGC_CHECK int imgc_str_dup(struct imgc_str s, char **ret, struct imgc_err *reterr);

/**
 * Copy @len bytes to @dst so that a terminal only shows them: control characters, DEL, C1 and
 * bytes that are not UTF-8 become \xNN, newline and tab one space. Always NUL-terminates; cuts
 * between characters when @size is too small.
 */
void imgc_str_printable(char *dst, size_t size, const char *src, size_t len);

#endif
