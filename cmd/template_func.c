/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cmd/template_node.h"

static int out_of_memory(struct template_call *c)
{
    return imgc_fail(c->err, IMGC_E_NOMEM, "out of memory");
}

static int give(struct template_call *c, json_t *value, json_t **ret)
{
    if (!value) {
        return out_of_memory(c);
    }
    *ret = value;
    return 0;
}

static int give_str(struct template_call *c, struct imgc_str s, json_t **ret)
{
    return give(c, json_stringn_nocheck(s.ptr ? s.ptr : "", s.len), ret);
}

int template_value_of_buf(struct imgc_buf *b, json_t **ret, struct imgc_err *reterr)
{
    struct imgc_str s = { NULL, 0 };

    int r = imgc_buf_finish(b, &s, reterr);
    if (r < 0) {
        return r;
    }
    *ret = json_stringn_nocheck(s.ptr, s.len);
    return *ret ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
}

static int wrong_type(struct template_call *c, const char *func, const char *wants,
                      const json_t *got)
{
    return imgc_fail(c->err, IMGC_E_USAGE, "template: %s wants %s, not %s", func, wants,
                     template_value_type(got));
}

static int need_string(struct template_call *c, size_t i, const char *func, struct imgc_str *ret)
{
    if (!json_is_string(c->argv[i])) {
        return wrong_type(c, func, "a string", c->argv[i]);
    }
    *ret = template_value_str(c->argv[i]);
    return 0;
}

static int need_size(struct template_call *c, size_t i, const char *func, size_t *ret)
{
    if (!json_is_integer(c->argv[i])) {
        return wrong_type(c, func, "a whole number", c->argv[i]);
    }
    json_int_t n = json_integer_value(c->argv[i]);
    if (n < 0 || (unsigned long long)n > TEMPLATE_OUTPUT_MAX) {
        return imgc_fail(c->err, IMGC_E_USAGE,
                         "template: %s: index out of range: %" JSON_INTEGER_FORMAT, func, n);
    }
    *ret = (size_t)n;
    return 0;
}

/* ---- logic and comparison ---- */

static int call_and(struct template_call *c, json_t **ret)
{
    size_t i = 0;

    while (i + 1 < c->n && template_value_truth(c->argv[i])) {
        i++;
    }
    *ret = json_incref(c->argv[i]);
    return 0;
}

static int call_or(struct template_call *c, json_t **ret)
{
    size_t i = 0;

    while (i + 1 < c->n && !template_value_truth(c->argv[i])) {
        i++;
    }
    *ret = json_incref(c->argv[i]);
    return 0;
}

static int call_not(struct template_call *c, json_t **ret)
{
    *ret = json_boolean(!template_value_truth(c->argv[0]));
    return 0;
}

static int compare_numbers(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b)) {
        json_int_t x = json_integer_value(a), y = json_integer_value(b);
        return (x > y) - (x < y);
    }
    double x = json_number_value(a), y = json_number_value(b);
    return (x > y) - (x < y);
}

/* Nothing and truth values are equal or not. @return whether they are such. */
static bool equal_without_order(const json_t *a, const json_t *b, int *ret)
{
    if (json_is_null(a) || json_is_null(b)) {
        *ret = !(json_is_null(a) && json_is_null(b));
        return true;
    }
    *ret = json_is_true(a) != json_is_true(b);
    return json_is_boolean(a) && json_is_boolean(b);
}

/* @ret  -1, 0, 1; for what has no order only whether it is 0 counts. */
static int compare(struct template_call *c, const json_t *a, const json_t *b, bool ordered,
                   int *ret)
{
    if (json_is_number(a) && json_is_number(b)) {
        *ret = compare_numbers(a, b);
        return 0;
    }
    if (json_is_string(a) && json_is_string(b)) {
        *ret = imgc_str_cmp(template_value_str(a), template_value_str(b));
        return 0;
    }
    if (!ordered && equal_without_order(a, b, ret)) {
        return 0;
    }
    return imgc_fail(c->err, IMGC_E_USAGE, "template: incompatible types for comparison: %s and %s",
                     template_value_type(a), template_value_type(b));
}

static int call_eq(struct template_call *c, json_t **ret)
{
    bool equal = false;

    for (size_t i = 1; i < c->n && !equal; i++) {
        int order = 0;
        int r = compare(c, c->argv[0], c->argv[i], false, &order);
        if (r < 0) {
            return r;
        }
        equal = order == 0;
    }
    *ret = json_boolean(equal);
    return 0;
}

static int call_ne(struct template_call *c, json_t **ret)
{
    int order = 0;
    int r = compare(c, c->argv[0], c->argv[1], false, &order);

    *ret = json_boolean(r == 0 && order != 0);
    return r;
}

static int ordered(struct template_call *c, bool less, bool equal, json_t **ret)
{
    int order = 0;
    int r = compare(c, c->argv[0], c->argv[1], true, &order);

    *ret = json_boolean(r == 0 && (order == 0 ? equal : (order < 0) == less));
    return r;
}

static int call_lt(struct template_call *c, json_t **ret)
{
    return ordered(c, true, false, ret);
}

static int call_le(struct template_call *c, json_t **ret)
{
    return ordered(c, true, true, ret);
}

static int call_gt(struct template_call *c, json_t **ret)
{
    return ordered(c, false, false, ret);
}

static int call_ge(struct template_call *c, json_t **ret)
{
    return ordered(c, false, true, ret);
}

/* ---- parts of values ---- */

static int call_len(struct template_call *c, json_t **ret)
{
    const json_t *v = c->argv[0];

    if (json_is_string(v)) {
        return give(c, json_integer((json_int_t)json_string_length(v)), ret);
    }
    if (json_is_array(v)) {
        return give(c, json_integer((json_int_t)json_array_size(v)), ret);
    }
    if (json_is_object(v)) {
        return give(c, json_integer((json_int_t)json_object_size(v)), ret);
    }
    return wrong_type(c, "len", "a string, list or map", v);
}

/* @ret  borrowed from @v, or json_null(). */
static int index_once(struct template_call *c, json_t *v, size_t i, json_t **ret)
{
    if (json_is_array(v)) {
        size_t n = 0;
        int r = need_size(c, i, "index", &n);
        if (r < 0) {
            return r;
        }
        *ret = json_array_get(v, n);
        return *ret ? 0 : imgc_fail(c->err, IMGC_E_USAGE, "template: index out of range: %zu", n);
    }
    if (json_is_object(v)) {
        struct imgc_str key = { NULL, 0 };
        int r = need_string(c, i, "index of a map", &key);
        if (r < 0) {
            return r;
        }
        json_t *found = json_object_getn(v, key.ptr, key.len);
        *ret = found ? found : json_null();
        return 0;
    }
    return wrong_type(c, "index", "a list or map", v);
}

static int call_index(struct template_call *c, json_t **ret)
{
    json_t *v = c->argv[0];

    for (size_t i = 1; i < c->n; i++) {
        int r = index_once(c, v, i, &v);
        if (r < 0) {
            return r;
        }
    }
    *ret = json_incref(v);
    return 0;
}

static int slice_list(struct template_call *c, size_t from, size_t to, json_t **ret)
{
    json_auto_t *list = json_array();

    for (size_t i = from; list && i < to; i++) {
        if (json_array_append(list, json_array_get(c->argv[0], i)) < 0) {
            return out_of_memory(c);
        }
    }
    return give(c, imgc_take(list), ret);
}

static int call_slice(struct template_call *c, json_t **ret)
{
    bool is_list = json_is_array(c->argv[0]);
    size_t len = is_list ? json_array_size(c->argv[0]) : json_string_length(c->argv[0]);
    size_t from = 0, to = len;
    int r = 0;

    if (!is_list && !json_is_string(c->argv[0])) {
        return wrong_type(c, "slice", "a string or list", c->argv[0]);
    }
    if (c->n > 1) {
        r = need_size(c, 1, "slice", &from);
    }
    if (r == 0 && c->n > 2) {
        r = need_size(c, 2, "slice", &to);
    }
    if (r < 0) {
        return r;
    }
    if (to > len || from > to) {
        return imgc_fail(c->err, IMGC_E_USAGE, "template: slice: index out of range: %zu",
                         to > len ? to : from);
    }
    if (is_list) {
        return slice_list(c, from, to, ret);
    }
    struct imgc_str s = template_value_str(c->argv[0]);
    return give_str(c, imgc_str_first(imgc_str_from(s, from), to - from), ret);
}

static int call_json(struct template_call *c, json_t **ret)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEMPLATE_OUTPUT_MAX);

    template_value_json(&b, c->argv[0]);
    return template_value_of_buf(&b, ret, c->err);
}

/* ---- strings ---- */

static int call_join(struct template_call *c, json_t **ret)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEMPLATE_OUTPUT_MAX);
    struct imgc_str separator = { NULL, 0 };

    int r = need_string(c, 1, "join", &separator);
    if (r < 0) {
        return r;
    }
    if (!json_is_array(c->argv[0]) && !json_is_null(c->argv[0])) {
        return wrong_type(c, "join", "a list of strings", c->argv[0]);
    }
    for (size_t i = 0; i < json_array_size(c->argv[0]); i++) {
        const json_t *item = json_array_get(c->argv[0], i);
        if (!json_is_string(item)) {
            return wrong_type(c, "join", "a list of strings", item);
        }
        if (i > 0) {
            imgc_buf_str(&b, separator);
        }
        imgc_buf_str(&b, template_value_str(item));
    }
    return template_value_of_buf(&b, ret, c->err);
}

static int call_split(struct template_call *c, json_t **ret)
{
    json_auto_t *list = json_array();
    struct imgc_str s = { NULL, 0 }, separator = s;

    int r = need_string(c, 0, "split", &s);
    if (r == 0) {
        r = need_string(c, 1, "split", &separator);
    }
    if (r < 0) {
        return r;
    }
    while (list) {
        const char *at =
            separator.len && s.len ? memmem(s.ptr, s.len, separator.ptr, separator.len) : NULL;
        /* Without a separator every byte is a part. */
        size_t n = at ? (size_t)(at - s.ptr) : separator.len == 0 && s.len > 1 ? 1 : s.len;
        bool last = !at && n == s.len;
        if (json_array_append_new(list, json_stringn_nocheck(n ? s.ptr : "", n)) < 0) {
            return out_of_memory(c);
        }
        if (last) {
            break;
        }
        s = imgc_str_from(s, n + separator.len);
    }
    return give(c, imgc_take(list), ret);
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_word(char c)
{
    return is_lower(c) || is_upper(c) || (c >= '0' && c <= '9') || c == '_' || c == '\'' ||
           (unsigned char)c >= 0x80;
}

enum letter_case { CASE_UPPER, CASE_LOWER, CASE_TITLE };

static int change_case(struct template_call *c, const char *func, enum letter_case how,
                       json_t **ret)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEMPLATE_OUTPUT_MAX);
    struct imgc_str s = { NULL, 0 };

    int r = need_string(c, 0, func, &s);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        bool starts = i == 0 || !is_word(s.ptr[i - 1]);
        if (is_lower(ch) && (how == CASE_UPPER || (how == CASE_TITLE && starts))) {
            ch = (char)(ch - 'a' + 'A');
        } else if (is_upper(ch) && how == CASE_LOWER) {
            ch = (char)(ch - 'A' + 'a');
        }
        imgc_buf_putc(&b, ch);
    }
    return template_value_of_buf(&b, ret, c->err);
}

static int call_upper(struct template_call *c, json_t **ret)
{
    return change_case(c, "upper", CASE_UPPER, ret);
}

static int call_lower(struct template_call *c, json_t **ret)
{
    return change_case(c, "lower", CASE_LOWER, ret);
}

static int call_title(struct template_call *c, json_t **ret)
{
    return change_case(c, "title", CASE_TITLE, ret);
}

static int call_truncate(struct template_call *c, json_t **ret)
{
    struct imgc_str s = { NULL, 0 };
    size_t n = 0;

    int r = need_string(c, 0, "truncate", &s);
    if (r == 0) {
        r = need_size(c, 1, "truncate", &n);
    }
    return r < 0 ? r : give_str(c, imgc_str_first(s, n), ret);
}

static int call_pad(struct template_call *c, json_t **ret)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEMPLATE_OUTPUT_MAX);
    struct imgc_str s = { NULL, 0 };
    size_t before = 0, after = 0;

    int r = need_string(c, 0, "pad", &s);
    if (r == 0) {
        r = need_size(c, 1, "pad", &before);
    }
    if (r == 0) {
        r = need_size(c, 2, "pad", &after);
    }
    if (r < 0) {
        return r;
    }
    if (s.len > 0) {
        imgc_buf_printf(&b, "%*s", (int)before, "");
        imgc_buf_str(&b, s);
        imgc_buf_printf(&b, "%*s", (int)after, "");
    }
    return template_value_of_buf(&b, ret, c->err);
}

/* ---- printing ---- */

static int print_values(struct template_call *c, bool line, json_t **ret)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEMPLATE_OUTPUT_MAX);

    for (size_t i = 0; i < c->n; i++) {
        bool strings = i > 0 && (json_is_string(c->argv[i - 1]) || json_is_string(c->argv[i]));
        if (i > 0 && (line || !strings)) {
            imgc_buf_putc(&b, ' ');
        }
        template_value_print(&b, c->argv[i]);
    }
    if (line) {
        imgc_buf_putc(&b, '\n');
    }
    return template_value_of_buf(&b, ret, c->err);
}

static int call_print(struct template_call *c, json_t **ret)
{
    return print_values(c, false, ret);
}

static int call_println(struct template_call *c, json_t **ret)
{
    return print_values(c, true, ret);
}

/* What the arguments print, each byte as @escape_byte has it (NULL: as it is). */
static int escape(struct template_call *c, void (*put)(struct imgc_buf *b, unsigned char byte),
                  json_t **ret)
{
    imgc_autobuf struct imgc_buf plain = IMGC_BUF_INIT(TEMPLATE_OUTPUT_MAX);
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEMPLATE_OUTPUT_MAX);
    struct imgc_str s = { NULL, 0 };

    for (size_t i = 0; i < c->n; i++) {
        template_value_print(&plain, c->argv[i]);
    }
    int r = imgc_buf_finish(&plain, &s, c->err);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < s.len; i++) {
        put(&b, (unsigned char)s.ptr[i]);
    }
    return template_value_of_buf(&b, ret, c->err);
}

static void put_html(struct imgc_buf *b, unsigned char byte)
{
    switch (byte) {
    case '<':
        imgc_buf_puts(b, "&lt;");
        break;
    case '>':
        imgc_buf_puts(b, "&gt;");
        break;
    case '&':
        imgc_buf_puts(b, "&amp;");
        break;
    case '"':
        imgc_buf_puts(b, "&#34;");
        break;
    case '\'':
        imgc_buf_puts(b, "&#39;");
        break;
    default:
        imgc_buf_putc(b, (char)byte);
    }
}

static void put_js(struct imgc_buf *b, unsigned char byte)
{
    if (byte == '\\' || byte == '\'' || byte == '"') {
        imgc_buf_printf(b, "\\%c", byte);
    } else if (byte < 0x20 || byte == '<' || byte == '>' || byte == '&' || byte == '=') {
        imgc_buf_printf(b, "\\u%04X", byte);
    } else {
        imgc_buf_putc(b, (char)byte);
    }
}

static void put_url(struct imgc_buf *b, unsigned char byte)
{
    char c = (char)byte;

    if (byte < 0x80 &&
        (is_lower(c) || is_upper(c) || (c >= '0' && c <= '9') || (c && strchr("-_.~", c)))) {
        imgc_buf_putc(b, c);
    } else if (c == ' ') {
        imgc_buf_putc(b, '+');
    } else {
        imgc_buf_printf(b, "%%%02X", byte);
    }
}

static int call_html(struct template_call *c, json_t **ret)
{
    return escape(c, put_html, ret);
}

static int call_js(struct template_call *c, json_t **ret)
{
    return escape(c, put_js, ret);
}

static int call_urlquery(struct template_call *c, json_t **ret)
{
    return escape(c, put_url, ret);
}

const struct template_func *template_func_find(struct imgc_str name)
{
    static const struct template_func funcs[] = {
        { "and", 1, SIZE_MAX, call_and },
        { "eq", 2, SIZE_MAX, call_eq },
        { "ge", 2, 2, call_ge },
        { "gt", 2, 2, call_gt },
        { "html", 1, SIZE_MAX, call_html },
        { "index", 1, SIZE_MAX, call_index },
        { "join", 2, 2, call_join },
        { "js", 1, SIZE_MAX, call_js },
        { "json", 1, 1, call_json },
        { "le", 2, 2, call_le },
        { "len", 1, 1, call_len },
        { "lower", 1, 1, call_lower },
        { "lt", 2, 2, call_lt },
        { "ne", 2, 2, call_ne },
        { "not", 1, 1, call_not },
        { "or", 1, SIZE_MAX, call_or },
        { "pad", 3, 3, call_pad },
        { "print", 0, SIZE_MAX, call_print },
        { "printf", 1, SIZE_MAX, template_printf },
        { "println", 0, SIZE_MAX, call_println },
        { "slice", 1, 3, call_slice },
        { "split", 2, 2, call_split },
        { "title", 1, 1, call_title },
        { "truncate", 2, 2, call_truncate },
        { "upper", 1, 1, call_upper },
        { "urlquery", 1, SIZE_MAX, call_urlquery },
    };

    for (size_t i = 0; i < sizeof funcs / sizeof *funcs; i++) {
        if (imgc_str_eq(name, imgc_str_of(funcs[i].name))) {
            return &funcs[i];
        }
    }
    return NULL;
}
