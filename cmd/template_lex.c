/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/template_lex.h"

#include <errno.h>
#include <stdlib.h>

#include "cmd/template.h"

#define NUMBER_TEXT_MAX 64 /* no number in a template is longer */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Letters outside ASCII may be in keys of documents. */
static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           (unsigned char)c >= 0x80;
}

static struct imgc_str take_name(struct imgc_str *rest)
{
    size_t n = 0;

    while (n < rest->len && is_name(rest->ptr[n])) {
        n++;
    }
    struct imgc_str name = imgc_str_first(*rest, n);
    *rest = imgc_str_from(*rest, n);
    return name;
}

static void put_utf8(struct imgc_buf *b, uint32_t c)
{
    if (c < 0x80) {
        imgc_buf_putc(b, (char)c);
    } else if (c < 0x800) {
        imgc_buf_putc(b, (char)(0xC0 | (c >> 6)));
        imgc_buf_putc(b, (char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        imgc_buf_putc(b, (char)(0xE0 | (c >> 12)));
        imgc_buf_putc(b, (char)(0x80 | ((c >> 6) & 0x3F)));
        imgc_buf_putc(b, (char)(0x80 | (c & 0x3F)));
    } else {
        imgc_buf_putc(b, (char)(0xF0 | (c >> 18)));
        imgc_buf_putc(b, (char)(0x80 | ((c >> 12) & 0x3F)));
        imgc_buf_putc(b, (char)(0x80 | ((c >> 6) & 0x3F)));
        imgc_buf_putc(b, (char)(0x80 | (c & 0x3F)));
    }
}

/* @n digits of @base at the front of *rest. */
static bool take_code(struct imgc_str *rest, size_t n, unsigned base, uint32_t *ret)
{
    uint32_t value = 0;

    if (rest->len < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        char c = rest->ptr[i];
        unsigned digit = is_digit(c)            ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 99;
        if (digit >= base) {
            return false;
        }
        value = value * base + digit;
    }
    *rest = imgc_str_from(*rest, n);
    *ret = value;
    return true;
}

/* One escape of a Go string, after the backslash. @ret_byte  a byte of its own, not a character. */
static bool take_escape(struct imgc_str *rest, uint32_t *ret, bool *ret_byte)
{
    static const char from[] = "abfnrtv\\\"'", to[] = "\a\b\f\n\r\t\v\\\"'";

    if (rest->len == 0) {
        return false;
    }
    char c = rest->ptr[0];
    const char *known = c ? strchr(from, c) : NULL;
    *ret_byte = false;
    if (known) {
        *ret = (unsigned char)to[known - from];
        *rest = imgc_str_from(*rest, 1);
        return true;
    }
    if (c >= '0' && c <= '7') {
        *ret_byte = true;
        return take_code(rest, 3, 8, ret) && *ret <= 0xFF;
    }
    *rest = imgc_str_from(*rest, 1);
    *ret_byte = c == 'x';
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    return digits && take_code(rest, digits, 16, ret) && *ret <= 0x10FFFF &&
           !(*ret >= 0xD800 && *ret <= 0xDFFF);
}

static int literal_of(json_t *j, struct template_token *ret, struct imgc_err *reterr)
{
    if (!j) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    ret->kind = TOKEN_LITERAL;
    ret->literal = j;
    return 0;
}

/* After the opening quote. */
static int lex_string(struct imgc_str *rest, struct template_token *ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEMPLATE_TEXT_MAX);

    while (rest->len > 0 && rest->ptr[0] != '"' && rest->ptr[0] != '\n') {
        uint32_t c = (unsigned char)rest->ptr[0];
        bool byte = true;

        *rest = imgc_str_from(*rest, 1);
        if (c == '\\' && !take_escape(rest, &c, &byte)) {
            return imgc_fail(reterr, IMGC_E_USAGE, "template: bad escape in a string");
        }
        if (byte) {
            imgc_buf_putc(&b, (char)c);
        } else {
            put_utf8(&b, c);
        }
    }
    if (rest->len == 0 || rest->ptr[0] != '"') {
        return imgc_fail(reterr, IMGC_E_USAGE, "template: unterminated quoted string");
    }
    *rest = imgc_str_from(*rest, 1);
    struct imgc_str s;
    int r = imgc_buf_finish(&b, &s, reterr);
    return r < 0 ? r : literal_of(json_stringn_nocheck(s.ptr, s.len), ret, reterr);
}

static int lex_raw_string(struct imgc_str *rest, struct template_token *ret,
                          struct imgc_err *reterr)
{
    struct imgc_str text, tail;

    if (!imgc_str_split(*rest, '`', &text, &tail)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "template: unterminated raw string");
    }
    *rest = tail;
    return literal_of(json_stringn_nocheck(text.ptr ? text.ptr : "", text.len), ret, reterr);
}

/* 'c': the number of the character. */
static int lex_char(struct imgc_str *rest, struct template_token *ret, struct imgc_err *reterr)
{
    uint32_t c = rest->len ? (unsigned char)rest->ptr[0] : 0;
    bool byte;

    if (c < 0x20 || c == '\'' || c >= 0x80) {
        return imgc_fail(reterr, IMGC_E_USAGE, "template: bad character constant");
    }
    *rest = imgc_str_from(*rest, 1);
    if (c == '\\' && !take_escape(rest, &c, &byte)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "template: bad escape in a character constant");
    }
    if (!imgc_str_skip(rest, IMGC_STR("'"))) {
        return imgc_fail(reterr, IMGC_E_USAGE, "template: unterminated character constant");
    }
    return literal_of(json_integer((json_int_t)c), ret, reterr);
}

static json_t *number_of(const char *text)
{
    char *end = NULL;
    const char *digits = text + (*text == '+' || *text == '-');
    int base = 10;
    bool binary = strncmp(digits, "0b", 2) == 0, octal = strncmp(digits, "0o", 2) == 0;

    if (digits[0] == '0' && digits[1]) {
        base = binary ? 2 : digits[1] == 'x' || digits[1] == 'X' ? 16 : 8;
    }
    errno = 0;
    if (binary || octal) {
        long long value = strtoll(digits + 2, &end, base);
        if (errno == 0 && *end == '\0' && end > digits + 2) {
            return json_integer(*text == '-' ? -value : value);
        }
        return NULL;
    }
    long long value = strtoll(text, &end, base);
    if (errno == 0 && *end == '\0' && end > digits) {
        return json_integer(value);
    }
    double real = strtod(text, &end);
    return *end == '\0' && end > digits ? json_real(real) : NULL; /* no NaN, no infinity */
}

static int lex_number(struct imgc_str *rest, struct template_token *ret, struct imgc_err *reterr)
{
    char text[NUMBER_TEXT_MAX];
    size_t n = 0, used = 0;

    while (used < rest->len) {
        char c = rest->ptr[used];
        bool sign = (c == '+' || c == '-') &&
                    (used == 0 || rest->ptr[used - 1] == 'e' || rest->ptr[used - 1] == 'E');
        if (!is_name(c) && c != '.' && !sign) {
            break;
        }
        if (n + 1 >= sizeof text) {
            return imgc_fail(reterr, IMGC_E_USAGE, "template: number too long");
        }
        if (c != '_') {
            text[n++] = c;
        }
        used++;
    }
    text[n] = '\0';
    json_t *j = number_of(text);
    if (!j) {
        return imgc_fail(reterr, IMGC_E_USAGE, "template: bad number syntax: '%s'", text);
    }
    *rest = imgc_str_from(*rest, used);
    return literal_of(j, ret, reterr);
}

static bool lex_end(struct imgc_str *rest, struct template_token *ret)
{
    /* "The minus sign and the white space must both be present." */
    if (ret->spaced && imgc_str_skip(rest, IMGC_STR("-}}"))) {
        ret->trims = true;
        return true;
    }
    return imgc_str_skip(rest, IMGC_STR("}}"));
}

static bool lex_mark(struct imgc_str *rest, struct template_token *ret)
{
    static const struct {
        const char *text;
        enum template_token_kind kind;
    } marks[] = {
        { "|", TOKEN_PIPE },  { "(", TOKEN_OPEN },     { ")", TOKEN_CLOSE },
        { ",", TOKEN_COMMA }, { ":=", TOKEN_DECLARE }, { "=", TOKEN_ASSIGN },
    };

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (imgc_str_skip(rest, imgc_str_of(marks[i].text))) {
            ret->kind = marks[i].kind;
            return true;
        }
    }
    return false;
}

int template_lex_next(struct imgc_str *rest, struct template_token *ret, struct imgc_err *reterr)
{
    *ret = (struct template_token){ .kind = TOKEN_END };
    while (rest->len > 0 && is_blank(rest->ptr[0])) {
        ret->spaced = true;
        *rest = imgc_str_from(*rest, 1);
    }
    if (rest->len == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "template: unclosed action, '}}' is missing");
    }
    if (lex_end(rest, ret) || lex_mark(rest, ret)) {
        return 0;
    }

    char c = rest->ptr[0], next = (char)(rest->len > 1 ? rest->ptr[1] : '\0');
    if (is_digit(c) || ((c == '+' || c == '-' || c == '.') && is_digit(next))) {
        return lex_number(rest, ret, reterr);
    }
    if (c == '.' || c == '$') {
        *rest = imgc_str_from(*rest, 1);
        ret->text = take_name(rest);
        ret->kind = c == '$' ? TOKEN_VARIABLE : ret->text.len ? TOKEN_FIELD : TOKEN_DOT;
        return 0;
    }
    if (is_name(c)) {
        ret->text = take_name(rest);
        ret->kind = TOKEN_WORD;
        return 0;
    }
    *rest = imgc_str_from(*rest, 1);
    switch (c) {
    case '"':
        return lex_string(rest, ret, reterr);
    case '`':
        return lex_raw_string(rest, ret, reterr);
    case '\'':
        return lex_char(rest, ret, reterr);
    default:
        return imgc_fail(reterr, IMGC_E_USAGE, "template: unexpected '%c' in an action", c);
    }
}
