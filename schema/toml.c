/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/toml.h"

#include "schema/limits.h"
#include "schema/toml_read.h"

/* How a table or an array came to be, which decides who may add to it. */
enum made {
    MADE_ON_THE_WAY, /* by [a.b] for a: may still get its own header */
    MADE_BY_HEADER,  /* [a], or an element of [[a]] */
    MADE_BY_KEY,     /* by a.b = 1 for a: only such keys may add to it */
    MADE_BY_VALUE,   /* an inline table or array: complete */
    MADE_OF_TABLES,  /* [[a]] */
};

struct node {
    const json_t *value; /* borrowed from the document */
    enum made made;
};

struct document {
    struct toml_read in;
    json_t *root, *table; /* where keys go; borrowed */
    struct node nodes[LIMIT_TOML_TABLES];
    size_t n_nodes;
    unsigned depth;
};

static int parse_value(struct document *d, json_t **ret);

static enum made *made_of(struct document *d, const json_t *value)
{
    for (size_t i = d->n_nodes; i > 0; i--) {
        if (d->nodes[i - 1].value == value) {
            return &d->nodes[i - 1].made;
        }
    }
    return NULL; /* a plain value */
}

static int note(struct document *d, const json_t *value, enum made made)
{
    if (!value) {
        return imgc_fail(d->in.err, IMGC_E_NOMEM, "out of memory");
    }
    if (d->n_nodes == LIMIT_TOML_TABLES) {
        return imgc_fail(d->in.err, IMGC_E_LIMIT, "%s: more than %d tables and arrays", d->in.what,
                         LIMIT_TOML_TABLES);
    }
    d->nodes[d->n_nodes++] = (struct node){ value, made };
    return 0;
}

static int put(struct document *d, json_t *into, const char *key, json_t *take_value)
{
    if (!take_value || json_object_set_new(into, key, take_value) < 0) {
        return imgc_fail(d->in.err, IMGC_E_NOMEM, "out of memory");
    }
    return 0;
}

static int fail_twice(struct document *d, const char *key)
{
    return toml_read_fail(&d->in, "'%s' is there already", key);
}

/* A new table under @key. */
static int add_table(struct document *d, json_t *parent, const char *key, enum made made,
                     json_t **ret)
{
    json_t *table = json_object();
    int r = note(d, table, made);

    if (r < 0) {
        json_decref(table);
        return r;
    }
    *ret = table;
    return put(d, parent, key, table);
}

/* A new element of the array of tables under @key. */
static int add_element(struct document *d, json_t *parent, const char *key, json_t **ret)
{
    json_t *array = json_object_get(parent, key), *table = NULL;
    int r = 0;

    if (!array) {
        array = json_array();
        r = note(d, array, MADE_OF_TABLES);
        if (r < 0) {
            json_decref(array);
            return r;
        }
        r = put(d, parent, key, array);
    } else if (!made_of(d, array) || *made_of(d, array) != MADE_OF_TABLES) {
        return fail_twice(d, key);
    }
    if (r == 0) {
        table = json_object();
        r = note(d, table, MADE_BY_HEADER);
    }
    if (r < 0) {
        json_decref(table);
        return r;
    }
    *ret = table;
    return json_array_append_new(array, table) < 0
               ? imgc_fail(d->in.err, IMGC_E_NOMEM, "out of memory")
               : 0;
}

/* One step of a header's path. */
static int enter(struct document *d, json_t *parent, const char *key, json_t **ret)
{
    json_t *next = json_object_get(parent, key);

    if (!next) {
        return add_table(d, parent, key, MADE_ON_THE_WAY, ret);
    }
    const enum made *made = made_of(d, next);
    if (!made || *made == MADE_BY_VALUE) {
        return fail_twice(d, key);
    }
    *ret = *made == MADE_OF_TABLES ? json_array_get(next, json_array_size(next) - 1) : next;
    return 0;
}

/* The table that a header names last. */
static int define(struct document *d, json_t *parent, const char *key, json_t **ret)
{
    json_t *next = json_object_get(parent, key);
    enum made *made = next ? made_of(d, next) : NULL;

    if (!next) {
        return add_table(d, parent, key, MADE_BY_HEADER, ret);
    }
    if (!made || *made != MADE_ON_THE_WAY) {
        return fail_twice(d, key);
    }
    *made = MADE_BY_HEADER;
    *ret = next;
    return 0;
}

/* "[a.b]" or "[[a.b]]", the first bracket taken. */
static int parse_header(struct document *d)
{
    bool is_array = toml_read_take(&d->in, '[');
    json_t *at = d->root;

    for (unsigned n = 0;; n++) {
        imgc_autofree char *key = NULL;
        toml_read_blanks(&d->in);
        int r = toml_read_key(&d->in, &key);
        if (r < 0) {
            return r;
        }
        toml_read_blanks(&d->in);
        bool is_last = !toml_read_take(&d->in, '.');
        if (n == LIMIT_JSON_DEPTH) {
            return toml_read_fail(&d->in, "nested too deep");
        }
        if (!is_last) {
            r = enter(d, at, key, &at);
        } else {
            r = is_array ? add_element(d, at, key, &at) : define(d, at, key, &at);
        }
        if (r < 0) {
            return r;
        }
        if (is_last) {
            break;
        }
    }
    d->table = at;
    if (!toml_read_take(&d->in, ']') || (is_array && !toml_read_take(&d->in, ']'))) {
        return toml_read_fail(&d->in, "the header of a table does not end with %s",
                              is_array ? "]]" : "]");
    }
    return 0;
}

/* One step of "a.b = 1". */
static int enter_by_key(struct document *d, json_t *parent, const char *key, json_t **ret)
{
    json_t *next = json_object_get(parent, key);

    if (!next) {
        return add_table(d, parent, key, MADE_BY_KEY, ret);
    }
    const enum made *made = made_of(d, next);
    if (!made || *made != MADE_BY_KEY) {
        return fail_twice(d, key);
    }
    *ret = next;
    return 0;
}

/* "key = value" into @table. */
static int parse_pair(struct document *d, json_t *table)
{
    for (unsigned n = 0; n <= LIMIT_JSON_DEPTH; n++) {
        imgc_autofree char *key = NULL;
        json_t *value = NULL;
        int r = toml_read_key(&d->in, &key);
        if (r < 0) {
            return r;
        }
        toml_read_blanks(&d->in);
        if (toml_read_take(&d->in, '.')) {
            toml_read_blanks(&d->in);
            r = enter_by_key(d, table, key, &table);
            if (r < 0) {
                return r;
            }
            continue;
        }
        if (!toml_read_take(&d->in, '=')) {
            return toml_read_fail(&d->in, "no '=' behind '%s'", key);
        }
        if (json_object_get(table, key)) {
            return fail_twice(d, key);
        }
        toml_read_blanks(&d->in);
        r = parse_value(d, &value);
        return r < 0 ? r : put(d, table, key, value);
    }
    return toml_read_fail(&d->in, "nested too deep");
}

static int parse_array(struct document *d, json_t *array)
{
    for (;;) {
        json_t *value = NULL;
        int r = toml_read_space(&d->in);
        if (r < 0) {
            return r;
        }
        if (toml_read_take(&d->in, ']')) {
            return 0;
        }
        r = parse_value(d, &value);
        if (r == 0 && json_array_append_new(array, value) < 0) {
            r = imgc_fail(d->in.err, IMGC_E_NOMEM, "out of memory");
        }
        r = r < 0 ? r : toml_read_space(&d->in);
        if (r < 0) {
            return r;
        }
        if (!toml_read_take(&d->in, ',') && !toml_read_is(&d->in, ']')) {
            return toml_read_fail(&d->in, "an array goes on with ',' or ends with ']'");
        }
    }
}

/* On one line, and without a comma behind the last pair. */
static int parse_inline(struct document *d, json_t *table)
{
    toml_read_blanks(&d->in);
    if (toml_read_take(&d->in, '}')) {
        return 0;
    }
    for (;;) {
        toml_read_blanks(&d->in);
        int r = parse_pair(d, table);
        if (r < 0) {
            return r;
        }
        toml_read_blanks(&d->in);
        if (toml_read_take(&d->in, '}')) {
            return 0;
        }
        if (!toml_read_take(&d->in, ',')) {
            return toml_read_fail(&d->in, "a table in braces goes on with ',' or ends with '}'");
        }
    }
}

static int parse_value(struct document *d, json_t **ret)
{
    bool is_array = toml_read_take(&d->in, '[');

    if (!is_array && !toml_read_take(&d->in, '{')) {
        return toml_read_scalar(&d->in, ret);
    }
    if (++d->depth > LIMIT_JSON_DEPTH) {
        return toml_read_fail(&d->in, "nested too deep");
    }
    json_auto_free json_t *value = is_array ? json_array() : json_object();
    int r = note(d, value, MADE_BY_VALUE);
    if (r < 0) {
        return r;
    }
    r = is_array ? parse_array(d, value) : parse_inline(d, value);
    d->depth--;
    if (r == 0) {
        *ret = imgc_take(value);
    }
    return r;
}

static int parse_all(struct document *d)
{
    for (;;) {
        int r = toml_read_space(&d->in);
        if (r < 0 || toml_read_is_over(&d->in)) {
            return r;
        }
        r = toml_read_take(&d->in, '[') ? parse_header(d) : parse_pair(d, d->table);
        r = r < 0 ? r : toml_read_line_end(&d->in);
        if (r < 0) {
            return r;
        }
    }
}

int toml_parse(struct imgc_str text, const char *what, json_t **ret, struct imgc_err *reterr)
{
    imgc_autofree struct document *d = calloc(1, sizeof *d);
    json_auto_free json_t *root = json_object();

    if (!d || !root) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    toml_read_init(&d->in, text, what, reterr);
    d->root = root;
    d->table = root;
    int r = parse_all(d);
    if (r == 0) {
        *ret = imgc_take(root);
    }
    return r;
}
