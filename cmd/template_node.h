/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of a parsed template, and what the files of cmd/template* share.
 */
#ifndef IMGC_CMD_TEMPLATE_NODE_H
#define IMGC_CMD_TEMPLATE_NODE_H

#include "cmd/template.h"

#define TEMPLATE_CALL_ARGS_MAX 32 /* of one function call */

struct template_field {
    struct imgc_str name;
    struct template_field *next;
};

enum template_operand_kind {
    OPERAND_LITERAL,
    OPERAND_NIL,
    OPERAND_DOT,      /* "." and ".A.B" */
    OPERAND_VARIABLE, /* "$", "$x.A" */
    OPERAND_FUNCTION, /* "len" */
    OPERAND_PIPE,     /* "(...)" and "(...).A" */
};

struct template_operand {
    enum template_operand_kind kind;
    json_t *literal;      /* borrowed from the template */
    struct imgc_str name; /* of the variable, without the dollar, or of the function */
    const struct template_func *func;
    struct template_pipe *pipe;
    struct template_field *fields;
    struct template_operand *next; /* of the same command */
};

struct template_command {
    struct template_operand *operands; /* at least one */
    struct template_command *next;
};

struct template_pipe {
    struct imgc_str variables[2]; /* without the dollar */
    size_t n_variables;
    bool assigns; /* "=": they exist; else ":=" declares them */
    struct template_command *commands;
};

enum template_node_kind {
    NODE_TEXT,
    NODE_ACTION,
    NODE_IF,
    NODE_RANGE,
    NODE_WITH,
    NODE_TEMPLATE,
    NODE_BREAK,
    NODE_CONTINUE,
};

struct template_node {
    enum template_node_kind kind;
    struct imgc_str text; /* of NODE_TEXT, or the name of NODE_TEMPLATE */
    struct template_pipe *pipe;
    struct template_node *body, *otherwise;
    struct template_node *next;
};

struct template_define {
    struct imgc_str name;
    struct template_node *body;
    struct template_define *next;
};

struct template_chunk;

struct template
{
    char *text; /* copy; the slices of the tree borrow from it */
    struct template_node *body;
    struct template_define *defines;
    struct template_chunk *chunks; /* memory of the tree */
    json_t *literals;              /* owns them */
};

/* template_func.c */
struct template_call {
    json_t *argv[TEMPLATE_CALL_ARGS_MAX]; /* borrowed */
    size_t n;
    struct imgc_err *err;
};

struct template_func {
    const char *name;
    size_t min_args, max_args;
    /** *ret is a new reference. */
    int (*call)(struct template_call *c, json_t **ret);
};

/** By name, or NULL. "and" and "or" are there too; the evaluator stops them early. */
const struct template_func *template_func_find(struct imgc_str name);

/* template_printf.c */
int template_printf(struct template_call *c, json_t **ret);

/** New string value of a buffer. @return 0; -LIMIT; -NOMEM. */
IMGC_CHECK int template_value_of_buf(struct imgc_buf *b, json_t **ret, struct imgc_err *reterr);

/* template_value.c */
/** Append as fmt's %v does. */
void template_value_print(struct imgc_buf *b, const json_t *v);
/** Append as encoding/json does, without escaping for HTML. */
void template_value_json(struct imgc_buf *b, const json_t *v);
/** Append a float in %v's or (@json) encoding/json's form. */
void template_value_float(struct imgc_buf *b, double d, bool json);
/** Append a Go string literal. */
void template_value_quote(struct imgc_buf *b, struct imgc_str s);
bool template_value_truth(const json_t *v);
/** As %T names it. */
const char *template_value_type(const json_t *v);
struct imgc_str template_value_str(const json_t *v); /* of a string value */
/** Keys of an object in byte order. @ret caller frees the array; NULL-terminated.
 * @return 0; -NOMEM. */
IMGC_CHECK int template_value_keys(const json_t *obj, const char ***ret, struct imgc_err *reterr);

#endif
