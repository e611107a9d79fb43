/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/toml_read.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "schema/limits.h"

#define NUMBER_BYTES 80 /* longer than any number or date that means something */
#define ESCAPE_MAX 4    /* bytes of one character in UTF-8 */

void toml_read_init(struct toml_read *t, struct imgc_str text, const char *what,
                    struct imgc_err *err)
{
    *t = (struct toml_read){ .rest = text, .line = 1, .what = what, .err = err };
    (void)imgc_str_skip(&t->rest, IMGC_STR("\xef\xbb\xbf")); /* a byte order mark */
}

int toml_read_fail(struct toml_read *t, const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return imgc_fail(t->err, IMGC_E_DOCUMENT, "%s, line %u: %s", t->what, t->line, text);
}

bool toml_read_is_over(const struct toml_read *t)
{
    return t->rest.len == 0;
}

bool toml_read_is(const struct toml_read *t, char c)
{
    return t->rest.len > 0 && t->rest.ptr[0] == c;
}

bool toml_read_take(struct toml_read *t, char c)
{
    if (!toml_read_is(t, c)) {
        return false;
    }
    t->rest = imgc_str_from(t->rest, 1);
    return true;
}

void toml_read_blanks(struct toml_read *t)
{
    while (toml_read_take(t, ' ') || toml_read_take(t, '\t')) {
    }
}

/* A line end, "\n" or "\r\n". */
static bool take_newline(struct toml_read *t)
{
    if (!imgc_str_skip(&t->rest, IMGC_STR("\n")) && !imgc_str_skip(&t->rest, IMGC_STR("\r\n"))) {
        return false;
    }
    t->line++;
    return true;
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static int skip_comment(struct toml_read *t)
{
    if (!toml_read_take(t, '#')) {
        return 0;
    }
    while (t->rest.len > 0 && !toml_read_is(t, '\n') &&
           !imgc_str_starts(t->rest, IMGC_STR("\r\n"))) {
        if (is_control(t->rest.ptr[0])) {
            return toml_read_fail(t, "a control character in a comment");
        }
        t->rest = imgc_str_from(t->rest, 1);
    }
    return 0;
}

int toml_read_space(struct toml_read *t)
{
    do {
        toml_read_blanks(t);
        int r = skip_comment(t);
        if (r < 0) {
            return r;
        }
    } while (take_newline(t));
    return 0;
}

int toml_read_line_end(struct toml_read *t)
{
    toml_read_blanks(t);
    int r = skip_comment(t);
    if (r == 0 && t->rest.len > 0 && !take_newline(t)) {
        return toml_read_fail(t, "something stands behind the value or header");
    }
    return r;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t to_utf8(uint32_t c, char out[ESCAPE_MAX])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(first[n] | c);
    return n;
}

/* \uXXXX or \UXXXXXXXX, the letter taken. */
static int read_code(struct toml_read *t, size_t digits, struct imgc_buf *b)
{
    char out[ESCAPE_MAX];
    uint32_t code = 0;

    for (size_t i = 0; i < digits; i++) {
        int digit = t->rest.len > 0 ? hex_digit(t->rest.ptr[0]) : -1;
        if (digit < 0) {
            return toml_read_fail(t, "\\%c wants %zu hexadecimal digits", digits == 4 ? 'u' : 'U',
                                  digits);
        }
        code = code << 4 | (uint32_t)digit;
        t->rest = imgc_str_from(t->rest, 1);
    }
    if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return toml_read_fail(t, "an escape for what is no character, or NUL");
    }
    imgc_buf_add(b, out, to_utf8(code, out));
    return 0;
}

/* Behind a backslash. */
static int read_escape(struct toml_read *t, bool is_multi, struct imgc_buf *b)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    const char c = *(t->rest.len > 0 ? t->rest.ptr : "");
    const char *at = c ? strchr(from, c) : NULL;

    if (at) {
        imgc_buf_putc(b, to[at - from]);
        t->rest = imgc_str_from(t->rest, 1);
        return 0;
    }
    if (toml_read_take(t, 'u')) {
        return read_code(t, 4, b);
    }
    if (toml_read_take(t, 'U')) {
        return read_code(t, 8, b);
    }
    if (is_multi) { /* the line end and all blanks after it do not count */
        toml_read_blanks(t);
        if (take_newline(t)) {
            do {
                toml_read_blanks(t);
            } while (take_newline(t));
            return 0;
        }
    }
    return toml_read_fail(t, "an unknown escape in a string");
}

/* The end of a string of many lines: three quotes, and up to two before them belong to it. */
static bool take_long_end(struct toml_read *t, char quote, struct imgc_buf *b)
{
    size_t n = 0;

    while (n < 5 && n < t->rest.len && t->rest.ptr[n] == quote) {
        n++;
    }
    if (n < 3) {
        return false;
    }
    imgc_buf_add(b, t->rest.ptr, n - 3);
    t->rest = imgc_str_from(t->rest, n);
    return true;
}

/* Up to the closing quote, the opening ones taken. */
static int read_quoted(struct toml_read *t, char quote, bool is_multi, struct imgc_buf *b)
{
    while (t->rest.len > 0) {
        if (is_multi ? take_long_end(t, quote, b) : toml_read_take(t, quote)) {
            return 0;
        }
        if (quote == '"' && toml_read_take(t, '\\')) {
            int r = read_escape(t, is_multi, b);
            if (r < 0) {
                return r;
            }
            continue;
        }
        if (is_multi && take_newline(t)) {
            imgc_buf_putc(b, '\n');
            continue;
        }
        if (is_control(t->rest.ptr[0])) {
            break;
        }
        imgc_buf_putc(b, t->rest.ptr[0]);
        t->rest = imgc_str_from(t->rest, 1);
    }
    return toml_read_fail(t, "a string that is not closed, or has a control character");
}

static char take_quote(struct toml_read *t)
{
    if (toml_read_take(t, '"')) {
        return '"';
    }
    return toml_read_take(t, '\'') ? '\'' : '\0';
}

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

int toml_read_key(struct toml_read *t, char **ret)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_REGISTRIES_BYTES);
    char quote = take_quote(t);
    size_t n = 0;

    if (quote) {
        int r = read_quoted(t, quote, false, &b);
        if (r < 0) {
            return r;
        }
    } else {
        while (n < t->rest.len && is_bare(t->rest.ptr[n])) {
            n++;
        }
        if (n == 0) {
            return toml_read_fail(t, "a key is expected");
        }
        imgc_buf_add(&b, t->rest.ptr, n);
        t->rest = imgc_str_from(t->rest, n);
    }
    json_auto_free json_t *valid = json_stringn(b.ptr ? b.ptr : "", b.len);
    if (!valid) {
        return toml_read_fail(t, "a key that is not UTF-8");
    }
    return imgc_buf_take(&b, ret, t->err);
}

static int read_string(struct toml_read *t, char quote, json_t **ret)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_REGISTRIES_BYTES);
    const char two[] = { quote, quote, '\0' };
    bool is_multi = imgc_str_skip(&t->rest, imgc_str_of(two));
    struct imgc_str text;

    if (is_multi) {
        (void)take_newline(t); /* right behind the quotes: not a part of it */
    } else if (toml_read_take(t, quote)) {
        *ret = json_string("");
        return *ret ? 0 : imgc_fail(t->err, IMGC_E_NOMEM, "out of memory");
    }
    int r = read_quoted(t, quote, is_multi, &b);
    r = r < 0 ? r : imgc_buf_finish(&b, &text, t->err);
    if (r < 0) {
        return r;
    }
    *ret = json_stringn(text.ptr ? text.ptr : "", text.len);
    return *ret ? 0 : toml_read_fail(t, "a string that is not UTF-8");
}

/* Copy a number without its underscores, each of which stands between two digits.
 * @return false where one does not, or it is too long. */
static bool plain_digits(struct imgc_str s, char out[NUMBER_BYTES])
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '_') {
            if (i == 0 || i + 1 == s.len || hex_digit(s.ptr[i - 1]) < 0 ||
                hex_digit(s.ptr[i + 1]) < 0) {
                return false;
            }
            continue;
        }
        if (n + 1 == NUMBER_BYTES) {
            return false;
        }
        out[n++] = s.ptr[i];
    }
    out[n] = '\0';
    return n > 0;
}

/* "0x1f", "0o17", "0b1" or decimal digits with a sign; no leading zeros. */
static bool to_integer(const char *z, json_int_t *ret)
{
    const char *digits = z + (*z == '+' || *z == '-');
    bool is_signed = digits != z;
    int base = 10;
    char *end;

    if (digits[0] == '0' && digits[1] != '\0') {
        base = digits[1] == 'x' ? 16 : digits[1] == 'o' ? 8 : digits[1] == 'b' ? 2 : 0;
        digits += 2;
        if (base == 0 || is_signed || hex_digit(*digits) < 0) {
            return false;
        }
        z = digits;
    }
    if (hex_digit(*digits) < 0) {
        return false;
    }
    errno = 0;
    long long n = strtoll(z, &end, base);
    *ret = n;
    return errno == 0 && *end == '\0';
}

static size_t count_digits(const char *z)
{
    return strspn(z, "0123456789");
}

/* DIGITS[.DIGITS][eDIGITS], with signs where they may be. */
static bool to_real(const char *z, double *ret)
{
    const char *p = z + (*z == '+' || *z == '-');
    size_t n = count_digits(p);

    if (n == 0 || (n > 1 && p[0] == '0') || p[n] == '\0') {
        return false; /* without a fraction or an exponent: an integer that is too large */
    }
    p += n;
    if (*p == '.') {
        n = count_digits(++p);
        p += n;
    }
    if (n > 0 && (*p == 'e' || *p == 'E')) {
        p++;
        p += *p == '+' || *p == '-';
        n = count_digits(p);
        p += n;
    }
    *ret = strtod(z, NULL);
    return n > 0 && *p == '\0' && isfinite(*ret);
}

/* Whether it has the shape of a date, a time, or both: digits where @shape has them. */
static bool has_shape(struct imgc_str s, const char *shape)
{
    size_t n = strlen(shape);

    for (size_t i = 0; i < n; i++) {
        bool is_digit = i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9';
        if (i >= s.len || (shape[i] == '0' ? !is_digit : s.ptr[i] != shape[i])) {
            return false;
        }
    }
    return true;
}

/* How many characters of @s, from @n on, are of a number or a date. */
static size_t span_word(struct imgc_str s, size_t n)
{
    while (n < s.len &&
           (is_bare(s.ptr[n]) || s.ptr[n] == '+' || s.ptr[n] == '.' || s.ptr[n] == ':')) {
        n++;
    }
    return n;
}

static struct imgc_str take_word(struct toml_read *t)
{
    size_t n = span_word(t->rest, 0);
    struct imgc_str word = imgc_str_first(t->rest, n);

    /* A date and its time may have a blank between them. */
    if (n == 10 && has_shape(word, "0000-00-00") &&
        has_shape(imgc_str_from(t->rest, n), " 00:00")) {
        word = imgc_str_first(t->rest, span_word(t->rest, n + 1));
    }
    t->rest = imgc_str_from(t->rest, word.len);
    return word;
}

int toml_read_scalar(struct toml_read *t, json_t **ret)
{
    char quote = take_quote(t), digits[NUMBER_BYTES] = "";
    json_int_t integer;
    double real;

    if (quote) {
        return read_string(t, quote, ret);
    }
    struct imgc_str word = take_word(t);
    if (imgc_str_eq(word, IMGC_STR("true")) || imgc_str_eq(word, IMGC_STR("false"))) {
        *ret = json_boolean(word.len == 4);
    } else if (has_shape(word, "0000-00-00") || has_shape(word, "00:00")) {
        *ret = json_stringn(word.ptr, word.len);
    } else if (!plain_digits(word, digits)) {
        return toml_read_fail(t, "a value is expected");
    } else if (to_integer(digits, &integer)) {
        *ret = json_integer(integer);
    } else if (to_real(digits, &real)) {
        *ret = json_real(real);
    } else {
        return toml_read_fail(t, "'%s' is no value of TOML; text needs quotes", digits);
    }
    return *ret ? 0 : imgc_fail(t->err, IMGC_E_NOMEM, "out of memory");
}
