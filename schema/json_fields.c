/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/json_fields.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/limits.h"

#define KEY_SHOWN_MAX 64
#define U64_DIGITS_MAX 21 /* and the NUL */
#define HEX_KEY "hex"

static json_t *hex_json(const char *z)
{
    size_t len = strlen(z);
    imgc_autofree char *hex = malloc(2 * len + 1);

    if (!hex) {
        return NULL;
    }
    hex[0] = '\0';
    for (size_t i = 0; i < len; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned)(unsigned char)z[i]);
    }
    return json_pack("{s:s}", HEX_KEY, hex);
}

static json_t *string_json(const char *z)
{
    json_t *j = json_string(z);
    return j ? j : hex_json(z);
}

static json_t *strings_json(char *const *strings)
{
    json_auto_free json_t *list = json_array();

    for (size_t i = 0; list && strings[i]; i++) {
        if (json_array_append_new(list, string_json(strings[i])) < 0) {
            return NULL;
        }
    }
    return imgc_take(list);
}

static json_t *u64_json(uint64_t n)
{
    char digits[U64_DIGITS_MAX];

    if (n <= INT64_MAX) {
        return json_integer((json_int_t)n);
    }
    (void)snprintf(digits, sizeof digits, "%" PRIu64, n);
    return json_string(digits);
}

/* A scalar; NULL with *ret_absent where a pointer is NULL, without where memory is out. */
static json_t *scalar_json(const struct json_fields *f, const void *at, bool *ret_absent)
{
    switch (f->kind) {
    case JSON_FIELDS_STRING: {
        const char *z = *(char *const *)at;
        *ret_absent = !z;
        return z ? string_json(z) : NULL;
    }
    case JSON_FIELDS_STRINGS: {
        char *const *strings = *(char *const *const *)at;
        *ret_absent = !strings;
        return strings ? strings_json(strings) : NULL;
    }
    case JSON_FIELDS_BOOL:
        return json_boolean(*(const bool *)at);
    case JSON_FIELDS_INT:
        return json_integer(*(const int *)at);
    case JSON_FIELDS_U32:
        return json_integer(*(const uint32_t *)at);
    case JSON_FIELDS_U64:
        return u64_json(*(const uint64_t *)at);
    case JSON_FIELDS_I64:
        return json_integer(*(const int64_t *)at);
    case JSON_FIELDS_NAME:
        return json_string(f->names[*(const unsigned *)at]);
    case JSON_FIELDS_OBJECT:
    case JSON_FIELDS_ARRAY:
        break;
    }
    return NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables are. */
static int write_array(const struct json_fields *f, const char *base, json_t *obj,
                       struct imgc_err *reterr)
{
    const char *items = *(const char *const *)(const void *)(base + f->at);
    size_t n = *(const size_t *)(const void *)(base + f->count_at);
    json_auto_free json_t *list = json_array();

    for (size_t i = 0; list && i < n; i++) {
        json_t *item = NULL;
        int r = json_fields_write(f->members, items + i * f->size, &item, reterr);
        if (r < 0) {
            return r;
        }
        if (json_array_append_new(list, item) < 0) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "'%s': out of memory", f->key);
        }
    }
    return n > 0 ? json_put(obj, f->key, imgc_take(list), reterr) : 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables are. */
static int write_field(const struct json_fields *f, const char *base, json_t *obj,
                       struct imgc_err *reterr)
{
    if (f->kind == JSON_FIELDS_OBJECT) {
        json_t *inner = NULL;
        int r = json_fields_write(f->members, base + f->at, &inner, reterr);
        return r < 0 ? r : json_put(obj, f->key, inner, reterr);
    }
    if (f->kind == JSON_FIELDS_ARRAY) {
        return write_array(f, base, obj, reterr);
    }
    bool is_absent = false;
    json_t *value = scalar_json(f, base + f->at, &is_absent);
    return is_absent ? 0 : json_put(obj, f->key, value, reterr);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables are. */
int json_fields_write(const struct json_fields *table, const void *base, json_t **ret,
                      struct imgc_err *reterr)
{
    json_auto_free json_t *obj = json_object();

    if (!obj) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (const struct json_fields *f = table; f->key; f++) {
        int r = write_field(f, base, obj, reterr);
        if (r < 0) {
            return r;
        }
    }
    *ret = imgc_take(obj);
    return 0;
}

static int bad_type(const struct json_fields *f, const char *want, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_DOCUMENT, "'%s' is not %s", f->key, want);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* @return whether it was text in hex; *ret is NULL where memory is out. */
static bool from_hex(const char *hex, char **ret)
{
    size_t n = strlen(hex) / 2;
    imgc_autofree char *z = calloc(1, n + 1);

    for (size_t i = 0; z && i < n; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0 || (high | low) == 0) { /* a NUL would end it */
            return false;
        }
        z[i] = (char)(high << 4 | low);
    }
    *ret = imgc_take(z);
    return strlen(hex) % 2 == 0;
}

static int read_string(const struct json_fields *f, const json_t *value, char **ret,
                       struct imgc_err *reterr)
{
    const char *hex = json_string_value(json_object_get(value, HEX_KEY));
    char *z = NULL;

    if (json_is_string(value)) {
        z = strdup(json_string_value(value));
    } else if (!hex || json_object_size(value) != 1 || !from_hex(hex, &z)) {
        free(z);
        return bad_type(f, "a string", reterr);
    }
    if (!z) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *ret = z;
    return 0;
}

static int read_strings(const struct json_fields *f, const json_t *value, char ***ret,
                        struct imgc_err *reterr)
{
    size_t n = json_array_size(value);

    if (!json_is_array(value)) {
        return bad_type(f, "an array", reterr);
    }
    *ret = calloc(n + 1, sizeof **ret); /* in the struct at once: who releases it ends at a NULL */
    if (!*ret) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        int r = read_string(f, json_array_get(value, i), &(*ret)[i], reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int read_integer(const struct json_fields *f, const json_t *value, int64_t min, int64_t max,
                        struct imgc_err *reterr)
{
    if (!json_is_integer(value)) {
        return bad_type(f, "an integer", reterr);
    }
    if (json_integer_value(value) < min || json_integer_value(value) > max) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "'%s' is out of range", f->key);
    }
    return 0;
}

static int read_u64(const struct json_fields *f, const json_t *value, uint64_t *ret,
                    struct imgc_err *reterr)
{
    if (json_is_string(value) && imgc_str_u64(imgc_str_of(json_string_value(value)), ret)) {
        return 0;
    }
    int r = read_integer(f, value, 0, INT64_MAX, reterr);
    if (r == 0) {
        *ret = (uint64_t)json_integer_value(value);
    }
    return r;
}

static int read_name(const struct json_fields *f, const json_t *value, unsigned *ret,
                     struct imgc_err *reterr)
{
    const char *name = json_string_value(value);

    for (unsigned i = 0; name && f->names[i]; i++) {
        if (strcmp(f->names[i], name) == 0) {
            *ret = i;
            return 0;
        }
    }
    return name ? imgc_fail(reterr, IMGC_E_DOCUMENT, "'%s' is '%.*s', which is unknown", f->key,
                            KEY_SHOWN_MAX, name)
                : bad_type(f, "a string", reterr);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables are. */
static int read_array(const struct json_fields *f, const json_t *value, char *base,
                      struct imgc_err *reterr)
{
    size_t n = json_array_size(value), *count = (size_t *)(void *)(base + f->count_at);

    if (!json_is_array(value)) {
        return bad_type(f, "an array", reterr);
    }
    if (n > LIMIT_JSON_ITEMS) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "'%s' has %zu items, more than %d", f->key, n,
                         LIMIT_JSON_ITEMS);
    }
    char *items = calloc(n > 0 ? n : 1, f->size);
    if (!items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    memcpy(base + f->at, &items, sizeof items);
    *count = n;
    for (size_t i = 0; i < n; i++) {
        int r = json_fields_read(f->members, json_array_get(value, i), items + i * f->size, reterr);
        if (r < 0) {
            return imgc_context(reterr, "'%s'", f->key);
        }
    }
    return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables are. */
static int read_field(const struct json_fields *f, const json_t *value, char *base,
                      struct imgc_err *reterr)
{
    void *at = base + f->at;
    int r = 0;

    switch (f->kind) {
    case JSON_FIELDS_STRING:
        return read_string(f, value, at, reterr);
    case JSON_FIELDS_STRINGS:
        return read_strings(f, value, at, reterr);
    case JSON_FIELDS_BOOL:
        *(bool *)at = json_is_true(value);
        return json_is_boolean(value) ? 0 : bad_type(f, "a boolean", reterr);
    case JSON_FIELDS_INT:
        r = read_integer(f, value, INT_MIN, INT_MAX, reterr);
        *(int *)at = r == 0 ? (int)json_integer_value(value) : 0;
        return r;
    case JSON_FIELDS_U32:
        r = read_integer(f, value, 0, UINT32_MAX, reterr);
        *(uint32_t *)at = r == 0 ? (uint32_t)json_integer_value(value) : 0;
        return r;
    case JSON_FIELDS_U64:
        return read_u64(f, value, at, reterr);
    case JSON_FIELDS_I64:
        r = read_integer(f, value, INT64_MIN, INT64_MAX, reterr);
        *(int64_t *)at = r == 0 ? json_integer_value(value) : 0;
        return r;
    case JSON_FIELDS_NAME:
        return read_name(f, value, at, reterr);
    case JSON_FIELDS_OBJECT:
        return json_fields_read(f->members, value, at, reterr);
    case JSON_FIELDS_ARRAY:
        return read_array(f, value, base, reterr);
    }
    return 0;
}

static const struct json_fields *find(const struct json_fields *table, const char *key)
{
    for (; table->key; table++) {
        if (strcmp(table->key, key) == 0) {
            return table;
        }
    }
    return NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables are. */
int json_fields_read(const struct json_fields *table, const json_t *obj, void *base,
                     struct imgc_err *reterr)
{
    union { /* jansson's iteration takes no const object, though it changes nothing */
        const json_t *in;
        json_t *out;
    } cast = { .in = obj };
    const char *key;
    json_t *value;

    if (!json_is_object(obj)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "not an object");
    }
    json_object_foreach(cast.out, key, value)
    {
        const struct json_fields *f = find(table, key);
        if (!f) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "'%.*s' is not known to this imgc",
                             KEY_SHOWN_MAX, key);
        }
        int r = read_field(f, value, base, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}
