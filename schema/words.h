/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of Dockerfile instructions: splitting at blanks, quotes, escapes and variables.
 *
 * Source: Dockerfile reference, "Parser directives" and "Environment replacement". The operators of
 * ${NAME:-WORD} are refused, not ignored.
 */
#ifndef IMGC_SCHEMA_WORDS_H
#define IMGC_SCHEMA_WORDS_H

#include "schema/base/err.h"
#include "schema/base/str.h"

/** Take the next word from *rest, its quotes still on: blanks inside quotes and after a backslash
 * do not end it. @return false at the end. */
bool words_next(struct imgc_str *rest, struct imgc_str *ret);

/**
 * The text that @s stands for: quotes removed, escapes resolved, $NAME and ${NAME} replaced from
 * @env ("NAME=value" texts, NULL-terminated, may be NULL; unset ones are empty).
 *
 * @ret     new; the caller frees.
 * @return  0; -USAGE for a quote that is not closed or an operator in ${}; -LIMIT; -NOMEM.
 */
IMGC_CHECK int words_expand(struct imgc_str s, char *const *env, char **ret,
                            struct imgc_err *reterr);

#endif
