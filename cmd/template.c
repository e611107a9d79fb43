/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/template_node.h"

#define VARIABLES_MAX 100 /* in scope at once; people use two or three */

struct variable {
    struct imgc_str name;
    json_t *value; /* owned */
};

struct exec {
    const struct template *t;
    const struct template_args *args;
    struct imgc_buf *out;
    struct variable variables[VARIABLES_MAX];
    size_t n_variables;
    size_t frame; /* first variable of the template that runs */
    unsigned depth;
    unsigned steps;
    struct imgc_err *err;
};

enum flow { FLOW_BREAK = 1, FLOW_CONTINUE };

static int run_list(struct exec *x, const struct template_node *n, json_t *dot);
static int eval_pipe(struct exec *x, const struct template_pipe *pipe, json_t *dot, json_t **ret);

static int push_variable(struct exec *x, struct imgc_str name, json_t *value)
{
    if (x->n_variables >= VARIABLES_MAX) {
        return imgc_fail(x->err, IMGC_E_LIMIT, "template: more than %d variables", VARIABLES_MAX);
    }
    x->variables[x->n_variables++] = (struct variable){ name, json_incref(value) };
    return 0;
}

static void pop_variables(struct exec *x, size_t mark)
{
    while (x->n_variables > mark) {
        json_decref(x->variables[--x->n_variables].value);
    }
}

static struct variable *find_variable(struct exec *x, struct imgc_str name)
{
    for (size_t i = x->n_variables; i > x->frame; i--) {
        if (imgc_str_eq(x->variables[i - 1].name, name)) {
            return &x->variables[i - 1];
        }
    }
    (void)imgc_fail(x->err, IMGC_E_USAGE, "template: undefined variable '$" IMGC_STR_FMT "'",
                    IMGC_STR_ARG(name));
    return NULL;
}

/* Declare or assign what a pipeline's front says. */
static int set_variables(struct exec *x, const struct template_pipe *pipe, json_t *value)
{
    for (size_t i = 0; i < pipe->n_variables; i++) {
        if (!pipe->assigns) {
            int r = push_variable(x, pipe->variables[i], value);
            if (r < 0) {
                return r;
            }
            continue;
        }
        struct variable *v = find_variable(x, pipe->variables[i]);
        if (!v) {
            return -(int)x->err->code;
        }
        json_decref(v->value);
        v->value = json_incref(value);
    }
    return 0;
}

static json_t *get_nocase(json_t *obj, struct imgc_str name)
{
    const char *key;
    json_t *value, *found = NULL;

    json_object_foreach(obj, key, value)
    {
        if (imgc_str_eq_nocase(imgc_str_of(key), name)) {
            if (found) {
                return NULL; /* which one is meant? */
            }
            found = value;
        }
    }
    return found;
}

static int missing_field(struct exec *x, json_t *obj, struct imgc_str name)
{
    imgc_autobuf struct imgc_buf known = IMGC_BUF_INIT(TEMPLATE_TEXT_MAX);
    imgc_autofree const char **keys = NULL;

    int r = template_value_keys(obj, &keys, x->err);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; keys[i]; i++) {
        imgc_buf_printf(&known, "%s.%s", i ? " " : "", keys[i]);
    }
    return imgc_fail(x->err, IMGC_E_USAGE, "template: no field '." IMGC_STR_FMT "', there are: %s",
                     IMGC_STR_ARG(name), known.ptr ? known.ptr : "none");
}

static bool is_map(const struct exec *x, struct imgc_str name)
{
    for (const char *const *m = x->args->maps; m && *m; m++) {
        if (imgc_str_eq(imgc_str_of(*m), name)) {
            return true;
        }
    }
    return false;
}

/* @parent  name of the field that @v came from; empty where that is not known.
 * @ret     borrowed from @v, or json_null(). */
static int get_field(struct exec *x, json_t *v, struct imgc_str parent, struct imgc_str name,
                     json_t **ret)
{
    if (json_is_null(v)) {
        *ret = json_null();
        return 0;
    }
    if (!json_is_object(v)) {
        return imgc_fail(x->err, IMGC_E_USAGE,
                         "template: can't evaluate field " IMGC_STR_FMT " in type %s",
                         IMGC_STR_ARG(name), template_value_type(v));
    }
    json_t *found = json_object_getn(v, name.ptr, name.len);
    bool strict = x->args->strict && (v == x->args->data || (parent.len && !is_map(x, parent)));
    if (!found && strict) {
        found = get_nocase(v, name);
        if (!found) {
            return missing_field(x, v, name);
        }
    }
    *ret = found ? found : json_null();
    return 0;
}

/* Follow a chain. @v is taken, *ret is a new reference. */
static int get_fields(struct exec *x, json_t *take_v, const struct template_field *fields,
                      json_t **ret)
{
    json_t *v = take_v;
    struct imgc_str parent = { NULL, 0 };
    int r = 0;

    for (const struct template_field *f = fields; r == 0 && f; f = f->next) {
        r = get_field(x, v, parent, f->name, &v);
        parent = f->name;
    }
    if (r == 0) {
        *ret = json_incref(v);
    }
    json_decref(take_v);
    return r;
}

static int eval_operand(struct exec *x, const struct template_operand *o, json_t *dot, json_t **ret)
{
    switch (o->kind) {
    case OPERAND_LITERAL:
        *ret = json_incref(o->literal);
        return 0;
    case OPERAND_NIL:
        *ret = json_null();
        return 0;
    case OPERAND_DOT:
        return get_fields(x, json_incref(dot), o->fields, ret);
    case OPERAND_VARIABLE: {
        struct variable *v = find_variable(x, o->name);
        return v ? get_fields(x, json_incref(v->value), o->fields, ret) : -(int)x->err->code;
    }
    case OPERAND_PIPE: {
        json_t *v = NULL;
        int r = eval_pipe(x, o->pipe, dot, &v);
        return r < 0 ? r : get_fields(x, v, o->fields, ret);
    }
    case OPERAND_FUNCTION: {
        /* A function among the arguments is called without any: {{if not true}}. */
        struct template_call c = { .n = 0, .err = x->err };
        if (o->func->min_args > 0) {
            return imgc_fail(x->err, IMGC_E_USAGE, "template: %s needs %zu arguments",
                             o->func->name, o->func->min_args);
        }
        return o->func->call(&c, ret);
    }
    }
    return imgc_fail(x->err, IMGC_E_USAGE, "template: unexpected operand");
}

/* "and" and "or" end at the first argument that decides. */
static bool decides(const struct template_func *f, const json_t *value)
{
    return (strcmp(f->name, "and") == 0 && !template_value_truth(value)) ||
           (strcmp(f->name, "or") == 0 && template_value_truth(value));
}

static int collect_args(struct exec *x, const struct template_command *c, json_t *dot,
                        json_t *piped, struct template_call *call)
{
    for (const struct template_operand *o = c->operands->next; o; o = o->next) {
        if (call->n + 1 >= TEMPLATE_CALL_ARGS_MAX) {
            return imgc_fail(x->err, IMGC_E_LIMIT, "template: more than %d arguments",
                             TEMPLATE_CALL_ARGS_MAX - 1);
        }
        int r = eval_operand(x, o, dot, &call->argv[call->n]);
        if (r < 0) {
            return r;
        }
        call->n++;
        if (decides(c->operands->func, call->argv[call->n - 1])) {
            return 0;
        }
    }
    if (piped) {
        call->argv[call->n++] = json_incref(piped);
    }
    return 0;
}

static int eval_call(struct exec *x, const struct template_command *c, json_t *dot, json_t *piped,
                     json_t **ret)
{
    const struct template_func *f = c->operands->func;
    struct template_call call = { .n = 0, .err = x->err };

    int r = collect_args(x, c, dot, piped, &call);
    if (r == 0 && (call.n < f->min_args || call.n > f->max_args)) {
        r = imgc_fail(x->err, IMGC_E_USAGE, "template: wrong number of arguments for %s: %zu",
                      f->name, call.n);
    }
    if (r == 0) {
        r = f->call(&call, ret);
    }
    for (size_t i = 0; i < call.n; i++) {
        json_decref(call.argv[i]);
    }
    return r;
}

/* @piped  value of the command before, borrowed; NULL for the first one. */
static int eval_command(struct exec *x, const struct template_command *c, json_t *dot,
                        json_t *piped, json_t **ret)
{
    if (++x->steps > TEMPLATE_STEPS_MAX) {
        return imgc_fail(x->err, IMGC_E_LIMIT, "template: more than %u steps", TEMPLATE_STEPS_MAX);
    }
    const struct template_operand *first = c->operands;
    if (first->kind == OPERAND_FUNCTION) {
        return eval_call(x, c, dot, piped, ret);
    }
    if (first->kind == OPERAND_NIL) {
        return imgc_fail(x->err, IMGC_E_USAGE, "template: nil is not a command");
    }
    if (first->next || piped) {
        return imgc_fail(x->err, IMGC_E_USAGE,
                         "template: arguments for something that is no function");
    }
    return eval_operand(x, first, dot, ret);
}

static int eval_pipe(struct exec *x, const struct template_pipe *pipe, json_t *dot, json_t **ret)
{
    json_auto_t *value = NULL;

    for (const struct template_command *c = pipe->commands; c; c = c->next) {
        json_t *next = NULL;
        int r = eval_command(x, c, dot, value, &next);
        if (r < 0) {
            return r;
        }
        json_decref(value);
        value = next;
    }
    *ret = imgc_take(value);
    return 0;
}

static int run_action(struct exec *x, const struct template_node *n, json_t *dot)
{
    json_auto_t *value = NULL;

    int r = eval_pipe(x, n->pipe, dot, &value);
    if (r < 0) {
        return r;
    }
    if (n->pipe->n_variables > 0) {
        return set_variables(x, n->pipe, value);
    }
    if (json_is_null(value)) {
        imgc_buf_puts(x->out, "<no value>");
    } else {
        template_value_print(x->out, value);
    }
    return 0;
}

static int run_if_with(struct exec *x, const struct template_node *n, json_t *dot)
{
    json_auto_t *value = NULL;
    size_t mark = x->n_variables;

    int r = eval_pipe(x, n->pipe, dot, &value);
    if (r == 0) {
        r = set_variables(x, n->pipe, value);
    }
    if (r == 0 && template_value_truth(value)) {
        r = run_list(x, n->body, n->kind == NODE_WITH ? value : dot);
    } else if (r == 0) {
        r = run_list(x, n->otherwise, dot);
    }
    pop_variables(x, mark);
    return r;
}

/* One round. @return 0; FLOW_BREAK; negative. */
static int run_round(struct exec *x, const struct template_node *n, json_t *key, json_t *value)
{
    const struct template_pipe *pipe = n->pipe;
    size_t mark = x->n_variables;
    int r = key ? 0 : imgc_fail(x->err, IMGC_E_NOMEM, "out of memory");

    for (size_t i = 0; r == 0 && i < pipe->n_variables; i++) {
        struct template_pipe one = { .variables = { pipe->variables[i] },
                                     .n_variables = 1,
                                     .assigns = pipe->assigns };
        r = set_variables(x, &one, i + 1 < pipe->n_variables ? key : value);
    }
    if (r == 0) {
        r = run_list(x, n->body, value);
    }
    pop_variables(x, mark);
    json_decref(key);
    return r == FLOW_CONTINUE ? 0 : r;
}

static int range_object(struct exec *x, const struct template_node *n, json_t *over)
{
    imgc_autofree const char **keys = NULL;

    int r = template_value_keys(over, &keys, x->err);
    for (size_t i = 0; r == 0 && keys[i]; i++) {
        r = run_round(x, n, json_string_nocheck(keys[i]), json_object_get(over, keys[i]));
    }
    return r;
}

static int run_range(struct exec *x, const struct template_node *n, json_t *dot)
{
    json_auto_t *over = NULL;

    int r = eval_pipe(x, n->pipe, dot, &over);
    if (r < 0) {
        return r;
    }
    if (!json_is_null(over) && !json_is_array(over) && !json_is_object(over)) {
        return imgc_fail(x->err, IMGC_E_USAGE, "template: range can't iterate over %s",
                         template_value_type(over));
    }
    if (!template_value_truth(over)) {
        return run_list(x, n->otherwise, dot);
    }
    if (json_is_object(over)) {
        r = range_object(x, n, over);
    } else {
        for (size_t i = 0; r == 0 && i < json_array_size(over); i++) {
            r = run_round(x, n, json_integer((json_int_t)i), json_array_get(over, i));
        }
    }
    return r == FLOW_BREAK ? 0 : r;
}

static int run_template(struct exec *x, const struct template_node *n, json_t *dot)
{
    const struct template_define *d = x->t->defines;
    json_auto_t *value = NULL;
    size_t mark = x->n_variables, frame = x->frame;

    while (d && !imgc_str_eq(d->name, n->text)) {
        d = d->next;
    }
    if (!d) {
        return imgc_fail(x->err, IMGC_E_USAGE,
                         "template: no template \"" IMGC_STR_FMT "\" is defined",
                         IMGC_STR_ARG(n->text));
    }
    int r = 0;
    if (n->pipe) {
        r = eval_pipe(x, n->pipe, dot, &value);
    } else {
        value = json_null();
    }
    if (r == 0) {
        x->frame = mark;
        r = push_variable(x, IMGC_STR(""), value); /* its own "$" */
    }
    if (r == 0) {
        r = run_list(x, d->body, value);
    }
    pop_variables(x, mark);
    x->frame = frame;
    return r;
}

static int run_node(struct exec *x, const struct template_node *n, json_t *dot)
{
    switch (n->kind) {
    case NODE_TEXT:
        imgc_buf_str(x->out, n->text);
        return 0;
    case NODE_ACTION:
        return run_action(x, n, dot);
    case NODE_IF:
    case NODE_WITH:
        return run_if_with(x, n, dot);
    case NODE_RANGE:
        return run_range(x, n, dot);
    case NODE_TEMPLATE:
        return run_template(x, n, dot);
    case NODE_BREAK:
        return FLOW_BREAK;
    case NODE_CONTINUE:
        return FLOW_CONTINUE;
    }
    return 0;
}

/* @return 0; FLOW_*; negative. */
static int run_list(struct exec *x, const struct template_node *n, json_t *dot)
{
    int r = 0;

    if (++x->depth > TEMPLATE_DEPTH_MAX) {
        return imgc_fail(x->err, IMGC_E_LIMIT, "template: nested deeper than %d",
                         TEMPLATE_DEPTH_MAX);
    }
    for (; r == 0 && n; n = n->next) {
        r = run_node(x, n, dot);
        if (x->out->state != IMGC_BUF_OK) {
            struct imgc_str ignored;
            r = imgc_buf_finish(x->out, &ignored, x->err);
        }
    }
    x->depth--;
    return r;
}

int template_run(const struct template *t, const struct template_args *args, struct imgc_buf *out,
                 struct imgc_err *reterr)
{
    struct exec x = { .t = t, .args = args, .out = out, .err = reterr };

    int r = push_variable(&x, IMGC_STR(""), args->data);
    if (r == 0) {
        r = run_list(&x, t->body, args->data);
    }
    pop_variables(&x, 0);
    return r < 0 ? r : 0;
}
