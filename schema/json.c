/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/json.h"

#include <stdlib.h>
#include <string.h>

#include "schema/limits.h"

/* Where several documents or fields are wrong, the text of a key is enough to find the place. */
#define KEY_SHOWN_MAX 64

void json_freep(json_t **j)
{
    json_decref(*j);
    *j = NULL;
}

static int json_fail(const json_error_t *e, const char *what, struct imgc_err *reterr)
{
    if (json_error_code(e) == json_error_out_of_memory) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return imgc_fail(reterr, IMGC_E_DOCUMENT, "%s, line %d: %s", what, e->line, e->text);
}

/* jansson stops at 2048 levels, which is too late for whoever walks the value; so count before. A
 * broken document may be counted wrongly here, but never too low for the part that jansson reads
 * before it finds the break. */
static int check_depth(struct imgc_str text, const char *what, struct imgc_err *reterr)
{
    bool in_string = false;
    int depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > LIMIT_JSON_DEPTH) {
                return imgc_fail(reterr, IMGC_E_DOCUMENT, "%s: nested more than %d levels deep",
                                 what, LIMIT_JSON_DEPTH);
            }
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return 0;
}

/* Next character of a key as Go's encoding/json compares it: besides ASCII letters of either case,
 * two others fold to ASCII, the long s (U+017F) and the Kelvin sign (U+212A). */
static unsigned char fold_next(const char **p)
{
    const char *s = *p;

    if (strncmp(s, "\xc5\xbf", 2) == 0) {
        *p = s + 2;
        return 's';
    }
    if (strncmp(s, "\xe2\x84\xaa", 3) == 0) {
        *p = s + 3;
        return 'k';
    }
    if (*s != '\0') {
        *p = s + 1;
    }
    return (unsigned char)(*s >= 'A' && *s <= 'Z' ? *s - 'A' + 'a' : *s);
}

static int fold_compare(const char *a, const char *b)
{
    unsigned char x, y;

    do {
        x = fold_next(&a);
        y = fold_next(&b);
    } while (x == y && x != '\0');
    return (x > y) - (x < y);
}

static int compare_keys(const void *a, const void *b)
{
    return fold_compare(*(const char *const *)a, *(const char *const *)b);
}

/* Members that hold names of the image's own choice, not fields: "/Data" and "/data" are two
 * volumes, and a Go decoder keeps both too. */
static bool is_map(const char *key)
{
    static const char *const maps[] = { "annotations", "Labels", "Volumes", "ExposedPorts" };

    for (size_t i = 0; key && i < sizeof maps / sizeof *maps; i++) {
        if (strcmp(key, maps[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const char **list_keys(json_t *obj, size_t n)
{
    const char **keys = calloc(n, sizeof *keys);
    size_t i = 0;

    for (void *it = json_object_iter(obj); keys && it; it = json_object_iter_next(obj, it)) {
        keys[i++] = json_object_iter_key(it);
    }
    return keys;
}

static int check_object(json_t *obj, const char *what, struct imgc_err *reterr)
{
    size_t n = json_object_size(obj);
    if (n < 2) {
        return 0;
    }
    imgc_autofree const char **keys = list_keys(obj, n);
    if (!keys) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 1; i < n; i++) {
        if (fold_compare(keys[i - 1], keys[i]) == 0) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT,
                             "%s: keys '%.*s' and '%.*s' differ only in case", what, KEY_SHOWN_MAX,
                             keys[i - 1], KEY_SHOWN_MAX, keys[i]);
        }
    }
    return 0;
}

/* As deep as check_depth() allows. @key is the one that holds @j, NULL for an array's element. */
static int check_keys(json_t *j, const char *key, const char *what, struct imgc_err *reterr)
{
    int r = 0;

    if (json_is_object(j)) {
        if (!is_map(key)) {
            r = check_object(j, what, reterr);
        }
        for (void *it = json_object_iter(j); it && r == 0; it = json_object_iter_next(j, it)) {
            r = check_keys(json_object_iter_value(it), json_object_iter_key(it), what, reterr);
        }
    }
    for (size_t i = 0; i < json_array_size(j) && r == 0; i++) {
        r = check_keys(json_array_get(j, i), NULL, what, reterr);
    }
    return r;
}

int json_parse(struct imgc_str text, const char *what, json_t **ret, struct imgc_err *reterr)
{
    json_error_t e;
    int r = check_depth(text, what, reterr);
    if (r < 0) {
        return r;
    }
    json_auto_free json_t *j =
        json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &e);
    if (!j) {
        return json_fail(&e, what, reterr);
    }
    r = check_keys(j, NULL, what, reterr);
    if (r < 0) {
        return r;
    }
    *ret = imgc_take(j);
    return 0;
}

/* A Go decoder takes "Layers" for "layers" where the latter is absent. Reading the same bytes as
 * something else than others do is how confusion attacks work. */
static int refuse_variant(const json_t *obj, const char *key, struct imgc_err *reterr)
{
    /* jansson's iteration takes no const object, though it changes nothing. */
    union {
        const json_t *in;
        json_t *out;
    } cast = { .in = obj };
    const char *other;
    const json_t *value;

    json_object_foreach(cast.out, other, value)
    {
        if (fold_compare(other, key) == 0) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "key '%.*s' must be spelt '%s'",
                             KEY_SHOWN_MAX, other, key);
        }
    }
    return 0;
}

/* Member @key of type @type (JSON_TRUE for either boolean); *ret is NULL where absent or null. */
static int get(const json_t *obj, const char *key, json_type type, const json_t **ret,
               struct imgc_err *reterr)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer", [JSON_TRUE] = "a boolean",
    };
    const json_t *v = json_object_get(obj, key);

    if (!v) {
        *ret = NULL;
        return refuse_variant(obj, key, reterr);
    }
    if (json_is_null(v)) {
        *ret = NULL;
        return 0;
    }
    json_type have = json_is_boolean(v) ? JSON_TRUE : json_typeof(v);
    if (have != type) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "'%s' is not %s", key, names[type]);
    }
    *ret = v;
    return 0;
}

int json_get_string(const json_t *obj, const char *key, const char **ret, struct imgc_err *reterr)
{
    const json_t *v = NULL;
    int r = get(obj, key, JSON_STRING, &v, reterr);
    if (r < 0) {
        return r;
    }
    *ret = json_string_value(v);
    return 0;
}

int json_get_u64(const json_t *obj, const char *key, uint64_t *ret, struct imgc_err *reterr)
{
    const json_t *v = NULL;
    int r = get(obj, key, JSON_INTEGER, &v, reterr);
    if (r < 0) {
        return r;
    }
    json_int_t n = json_integer_value(v);
    if (n < 0) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "'%s' is negative", key);
    }
    *ret = (uint64_t)n;
    return 0;
}

int json_get_bool(const json_t *obj, const char *key, bool *ret, struct imgc_err *reterr)
{
    const json_t *v = NULL;
    int r = get(obj, key, JSON_TRUE, &v, reterr);
    if (r < 0) {
        return r;
    }
    *ret = json_is_true(v);
    return 0;
}

int json_get_object(const json_t *obj, const char *key, const json_t **ret, struct imgc_err *reterr)
{
    return get(obj, key, JSON_OBJECT, ret, reterr);
}

int json_get_array(const json_t *obj, const char *key, const json_t **ret, struct imgc_err *reterr)
{
    return get(obj, key, JSON_ARRAY, ret, reterr);
}

static void strings_freep(char ***strings)
{
    *strings = json_strings_free(*strings);
}

int json_get_strings(const json_t *obj, const char *key, char ***ret, size_t *ret_n,
                     struct imgc_err *reterr)
{
    const json_t *list = NULL;
    int r = json_get_array(obj, key, &list, reterr);
    if (r < 0) {
        return r;
    }
    if (!list) {
        *ret = NULL;
        if (ret_n) {
            *ret_n = 0;
        }
        return 0;
    }

    size_t n = json_array_size(list);
    imgc_auto(strings_freep) char **strings = calloc(n + 1, sizeof *strings);
    if (!strings) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        const char *z = json_string_value(json_array_get(list, i));
        if (!z) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "'%s' has an element that is not a string",
                             key);
        }
        strings[i] = strdup(z);
        if (!strings[i]) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    *ret = imgc_take(strings);
    if (ret_n) {
        *ret_n = n;
    }
    return 0;
}

char **json_strings_free(char **strings)
{
    for (size_t i = 0; strings && strings[i]; i++) {
        free(strings[i]);
    }
    free(strings);
    return NULL;
}

int json_put(json_t *obj, const char *key, json_t *take_value, struct imgc_err *reterr)
{
    if (!take_value || json_object_set_new(obj, key, take_value) < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "'%s': out of memory", key);
    }
    return 0;
}

int json_put_string(json_t *obj, const char *key, const char *z, struct imgc_err *reterr)
{
    if (!z) {
        return 0;
    }
    json_t *value = json_string(z);
    if (!value) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "'%s' is not valid UTF-8", key);
    }
    return json_put(obj, key, value, reterr);
}

int json_put_strings(json_t *obj, const char *key, char *const *strings, struct imgc_err *reterr)
{
    if (!strings) {
        return 0;
    }
    json_auto_free json_t *list = json_array();
    for (size_t i = 0; list && strings[i]; i++) {
        if (json_array_append_new(list, json_string(strings[i])) < 0) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "'%s' is not valid UTF-8", key);
        }
    }
    return json_put(obj, key, imgc_take(list), reterr);
}

int json_dump(const json_t *j, bool sorted, char **ret, struct imgc_err *reterr)
{
    char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY | (sorted ? JSON_SORT_KEYS : 0));
    if (!text) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *ret = text;
    return 0;
}
