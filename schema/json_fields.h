/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A struct of plain data as a JSON object and back, by a table that names each field once. The key
 * is the field's name in C, so a table says nothing that could be forgotten on one side.
 *
 * Text is kept byte for byte: what is not UTF-8 stands as {"hex": "..."} instead of a string.
 */
#ifndef IMGC_SCHEMA_JSON_FIELDS_H
#define IMGC_SCHEMA_JSON_FIELDS_H

#include <stddef.h>

#include "schema/json.h"

enum json_fields_kind {
    JSON_FIELDS_STRING,  /* char *; NULL is left out */
    JSON_FIELDS_STRINGS, /* char **, NULL-terminated; NULL is left out */
    JSON_FIELDS_BOOL,
    JSON_FIELDS_INT,
    JSON_FIELDS_U32,
    JSON_FIELDS_U64, /* above 2^63-1 as a string of digits */
    JSON_FIELDS_I64,
    JSON_FIELDS_NAME,   /* an enum that counts from 0, by its name in JSON */
    JSON_FIELDS_OBJECT, /* a struct in the struct */
    JSON_FIELDS_ARRAY,  /* pointer to structs, with a size_t that counts them */
};

struct json_fields { /* one field; a table ends with a NULL key */
    const char *key;
    enum json_fields_kind kind;
    size_t at;                         /* offset in the struct */
    const char *const *names;          /* NAME: NULL-terminated, by value */
    const struct json_fields *members; /* OBJECT, ARRAY */
    size_t size, count_at;             /* ARRAY: of one item; offset of the count */
};

#define JSON_FIELDS_KIND(x) \
    _Generic((x), char *               \
             : JSON_FIELDS_STRING,     \
               char **                 \
             : JSON_FIELDS_STRINGS,    \
               bool                    \
             : JSON_FIELDS_BOOL,       \
               int                     \
             : JSON_FIELDS_INT,        \
               uint32_t                \
             : JSON_FIELDS_U32,        \
               uint64_t                \
             : JSON_FIELDS_U64,        \
               int64_t                 \
             : JSON_FIELDS_I64)

/* A row for a field of one of the plain types, of an enum, of a struct, of an array of structs. */
#define JSON_FIELDS_PLAIN(type, field)                                  \
    {                                                                   \
        .key = #field, .kind = JSON_FIELDS_KIND(((type *)NULL)->field), \
        .at = offsetof(type, field)                                     \
    }
#define JSON_FIELDS_ENUM(type, field, value_names)                            \
    {                                                                         \
        .key = #field, .kind = JSON_FIELDS_NAME, .at = offsetof(type, field), \
        .names = (value_names)                                                \
    }
#define JSON_FIELDS_STRUCT(type, field, table)                                                     \
    {                                                                                              \
        .key = #field, .kind = JSON_FIELDS_OBJECT, .at = offsetof(type, field), .members = (table) \
    }
#define JSON_FIELDS_LIST(type, field, count, item, table)                                          \
    {                                                                                              \
        .key = #field, .kind = JSON_FIELDS_ARRAY, .at = offsetof(type, field), .members = (table), \
        .size = sizeof(item), .count_at = offsetof(type, count)                                    \
    }

/** The object for the struct at @base. @ret new reference. @return 0; -NOMEM. */
IMGC_CHECK int json_fields_write(const struct json_fields *table, const void *base, json_t **ret,
                                 struct imgc_err *reterr);

/**
 * Fill the struct at @base, which is all zero, from an object. What is absent stays zero; a key
 * that the table does not have, another type, a number out of range or an unknown name is refused.
 * After a failure the struct is to be released as after success: what was read is in it.
 *
 * @return 0; -DOCUMENT that names the key; -LIMIT (LIMIT_JSON_ITEMS structs in one array); -NOMEM.
 */
IMGC_CHECK int json_fields_read(const struct json_fields *table, const json_t *obj, void *base,
                                struct imgc_err *reterr);

#endif
