/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of a template's actions.
 */
#ifndef IMGC_CMD_TEMPLATE_LEX_H
#define IMGC_CMD_TEMPLATE_LEX_H

#include <jansson.h>

#include "schema/base/str.h"

enum template_token_kind {
    TOKEN_END,      /* "}}" */
    TOKEN_WORD,     /* if, len, true */
    TOKEN_FIELD,    /* ".Name" */
    TOKEN_VARIABLE, /* "$name", "$" */
    TOKEN_LITERAL,  /* string, number, character */
    TOKEN_DOT,
    TOKEN_PIPE,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_DECLARE, /* ":=" */
    TOKEN_ASSIGN,  /* "=" */
};

struct template_token {
    enum template_token_kind kind;
    struct imgc_str text; /* the name alone for words, fields and variables */
    json_t *literal;      /* new reference, TOKEN_LITERAL only */
    bool spaced;          /* blanks stand before it */
    bool trims;           /* TOKEN_END: "-}}" */
};

/** Take the next token of an action from *rest.
 * @return 0; -USAGE; -NOMEM. */
IMGC_CHECK int template_lex_next(struct imgc_str *rest, struct template_token *ret,
                                 struct imgc_err *reterr);

#endif
