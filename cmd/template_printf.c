/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cmd/template_node.h"

#define FIELD_MAX 1000 /* width and precision; fmt's own limit is a million */

struct verb {
    bool minus, plus, sharp, space, zero;
    int width, precision; /* -1: none */
    char letter;
};

static int take_number(struct imgc_str *format)
{
    int n = -1;

    while (format->len > 0 && format->ptr[0] >= '0' && format->ptr[0] <= '9') {
        n = (n < 0 ? 0 : n) * 10 + (format->ptr[0] - '0');
        n = n > FIELD_MAX ? FIELD_MAX : n;
        *format = imgc_str_from(*format, 1);
    }
    return n;
}

/* After the percent sign. */
static struct verb take_verb(struct imgc_str *format)
{
    struct verb v = { .width = -1, .precision = -1 };

    for (; format->len > 0; *format = imgc_str_from(*format, 1)) {
        switch (format->ptr[0]) {
        case '-':
            v.minus = true;
            continue;
        case '+':
            v.plus = true;
            continue;
        case '#':
            v.sharp = true;
            continue;
        case ' ':
            v.space = true;
            continue;
        case '0':
            v.zero = true;
            continue;
        default:
            break;
        }
        break;
    }
    v.width = take_number(format);
    if (imgc_str_skip(format, IMGC_STR("."))) {
        v.precision = take_number(format);
        v.precision = v.precision < 0 ? 0 : v.precision;
    }
    if (format->len > 0) {
        v.letter = format->ptr[0];
        *format = imgc_str_from(*format, 1);
    }
    return v;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static size_t count_runes(struct imgc_str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        n += !is_continuation(s.ptr[i]);
    }
    return n;
}

static struct imgc_str first_runes(struct imgc_str s, size_t n)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_continuation(s.ptr[i]) && n-- == 0) {
            return imgc_str_first(s, i);
        }
    }
    return s;
}

static void put_padded(struct imgc_buf *b, const struct verb *v, struct imgc_str s)
{
    size_t runes = count_runes(s);
    int fill = v->width > (int)runes ? v->width - (int)runes : 0;

    if (!v->minus) {
        for (int i = 0; i < fill; i++) {
            imgc_buf_putc(b, v->zero ? '0' : ' ');
        }
    }
    imgc_buf_str(b, s);
    if (v->minus) {
        imgc_buf_printf(b, "%*s", fill, "");
    }
}

/* "%!d(string=x)" */
static void put_bad(struct imgc_buf *b, char letter, const json_t *value)
{
    imgc_buf_printf(b, "%%!%c(", letter);
    if (json_is_null(value)) {
        imgc_buf_puts(b, "<nil>)");
        return;
    }
    imgc_buf_printf(b, "%s=", template_value_type(value));
    template_value_print(b, value);
    imgc_buf_putc(b, ')');
}

static void put_hex(struct imgc_buf *b, struct imgc_str s, bool upper)
{
    for (size_t i = 0; i < s.len; i++) {
        imgc_buf_printf(b, upper ? "%02X" : "%02x", (unsigned char)s.ptr[i]);
    }
}

static bool put_string(struct imgc_buf *b, const struct verb *v, const json_t *value)
{
    struct imgc_str s = template_value_str(value);

    if (v->precision >= 0 && strchr("svq", v->letter)) {
        s = first_runes(s, (size_t)v->precision);
    }
    switch (v->letter) {
    case 's':
    case 'v':
        if (v->sharp) {
            template_value_quote(b, s);
        } else {
            imgc_buf_str(b, s);
        }
        return true;
    case 'q':
        template_value_quote(b, s);
        return true;
    case 'x':
    case 'X':
        put_hex(b, s, v->letter == 'X');
        return true;
    default:
        return false;
    }
}

static void put_binary(struct imgc_buf *b, uint64_t n)
{
    int bit = 63;

    while (bit > 0 && !(n >> bit & 1)) {
        bit--;
    }
    for (; bit >= 0; bit--) {
        imgc_buf_putc(b, n >> bit & 1 ? '1' : '0');
    }
}

static bool put_integer(struct imgc_buf *b, const struct verb *v, const json_t *value)
{
    json_int_t n = json_integer_value(value);
    uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    if (!v->letter || !strchr("dvxXobcqU", v->letter)) {
        return false;
    }
    if (v->letter == 'c' || v->letter == 'q') {
        imgc_buf_printf(b, v->letter == 'q' ? "'%c'" : "%c", n > 31 && n < 127 ? (int)n : '?');
        return true;
    }
    if (v->letter == 'U') {
        imgc_buf_printf(b, "U+%04llX", (unsigned long long)size);
        return true;
    }
    imgc_buf_puts(b, n < 0 ? "-" : v->plus ? "+" : v->space ? " " : "");
    switch (v->letter) {
    case 'x':
        imgc_buf_printf(b, "%s%llx", v->sharp ? "0x" : "", (unsigned long long)size);
        break;
    case 'X':
        imgc_buf_printf(b, "%s%llX", v->sharp ? "0X" : "", (unsigned long long)size);
        break;
    case 'o':
        imgc_buf_printf(b, "%s%llo", v->sharp ? "0" : "", (unsigned long long)size);
        break;
    case 'b':
        put_binary(b, size);
        break;
    default:
        imgc_buf_printf(b, "%llu", (unsigned long long)size);
    }
    return true;
}

static bool put_real(struct imgc_buf *b, const struct verb *v, const json_t *value)
{
    double d = json_real_value(value);
    int precision = v->precision < 0 ? 6 : v->precision;

    if (d >= 0 && v->plus) {
        imgc_buf_putc(b, '+');
    }
    switch (v->letter) {
    case 'f':
    case 'F':
        imgc_buf_printf(b, "%.*f", precision, d);
        return true;
    case 'e':
        imgc_buf_printf(b, "%.*e", precision, d);
        return true;
    case 'E':
        imgc_buf_printf(b, "%.*E", precision, d);
        return true;
    case 'g':
    case 'G':
    case 'v':
        if (v->precision < 0) {
            template_value_float(b, d, false);
        } else {
            imgc_buf_printf(b, "%.*g", precision, d);
        }
        return true;
    default:
        return false;
    }
}

/* Text of one value, without padding. @return false where the verb does not suit it. */
static bool put_value(struct imgc_buf *b, const struct verb *v, const json_t *value)
{
    if (v->letter == 'T') {
        imgc_buf_puts(b, template_value_type(value));
        return true;
    }
    switch (json_typeof(value)) {
    case JSON_STRING:
        return put_string(b, v, value);
    case JSON_INTEGER:
        return put_integer(b, v, value);
    case JSON_REAL:
        return put_real(b, v, value);
    case JSON_TRUE:
    case JSON_FALSE:
        if (v->letter != 't' && v->letter != 'v') {
            return false;
        }
        break;
    case JSON_NULL:
        if (v->letter != 'v') {
            return false;
        }
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        if (v->letter != 'v' && v->letter != 's') {
            return false;
        }
        break;
    }
    template_value_print(b, value);
    return true;
}

static int put_verb(struct imgc_buf *b, const struct verb *v, const json_t *value,
                    struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(TEMPLATE_OUTPUT_MAX);
    struct imgc_str s;

    if (!put_value(&text, v, value)) {
        imgc_buf_clear(&text);
        put_bad(b, v->letter, value);
        return 0;
    }
    int r = imgc_buf_finish(&text, &s, reterr);
    if (r < 0) {
        return r;
    }
    /* Zeros go between the sign and the digits. */
    if (v->zero && !v->minus && json_is_number(value) && s.len && strchr("+-", s.ptr[0])) {
        struct verb rest = *v;
        rest.width -= rest.width > 0;
        imgc_buf_putc(b, s.ptr[0]);
        put_padded(b, &rest, imgc_str_from(s, 1));
        return 0;
    }
    put_padded(b, v, s);
    return 0;
}

static void put_extra(struct imgc_buf *b, const struct template_call *c, size_t next)
{
    imgc_buf_puts(b, "%!(EXTRA ");
    for (size_t i = next; i < c->n; i++) {
        imgc_buf_printf(b, "%s%s=", i > next ? ", " : "", template_value_type(c->argv[i]));
        template_value_print(b, c->argv[i]);
    }
    imgc_buf_putc(b, ')');
}

int template_printf(struct template_call *c, json_t **ret)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEMPLATE_OUTPUT_MAX);
    size_t next = 1;

    if (!json_is_string(c->argv[0])) {
        return imgc_fail(c->err, IMGC_E_USAGE, "template: printf wants a format string, not %s",
                         template_value_type(c->argv[0]));
    }
    struct imgc_str format = template_value_str(c->argv[0]);
    while (format.len > 0) {
        size_t n = imgc_str_find(format, '%');
        imgc_buf_str(&b, imgc_str_first(format, n));
        if (n == format.len) {
            break;
        }
        format = imgc_str_from(format, n + 1);
        struct verb v = take_verb(&format);
        if (!v.letter) {
            imgc_buf_puts(&b, "%!(NOVERB)");
        } else if (v.letter == '%') {
            imgc_buf_putc(&b, '%');
        } else if (next >= c->n) {
            imgc_buf_printf(&b, "%%!%c(MISSING)", v.letter);
        } else {
            int r = put_verb(&b, &v, c->argv[next++], c->err);
            if (r < 0) {
                return r;
            }
        }
    }
    if (next < c->n) {
        put_extra(&b, c, next);
    }
    return template_value_of_buf(&b, ret, c->err);
}
