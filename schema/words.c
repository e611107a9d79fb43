/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/words.h"

#include "schema/base/buf.h"
#include "schema/limits.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

bool words_next(struct imgc_str *rest, struct imgc_str *ret)
{
    struct imgc_str s = *rest;
    char quote = '\0';
    size_t i = 0;

    while (s.len > 0 && is_blank(s.ptr[0])) {
        s = imgc_str_from(s, 1);
    }
    for (; i < s.len && (quote || !is_blank(s.ptr[i])); i++) {
        char c = s.ptr[i];
        if (c == '\\' && quote != '\'') {
            i += i + 1 < s.len; /* whatever follows is no quote and no end */
        } else if (quote) {
            if (c == quote) {
                quote = '\0';
            }
        } else if (c == '"' || c == '\'') {
            quote = c;
        }
    }
    *ret = imgc_str_first(s, i);
    *rest = imgc_str_from(s, i);
    return i > 0;
}

struct expansion {
    struct imgc_str rest;
    char *const *env;
    struct imgc_buf out;
};

static bool is_name_char(char c, bool first)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (!first && c >= '0' && c <= '9');
}

static size_t name_length(struct imgc_str s)
{
    size_t n = 0;

    while (n < s.len && is_name_char(s.ptr[n], n == 0)) {
        n++;
    }
    return n;
}

static void add_variable(struct expansion *e, struct imgc_str name)
{
    struct imgc_str key, value;

    for (char *const *v = e->env; v && *v; v++) {
        (void)imgc_str_split(imgc_str_of(*v), '=', &key, &value);
        if (imgc_str_eq(key, name)) {
            imgc_buf_str(&e->out, value);
            return;
        }
    }
}

/* After a '$' that was taken. One that no name follows stands for itself. */
static int expand_variable(struct expansion *e, struct imgc_err *reterr)
{
    struct imgc_str rest = e->rest;
    bool braced = imgc_str_skip(&rest, IMGC_STR("{"));
    size_t n = name_length(rest);
    struct imgc_str name = imgc_str_first(rest, n);

    rest = imgc_str_from(rest, n);
    if (braced && (n == 0 || !imgc_str_skip(&rest, IMGC_STR("}")))) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "'$" IMGC_STR_FMT "': only $NAME and ${NAME} are replaced",
                         IMGC_STR_ARG(e->rest));
    }
    if (n == 0) {
        imgc_buf_putc(&e->out, '$');
        return 0;
    }
    add_variable(e, name);
    e->rest = rest;
    return 0;
}

static char take(struct expansion *e)
{
    char c = e->rest.ptr[0];
    e->rest = imgc_str_from(e->rest, 1);
    return c;
}

/* After an opening quote that was taken, to the closing one. */
static int expand_quoted(struct expansion *e, char quote, struct imgc_err *reterr)
{
    while (e->rest.len > 0) {
        char c = take(e);
        if (c == quote) {
            return 0;
        }
        if (quote == '"' && c == '$') {
            int r = expand_variable(e, reterr);
            if (r < 0) {
                return r;
            }
            continue;
        }
        /* Between double quotes a backslash is one, unless it protects what has a meaning there. */
        if (quote == '"' && c == '\\' && e->rest.len > 0 && strchr("\"$\\", e->rest.ptr[0]) &&
            e->rest.ptr[0] != '\0') {
            c = take(e);
        }
        imgc_buf_putc(&e->out, c);
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "a %c quote is not closed", quote);
}

static int expand(struct expansion *e, struct imgc_err *reterr)
{
    while (e->rest.len > 0) {
        char c = take(e);
        int r = 0;

        if (c == '"' || c == '\'') {
            r = expand_quoted(e, c, reterr);
        } else if (c == '$') {
            r = expand_variable(e, reterr);
        } else {
            if (c == '\\' && e->rest.len > 0) {
                c = take(e);
            }
            imgc_buf_putc(&e->out, c);
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int words_expand(struct imgc_str s, char *const *env, char **ret, struct imgc_err *reterr)
{
    struct expansion e = { .rest = s, .env = env, .out = IMGC_BUF_INIT(LIMIT_ENV_BYTES) };
    int r = expand(&e, reterr);
    if (r == 0) {
        r = imgc_buf_take(&e.out, ret, reterr);
    }
    imgc_buf_done(&e.out);
    return r;
}
