/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "cmd/template_node.h"

#define FLOAT_TEXT_MAX 32 /* sign, 17 digits, point, exponent */

struct imgc_str template_value_str(const json_t *v)
{
    return (struct imgc_str){ json_string_value(v), json_string_length(v) };
}

bool template_value_truth(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_NULL:
    case JSON_FALSE:
        return false;
    case JSON_TRUE:
        return true;
    case JSON_INTEGER:
        return json_integer_value(v) != 0;
    case JSON_REAL:
        return json_real_value(v) != 0.0;
    case JSON_STRING:
        return json_string_length(v) > 0;
    case JSON_ARRAY:
        return json_array_size(v) > 0;
    case JSON_OBJECT:
        return json_object_size(v) > 0;
    }
    return false;
}

const char *template_value_type(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_NULL:
        return "<nil>";
    case JSON_FALSE:
    case JSON_TRUE:
        return "bool";
    case JSON_INTEGER:
        return "int";
    case JSON_REAL:
        return "float64";
    case JSON_STRING:
        return "string";
    case JSON_ARRAY:
        return "[]interface {}";
    case JSON_OBJECT:
        return "map[string]interface {}";
    }
    return "?";
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int template_value_keys(const json_t *obj, const char ***ret, struct imgc_err *reterr)
{
    size_t n = json_object_size(obj), i = 0;
    const char **keys = calloc(n + 1, sizeof *keys);
    if (!keys) {
        (void)imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        return -IMGC_E_NOMEM;
    }

    union {
        const json_t *in;
        json_t *out;
    } u = { .in = obj }; /* jansson's iterators want it not const */
    for (void *it = json_object_iter(u.out); it && i < n; it = json_object_iter_next(u.out, it)) {
        keys[i++] = json_object_iter_key(it);
    }
    qsort(keys, i, sizeof *keys, compare_keys);
    *ret = keys;
    return 0;
}

/* Shortest digits that read back as the same number; *ret_exp is the decimal exponent. */
static size_t shortest_digits(double d, char digits[FLOAT_TEXT_MAX], int *ret_exp)
{
    char text[FLOAT_TEXT_MAX];
    size_t n = 0;

    for (int precision = 0; precision <= 16; precision++) {
        (void)snprintf(text, sizeof text, "%.*e", precision, d);
        if (strtod(text, NULL) == d) {
            break;
        }
    }
    char *e = strchr(text, 'e');
    *ret_exp = e ? (int)strtol(e + 1, NULL, 10) : 0;
    for (const char *p = text; *p && *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9') {
            digits[n++] = *p;
        }
    }
    digits[n] = '\0';
    return n;
}

static void put_exponent(struct imgc_buf *b, const char *digits, size_t n, int exp, bool json)
{
    imgc_buf_putc(b, digits[0]);
    if (n > 1) {
        imgc_buf_putc(b, '.');
        imgc_buf_puts(b, digits + 1);
    }
    /* encoding/json writes e-7 where fmt writes e-07. */
    imgc_buf_printf(b,
                    json && exp < 0 ? "e-%d"
                    : exp < 0       ? "e-%02d"
                                    : "e+%02d",
                    exp < 0 ? -exp : exp);
}

static void put_plain(struct imgc_buf *b, const char *digits, size_t n, int exp)
{
    if (exp < 0) {
        imgc_buf_puts(b, "0.");
        for (int i = -1; i > exp; i--) {
            imgc_buf_putc(b, '0');
        }
        imgc_buf_puts(b, digits);
        return;
    }
    for (size_t i = 0; i < n || i <= (size_t)exp; i++) {
        if (i == (size_t)exp + 1) {
            imgc_buf_putc(b, '.');
        }
        imgc_buf_putc(b, (char)(i < n ? digits[i] : '0'));
    }
}

void template_value_float(struct imgc_buf *b, double d, bool json)
{
    char digits[FLOAT_TEXT_MAX];
    int exp;

    if (isnan(d) || isinf(d)) {
        imgc_buf_puts(b, isnan(d) ? "NaN" : d > 0 ? "+Inf" : "-Inf");
        return;
    }
    if (signbit(d)) {
        imgc_buf_putc(b, '-');
        d = -d;
    }
    size_t n = shortest_digits(d, digits, &exp);
    /* The limits where strconv's shortest 'g' and encoding/json change to an exponent. */
    int low = json ? -6 : -4, high = json ? 21 : 6;
    if (d != 0.0 && (exp < low || exp >= high)) {
        put_exponent(b, digits, n, exp, json);
    } else {
        put_plain(b, digits, n, exp);
    }
}

static void print_object(struct imgc_buf *b, const json_t *v)
{
    imgc_autofree const char **keys = NULL;
    struct imgc_err err;

    if (template_value_keys(v, &keys, &err) < 0) {
        b->state = IMGC_BUF_NOMEM;
        return;
    }
    imgc_buf_puts(b, "map[");
    for (size_t i = 0; keys[i]; i++) {
        imgc_buf_printf(b, "%s%s:", i ? " " : "", keys[i]);
        template_value_print(b, json_object_get(v, keys[i]));
    }
    imgc_buf_putc(b, ']');
}

void template_value_print(struct imgc_buf *b, const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_NULL:
        imgc_buf_puts(b, "<nil>");
        break;
    case JSON_FALSE:
    case JSON_TRUE:
        imgc_buf_puts(b, json_is_true(v) ? "true" : "false");
        break;
    case JSON_INTEGER:
        imgc_buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        break;
    case JSON_REAL:
        template_value_float(b, json_real_value(v), false);
        break;
    case JSON_STRING:
        imgc_buf_str(b, template_value_str(v));
        break;
    case JSON_ARRAY:
        imgc_buf_putc(b, '[');
        for (size_t i = 0; i < json_array_size(v); i++) {
            imgc_buf_puts(b, i ? " " : "");
            template_value_print(b, json_array_get(v, i));
        }
        imgc_buf_putc(b, ']');
        break;
    case JSON_OBJECT:
        print_object(b, v);
        break;
    }
}

/* @go  \a, \v and the rest of Go's source form; else what JSON knows. */
static void put_escaped(struct imgc_buf *b, unsigned char c, bool go)
{
    static const char names[] = "\aa\bb\ff\nn\rr\tt\vv";

    if (c == '"' || c == '\\') {
        imgc_buf_putc(b, '\\');
        imgc_buf_putc(b, (char)c);
        return;
    }
    for (size_t i = 0; i + 1 < sizeof names; i += 2) {
        bool json_knows = c == '\n' || c == '\r' || c == '\t';
        if ((unsigned char)names[i] == c && (go || json_knows)) {
            imgc_buf_putc(b, '\\');
            imgc_buf_putc(b, names[i + 1]);
            return;
        }
    }
    imgc_buf_printf(b, go ? "\\x%02x" : "\\u%04x", c);
}

static void put_string(struct imgc_buf *b, struct imgc_str s, bool go)
{
    imgc_buf_putc(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == '"' || c == '\\' || (go && c == 0x7F)) {
            put_escaped(b, c, go);
        } else {
            imgc_buf_putc(b, (char)c);
        }
    }
    imgc_buf_putc(b, '"');
}

void template_value_quote(struct imgc_buf *b, struct imgc_str s)
{
    put_string(b, s, true);
}

static void json_of_object(struct imgc_buf *b, const json_t *v)
{
    imgc_autofree const char **keys = NULL;
    struct imgc_err err;

    if (template_value_keys(v, &keys, &err) < 0) {
        b->state = IMGC_BUF_NOMEM;
        return;
    }
    imgc_buf_putc(b, '{');
    for (size_t i = 0; keys[i]; i++) {
        imgc_buf_puts(b, i ? "," : "");
        put_string(b, imgc_str_of(keys[i]), false);
        imgc_buf_putc(b, ':');
        template_value_json(b, json_object_get(v, keys[i]));
    }
    imgc_buf_putc(b, '}');
}

void template_value_json(struct imgc_buf *b, const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_NULL:
        imgc_buf_puts(b, "null");
        break;
    case JSON_REAL:
        template_value_float(b, json_real_value(v), true);
        break;
    case JSON_STRING:
        put_string(b, template_value_str(v), false);
        break;
    case JSON_ARRAY:
        imgc_buf_putc(b, '[');
        for (size_t i = 0; i < json_array_size(v); i++) {
            imgc_buf_puts(b, i ? "," : "");
            template_value_json(b, json_array_get(v, i));
        }
        imgc_buf_putc(b, ']');
        break;
    case JSON_OBJECT:
        json_of_object(b, v);
        break;
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_INTEGER:
        template_value_print(b, v);
        break;
    }
}
