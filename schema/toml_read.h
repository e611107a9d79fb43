/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of TOML: blanks, comments, keys, strings, numbers. For schema/toml.c.
 *
 * Source: TOML v1.0.0.
 */
#ifndef IMGC_SCHEMA_TOML_READ_H
#define IMGC_SCHEMA_TOML_READ_H

#include "schema/json.h"

struct toml_read {
    struct imgc_str rest; /* borrowed text */
    unsigned line;
    const char *what;     /* for messages */
    struct imgc_err *err; /* where they go */
};

void toml_read_init(struct toml_read *t, struct imgc_str text, const char *what,
                    struct imgc_err *err);

/** "WHAT, line N: ...". @return -DOCUMENT. */
IMGC_PRINTF(2, 3) int toml_read_fail(struct toml_read *t, const char *fmt, ...);

bool toml_read_is_over(const struct toml_read *t);
bool toml_read_is(const struct toml_read *t, char c);   /* the next character */
bool toml_read_take(struct toml_read *t, char c);       /* it, if it is @c */
void toml_read_blanks(struct toml_read *t);             /* on this line */
IMGC_CHECK int toml_read_space(struct toml_read *t);    /* also line ends and comments */
IMGC_CHECK int toml_read_line_end(struct toml_read *t); /* nothing but a comment may come first */

/** A bare or quoted part of a key. @ret caller frees. @return 0; -DOCUMENT; -NOMEM. */
IMGC_CHECK int toml_read_key(struct toml_read *t, char **ret);

/** A string, number, boolean, date or time. @ret new reference. @return 0; -DOCUMENT; -NOMEM. */
IMGC_CHECK int toml_read_scalar(struct toml_read *t, json_t **ret);

#endif
