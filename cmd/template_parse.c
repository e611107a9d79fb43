/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/template_lex.h"
#include "cmd/template_node.h"

/* The tree is freed as a whole: its parts are cut from chunks. */
struct template_chunk {
    struct template_chunk *next;
    max_align_t memory[];
};

#define CHUNK_BYTES 4096 /* many nodes; no part of the tree is larger */

struct parser {
    struct template *t;
    struct imgc_str rest;        /* what is not read yet */
    struct template_token token; /* looked at, not taken, where has_token */
    bool has_token;
    bool trim_next; /* the action before ended with "-}}" */
    size_t chunk_used;
    unsigned depth, loops;
    struct imgc_err *err;
};

enum list_end { LIST_EOF = 1, LIST_END, LIST_ELSE };

static int parse_list(struct parser *p, struct template_node **ret);
static int parse_pipe(struct parser *p, enum template_token_kind until, struct template_pipe **ret);

static int bad(struct parser *p, const char *what)
{
    return imgc_fail(p->err, IMGC_E_USAGE, "template: %s", what);
}

/* Zeroed memory that lives as long as the template. */
static void *cut(struct parser *p, size_t size)
{
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!p->t->chunks || p->chunk_used + size > CHUNK_BYTES) {
        struct template_chunk *c = calloc(1, sizeof *c + CHUNK_BYTES);
        if (!c) {
            (void)imgc_fail(p->err, IMGC_E_NOMEM, "out of memory");
            return NULL;
        }
        c->next = p->t->chunks;
        p->t->chunks = c;
        p->chunk_used = 0;
    }
    void *memory = (char *)p->t->chunks->memory + p->chunk_used;
    p->chunk_used += size;
    return memory;
}

static int enter(struct parser *p)
{
    if (++p->depth > TEMPLATE_DEPTH_MAX) {
        return imgc_fail(p->err, IMGC_E_LIMIT, "template: nested deeper than %d",
                         TEMPLATE_DEPTH_MAX);
    }
    return 0;
}

static int peek(struct parser *p)
{
    if (p->has_token) {
        return 0;
    }
    int r = template_lex_next(&p->rest, &p->token, p->err);
    if (r < 0) {
        return r;
    }
    if (p->token.literal && json_array_append_new(p->t->literals, p->token.literal) < 0) {
        return imgc_fail(p->err, IMGC_E_NOMEM, "out of memory");
    }
    p->has_token = true;
    return 0;
}

static int take(struct parser *p, struct template_token *ret)
{
    int r = peek(p);
    if (r < 0) {
        return r;
    }
    *ret = p->token;
    p->has_token = false;
    return 0;
}

static int take_end(struct parser *p)
{
    struct template_token t;

    int r = take(p, &t);
    if (r < 0) {
        return r;
    }
    if (t.kind != TOKEN_END) {
        return bad(p, "unexpected words before '}}'");
    }
    p->trim_next = t.trims;
    return 0;
}

/* ".A.B" directly behind an operand. */
static int parse_fields(struct parser *p, struct template_field **ret)
{
    for (struct template_field **link = ret;; link = &(*link)->next) {
        int r = peek(p);
        if (r < 0) {
            return r;
        }
        if (p->token.kind != TOKEN_FIELD || p->token.spaced) {
            return 0;
        }
        *link = cut(p, sizeof **link);
        if (!*link) {
            return -IMGC_E_NOMEM;
        }
        (*link)->name = p->token.text;
        p->has_token = false;
    }
}

static int operand_of_word(struct parser *p, struct imgc_str word, struct template_operand *o)
{
    if (imgc_str_eq(word, IMGC_STR("nil"))) {
        o->kind = OPERAND_NIL;
        return 0;
    }
    bool is_true = imgc_str_eq(word, IMGC_STR("true"));
    if (is_true || imgc_str_eq(word, IMGC_STR("false"))) {
        o->kind = OPERAND_LITERAL;
        o->literal = json_boolean(is_true); /* jansson's own, not counted */
        return 0;
    }
    o->kind = OPERAND_FUNCTION;
    o->name = word;
    o->func = template_func_find(word);
    if (!o->func) {
        return imgc_fail(p->err, IMGC_E_USAGE,
                         "template: function '" IMGC_STR_FMT "' is not defined",
                         IMGC_STR_ARG(word));
    }
    return 0;
}

static int fill_operand(struct parser *p, const struct template_token *t,
                        struct template_operand *o)
{
    int r;

    switch (t->kind) {
    case TOKEN_WORD:
        return operand_of_word(p, t->text, o);
    case TOKEN_LITERAL:
        o->kind = OPERAND_LITERAL;
        o->literal = t->literal;
        return 0;
    case TOKEN_DOT:
        o->kind = OPERAND_DOT;
        return 0;
    case TOKEN_FIELD:
        o->kind = OPERAND_DOT;
        o->fields = cut(p, sizeof *o->fields);
        if (!o->fields) {
            return -IMGC_E_NOMEM;
        }
        o->fields->name = t->text;
        return parse_fields(p, &o->fields->next);
    case TOKEN_VARIABLE:
        o->kind = OPERAND_VARIABLE;
        o->name = t->text;
        return parse_fields(p, &o->fields);
    case TOKEN_OPEN:
        o->kind = OPERAND_PIPE;
        r = enter(p);
        if (r < 0) {
            return r;
        }
        r = parse_pipe(p, TOKEN_CLOSE, &o->pipe);
        p->depth--;
        return r < 0 ? r : parse_fields(p, &o->fields);
    default:
        return bad(p, "unexpected token in an action");
    }
}

/* Operands up to a pipe sign or the end, which stay. */
static int parse_command(struct parser *p, enum template_token_kind until,
                         struct template_command *c)
{
    struct template_operand **link = &c->operands;

    for (;;) {
        int r = peek(p);
        if (r < 0) {
            return r;
        }
        if (p->token.kind == TOKEN_PIPE || p->token.kind == until) {
            return c->operands ? 0 : bad(p, "a command is missing");
        }
        struct template_token t = p->token;
        if (c->operands && !t.spaced && t.kind != TOKEN_OPEN) {
            return bad(p, "a blank is missing between two operands");
        }
        p->has_token = false;
        *link = cut(p, sizeof **link);
        if (!*link) {
            return -IMGC_E_NOMEM;
        }
        r = fill_operand(p, &t, *link);
        if (r < 0) {
            return r;
        }
        link = &(*link)->next;
    }
}

/* "$x :=", "$x =", "$i, $e :=" at the front; or the variable is an operand and stays. */
static int parse_declaration(struct parser *p, struct template_pipe *pipe)
{
    struct imgc_str saved_rest;
    struct template_token first, t;
    int r = peek(p);

    if (r < 0 || p->token.kind != TOKEN_VARIABLE) {
        return r;
    }
    first = p->token;
    saved_rest = p->rest;
    p->has_token = false;
    r = take(p, &t);
    if (r < 0) {
        return r;
    }
    pipe->variables[pipe->n_variables++] = first.text;
    if (t.kind == TOKEN_COMMA) {
        r = take(p, &t);
        if (r == 0 && t.kind == TOKEN_VARIABLE) {
            pipe->variables[pipe->n_variables++] = t.text;
            r = take(p, &t);
        }
        if (r < 0) {
            return r;
        }
    }
    if (t.kind == TOKEN_DECLARE || t.kind == TOKEN_ASSIGN) {
        pipe->assigns = t.kind == TOKEN_ASSIGN;
        return 0;
    }
    if (pipe->n_variables == 2) {
        return bad(p, "':=' is missing after two variables");
    }
    pipe->n_variables = 0;
    p->rest = saved_rest;
    p->token = first;
    p->has_token = true;
    return 0;
}

static int parse_pipe(struct parser *p, enum template_token_kind until, struct template_pipe **ret)
{
    struct template_pipe *pipe = cut(p, sizeof *pipe);
    if (!pipe) {
        return -IMGC_E_NOMEM;
    }
    int r = parse_declaration(p, pipe);

    struct template_command **link = &pipe->commands;
    while (r == 0) {
        *link = cut(p, sizeof **link);
        if (!*link) {
            return -IMGC_E_NOMEM;
        }
        r = parse_command(p, until, *link);
        if (r < 0) {
            return r;
        }
        link = &(*link)->next;
        struct template_token t;
        r = take(p, &t);
        if (r == 0 && t.kind == until) {
            p->trim_next = t.kind == TOKEN_END && t.trims;
            break;
        }
    }
    *ret = pipe;
    return r;
}

static int control_pipe(struct parser *p, struct template_node *n)
{
    int r = peek(p);
    if (r < 0) {
        return r;
    }
    if (p->token.kind == TOKEN_END) {
        return bad(p, "missing value for if, range or with");
    }
    return parse_pipe(p, TOKEN_END, &n->pipe);
}

static int parse_control(struct parser *p, struct template_node *n);

/* After "else": the other branch up to its end; "else if" and "else with" are a control in it. */
static int parse_else(struct parser *p, struct template_node *n)
{
    int r = peek(p);
    if (r < 0) {
        return r;
    }
    bool is_if = p->token.kind == TOKEN_WORD && imgc_str_eq(p->token.text, IMGC_STR("if"));
    bool is_with = p->token.kind == TOKEN_WORD && imgc_str_eq(p->token.text, IMGC_STR("with"));
    if (is_if || is_with) {
        p->has_token = false;
        n->otherwise = cut(p, sizeof *n->otherwise);
        if (!n->otherwise) {
            return -IMGC_E_NOMEM;
        }
        n->otherwise->kind = is_if ? NODE_IF : NODE_WITH;
        return parse_control(p, n->otherwise); /* its "end" is ours too */
    }
    r = take_end(p);
    if (r < 0) {
        return r;
    }
    r = parse_list(p, &n->otherwise);
    if (r < 0) {
        return r;
    }
    return r == LIST_END ? take_end(p) : bad(p, "unexpected {{else}} or end of the template");
}

/* After the keyword. */
static int parse_control(struct parser *p, struct template_node *n)
{
    int r = enter(p);
    if (r < 0) {
        return r;
    }
    r = control_pipe(p, n);
    if (r < 0) {
        return r;
    }
    p->loops += n->kind == NODE_RANGE;
    r = parse_list(p, &n->body);
    p->loops -= n->kind == NODE_RANGE;
    if (r < 0) {
        return r;
    }
    switch (r) {
    case LIST_ELSE:
        r = parse_else(p, n);
        break;
    case LIST_END:
        r = take_end(p);
        break;
    default:
        return bad(p, "{{end}} is missing");
    }
    p->depth--;
    return r;
}

static int take_name_string(struct parser *p, struct imgc_str *ret)
{
    struct template_token t;

    int r = take(p, &t);
    if (r < 0) {
        return r;
    }
    if (t.kind != TOKEN_LITERAL || !json_is_string(t.literal)) {
        return bad(p, "a template's name is a string in quotes");
    }
    *ret = template_value_str(t.literal); /* lives in t->literals */
    return 0;
}

static int parse_template(struct parser *p, struct template_node *n)
{
    n->kind = NODE_TEMPLATE;
    int r = take_name_string(p, &n->text);
    if (r < 0) {
        return r;
    }
    r = peek(p);
    if (r < 0) {
        return r;
    }
    return p->token.kind == TOKEN_END ? take_end(p) : parse_pipe(p, TOKEN_END, &n->pipe);
}

/* @n  for "block": becomes the call of what is defined; NULL for "define". */
static int parse_define(struct parser *p, struct template_node *n)
{
    struct template_define *d = cut(p, sizeof *d);
    unsigned loops = p->loops;

    if (!d) {
        return -IMGC_E_NOMEM;
    }
    int r = take_name_string(p, &d->name);
    if (r < 0) {
        return r;
    }
    if (n) {
        n->kind = NODE_TEMPLATE;
        n->text = d->name;
        r = parse_pipe(p, TOKEN_END, &n->pipe);
    } else {
        r = p->depth > 0 ? bad(p, "unexpected {{define}}") : take_end(p);
    }
    if (r < 0) {
        return r;
    }
    r = enter(p);
    if (r < 0) {
        return r;
    }
    p->loops = 0;
    r = parse_list(p, &d->body);
    p->loops = loops;
    p->depth--;
    if (r < 0) {
        return r;
    }
    if (r != LIST_END) {
        return bad(p, "{{end}} of {{define}} is missing");
    }
    d->next = p->t->defines;
    p->t->defines = d;
    return take_end(p);
}

/* A keyword that makes a node. @return 0; 1: it is none; negative. */
static int parse_keyword(struct parser *p, struct imgc_str word, struct template_node *n)
{
    static const struct {
        const char *word;
        enum template_node_kind kind;
    } keywords[] = {
        { "if", NODE_IF },       { "range", NODE_RANGE },       { "with", NODE_WITH },
        { "break", NODE_BREAK }, { "continue", NODE_CONTINUE },
    };

    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        if (!imgc_str_eq(word, imgc_str_of(keywords[i].word))) {
            continue;
        }
        p->has_token = false;
        n->kind = keywords[i].kind;
        if (n->kind != NODE_BREAK && n->kind != NODE_CONTINUE) {
            return parse_control(p, n);
        }
        return p->loops ? take_end(p) : bad(p, "{{break}} or {{continue}} outside of {{range}}");
    }
    if (imgc_str_eq(word, IMGC_STR("template"))) {
        p->has_token = false;
        return parse_template(p, n);
    }
    bool is_block = imgc_str_eq(word, IMGC_STR("block"));
    if (is_block || imgc_str_eq(word, IMGC_STR("define"))) {
        p->has_token = false;
        return parse_define(p, is_block ? n : NULL);
    }
    return 1;
}

/* One action after its "{{". @return 0; LIST_END and LIST_ELSE with the word taken. */
static int parse_action(struct parser *p, struct template_node *n)
{
    int r = peek(p);
    if (r < 0) {
        return r;
    }
    if (p->token.kind == TOKEN_WORD) {
        bool is_end = imgc_str_eq(p->token.text, IMGC_STR("end"));
        if (is_end || imgc_str_eq(p->token.text, IMGC_STR("else"))) {
            p->has_token = false;
            return is_end ? LIST_END : LIST_ELSE;
        }
        r = parse_keyword(p, p->token.text, n);
        if (r <= 0) {
            return r;
        }
    }
    n->kind = NODE_ACTION;
    return parse_pipe(p, TOKEN_END, &n->pipe);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct imgc_str trim_left(struct imgc_str s)
{
    while (s.ptr && s.len > 0 && is_blank(s.ptr[0])) {
        s = imgc_str_from(s, 1);
    }
    return s;
}

static struct imgc_str trim_right(struct imgc_str s)
{
    while (s.ptr && s.len > 0 && is_blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

/* Text up to the next action, whose opening is taken too. @return whether there is one. */
static bool take_text(struct parser *p, struct imgc_str *ret)
{
    const char *open =
        p->rest.ptr && p->rest.len ? memmem(p->rest.ptr, p->rest.len, "{{", 2) : NULL;
    size_t n = open ? (size_t)(open - p->rest.ptr) : p->rest.len;

    *ret = imgc_str_first(p->rest, n);
    if (p->trim_next) {
        *ret = trim_left(*ret);
        p->trim_next = false;
    }
    p->rest = imgc_str_from(p->rest, open ? n + 2 : n);
    if (open && p->rest.len > 1 && p->rest.ptr[0] == '-' && is_blank(p->rest.ptr[1])) {
        *ret = trim_right(*ret);
        p->rest = imgc_str_from(p->rest, 1);
    }
    return open != NULL;
}

/* @return 0; 1 where a comment was taken. */
static int take_comment(struct parser *p)
{
    struct imgc_str s = trim_left(p->rest);

    if (!imgc_str_skip(&s, IMGC_STR("/*"))) {
        return 0;
    }
    const char *end = s.ptr && s.len ? memmem(s.ptr, s.len, "*/", 2) : NULL;
    if (!end) {
        return bad(p, "unclosed comment");
    }
    p->rest = imgc_str_from(s, (size_t)(end - s.ptr) + 2);
    int r = take_end(p);
    return r < 0 ? r : 1;
}

/* Nodes up to {{end}}, {{else}} (their word is taken, not their closing) or the end of the text.
 * @return LIST_*. */
static int parse_list(struct parser *p, struct template_node **ret)
{
    struct template_node **link = ret;

    for (;;) {
        struct imgc_str text;
        bool more = take_text(p, &text);
        if (text.len > 0) {
            *link = cut(p, sizeof **link);
            if (!*link) {
                return -IMGC_E_NOMEM;
            }
            (*link)->kind = NODE_TEXT;
            (*link)->text = text;
            link = &(*link)->next;
        }
        if (!more) {
            return LIST_EOF;
        }
        int r = take_comment(p);
        if (r != 0) {
            if (r < 0) {
                return r;
            }
            continue;
        }
        struct template_node *n = cut(p, sizeof *n);
        if (!n) {
            return -IMGC_E_NOMEM;
        }
        r = parse_action(p, n); /* a definition leaves an empty text node */
        if (r != 0) {
            return r;
        }
        *link = n;
        link = &n->next;
    }
}

static int parse_into(struct template *t, struct imgc_str text, struct imgc_err *reterr)
{
    t->literals = json_array();
    if (!t->literals) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = imgc_str_dup(text, &t->text, reterr);
    if (r < 0) {
        return r;
    }

    struct parser p = { .t = t, .rest = { t->text, text.len }, .err = reterr };
    r = parse_list(&p, &t->body);
    if (r == LIST_END || r == LIST_ELSE) {
        return bad(&p, r == LIST_END ? "unexpected {{end}}" : "unexpected {{else}}");
    }
    return r < 0 ? r : 0;
}

int template_parse(struct imgc_str text, struct template **ret, struct imgc_err *reterr)
{
    if (text.len > TEMPLATE_TEXT_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "template: more than %u bytes", TEMPLATE_TEXT_MAX);
    }
    struct template *t = calloc(1, sizeof *t);
    if (!t) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = parse_into(t, text, reterr);
    if (r < 0) {
        (void)template_free(t);
        return r;
    }
    *ret = t;
    return 0;
}

struct template *template_free(struct template *t)
{
    if (!t) {
        return NULL;
    }
    while (t->chunks) {
        struct template_chunk *next = t->chunks->next;
        free(t->chunks);
        t->chunks = next;
    }
    json_decref(t->literals);
    free(t->text);
    free(t);
    return NULL;
}

void template_freep(struct template **t)
{
    (void)template_free(*t);
}
