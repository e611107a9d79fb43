/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/options.h"

#include "cmd/suggest.h"

struct parser {
    const struct options_args *args;
    const char **argv;
    int argc;
    int next;       /* the word to look at */
    size_t n_words; /* moved to argv[0..) */
};

static void *field_of(const struct option *o, void *out)
{
    return (char *)out + o->offset;
}

static const struct option *find_long(const struct option *table, struct imgc_str name)
{
    for (const struct option *o = table; o && o->name; o++) {
        if (imgc_str_eq(imgc_str_of(o->name), name)) {
            return o;
        }
    }
    return NULL;
}

static const struct option *find_short(const struct option *table, char letter)
{
    for (const struct option *o = table; o && o->name; o++) {
        if (o->letter == letter) {
            return o;
        }
    }
    return NULL;
}

static int unknown_long(const struct parser *p, struct imgc_str name, struct imgc_err *reterr)
{
    struct suggest s;

    suggest_init(&s, name);
    for (const struct option *o = p->args->table; o && o->name; o++) {
        if (o->help) {
            suggest_offer(&s, o->name);
        }
    }
    suggest_offer(&s, "help");
    if (s.best) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "%s: unknown option '--" IMGC_STR_FMT "', did you mean '--%s'?",
                         p->args->command, IMGC_STR_ARG(name), s.best);
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "%s: unknown option '--" IMGC_STR_FMT "'",
                     p->args->command, IMGC_STR_ARG(name));
}

static int list_add(struct option_list *list, const char *value, struct imgc_err *reterr)
{
    const char **items = reallocarray(list->items, list->n + 2, sizeof *items);
    if (!items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    items[list->n++] = value;
    items[list->n] = NULL;
    list->items = items;
    return 0;
}

/* The words that Go's strconv.ParseBool takes, since docker and podman do. */
static bool parse_bool(const char *z, bool *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        { "true", true }, { "1", true },      { "t", true },      { "True", true },
        { "TRUE", true }, { "T", true },      { "false", false }, { "0", false },
        { "f", false },   { "False", false }, { "FALSE", false }, { "F", false },
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(z, words[i].word) == 0) {
            *ret = words[i].value;
            return true;
        }
    }
    return false;
}

static bool takes_value(const struct option *o)
{
    return o->kind != OPT_FLAG && o->kind != OPT_NEGATED;
}

/* @value  NULL only for a flag that has none. */
static int store_flag(const struct parser *p, const struct option *o, const char *value,
                      struct imgc_err *reterr)
{
    bool is_on = true;

    if (value && !parse_bool(value, &is_on)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "%s: --%s is true or false, not '%s'",
                         p->args->command, o->name, value);
    }
    *(bool *)field_of(o, p->args->out) = is_on == (o->kind == OPT_FLAG);
    return 0;
}

static int store(const struct parser *p, const struct option *o, const char *value,
                 struct imgc_err *reterr)
{
    void *field = field_of(o, p->args->out);

    switch (o->kind) {
    case OPT_FLAG:
    case OPT_NEGATED:
        return store_flag(p, o, value, reterr);
    case OPT_STRING:
        *(const char **)field = value;
        return 0;
    case OPT_LIST:
        return list_add(field, value, reterr);
    case OPT_UINT:
        if (!imgc_str_u64(imgc_str_of(value), field)) {
            return imgc_fail(reterr, IMGC_E_USAGE, "%s: --%s needs a whole number, not '%s'",
                             p->args->command, o->name, value);
        }
        return 0;
    }
    return 0;
}

/* The next word is the option's value. */
static int store_next(struct parser *p, const struct option *o, struct imgc_err *reterr)
{
    if (p->next >= p->argc) {
        return imgc_fail(reterr, IMGC_E_USAGE, "%s: --%s needs a value: --%s %s", p->args->command,
                         o->name, o->name, o->arg ? o->arg : "VALUE");
    }
    return store(p, o, p->argv[p->next++], reterr);
}

static int parse_long(struct parser *p, const char *text, struct imgc_err *reterr)
{
    struct imgc_str name, rest;
    bool has_value = imgc_str_split(imgc_str_of(text), '=', &name, &rest);
    const struct option *o = find_long(p->args->table, name);

    if (!o) {
        if (imgc_str_eq(name, IMGC_STR("help")) && !has_value) {
            return OPTIONS_HELP;
        }
        return unknown_long(p, name, reterr);
    }
    if (has_value) {
        return store(p, o, text + name.len + 1, reterr);
    }
    if (!takes_value(o)) {
        return store(p, o, NULL, reterr);
    }
    return store_next(p, o, reterr);
}

static int unknown_short(const struct parser *p, char letter, const char *cluster,
                         struct imgc_err *reterr)
{
    if (cluster[1]) {
        return imgc_fail(reterr, IMGC_E_USAGE, "%s: unknown option '-%c' in '-%s'",
                         p->args->command, letter, cluster);
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "%s: unknown option '-%c'", p->args->command, letter);
}

/* @rest  behind the letter: "64m", "=64m", "" */
static int store_attached(struct parser *p, const struct option *o, const char *rest,
                          struct imgc_err *reterr)
{
    if (!*rest) {
        return store_next(p, o, reterr);
    }
    return store(p, o, *rest == '=' ? rest + 1 : rest, reterr);
}

/* @cluster  "it", "m64m", "m=64m" */
static int parse_short(struct parser *p, const char *cluster, struct imgc_err *reterr)
{
    int r = 0;

    for (const char *c = cluster; r == 0 && *c; c++) {
        const struct option *o = find_short(p->args->table, *c);
        if (!o) {
            return *c == 'h' ? OPTIONS_HELP : unknown_short(p, *c, cluster, reterr);
        }
        if (takes_value(o) || c[1] == '=') {
            return store_attached(p, o, c + 1, reterr);
        }
        r = store(p, o, NULL, reterr);
    }
    return r;
}

static void rest_is_words(struct parser *p)
{
    while (p->next < p->argc) {
        p->argv[p->n_words++] = p->argv[p->next++];
    }
}

int options_parse(const struct options_args *args, int argc, const char **argv, struct args *ret,
                  struct imgc_err *reterr)
{
    struct parser p = { .args = args, .argv = argv, .argc = argc, .next = 1, .n_words = 0 };

    while (p.next < argc) {
        const char *word = argv[p.next++];
        int r = 0;

        if (strcmp(word, "--") == 0) {
            rest_is_words(&p);
        } else if (strncmp(word, "--", 2) == 0) {
            r = parse_long(&p, word + 2, reterr);
        } else if (word[0] == '-' && word[1]) {
            r = parse_short(&p, word + 1, reterr);
        } else {
            argv[p.n_words++] = word; /* "-" alone is a word: standard input */
            if (args->stop_early) {
                rest_is_words(&p);
            }
        }
        if (r != 0) {
            return r;
        }
    }
    if (argc > 0) {
        argv[p.n_words] = NULL;
    }
    *ret = (struct args){ .v = argv, .n = p.n_words };
    return 0;
}

void options_done(const struct option *table, void *out)
{
    for (const struct option *o = table; o && o->name; o++) {
        if (o->kind == OPT_LIST) {
            struct option_list *list = field_of(o, out);
            free(list->items);
            *list = (struct option_list){ NULL, 0 };
        }
    }
}

static size_t left_width(const struct option *o)
{
    return strlen(o->name) + (o->arg ? 1 + strlen(o->arg) : 0);
}

static void help_line(const struct option *o, size_t width, struct imgc_buf *b)
{
    if (o->letter) {
        imgc_buf_printf(b, "  -%c, --%s", o->letter, o->name);
    } else {
        imgc_buf_printf(b, "      --%s", o->name);
    }
    imgc_buf_printf(b, "%s%s%*s  %s\n", o->arg ? " " : "", o->arg ? o->arg : "",
                    (int)(width - left_width(o)), "", o->help);
}

void options_help(const struct option *table, struct imgc_buf *b)
{
    const struct option help = {
        find_short(table, 'h') ? 0 : (char)'h', "help", OPT_FLAG, 0, NULL, "show this text"
    };
    size_t width = left_width(&help);

    for (const struct option *o = table; o && o->name; o++) {
        if (o->help && left_width(o) > width) {
            width = left_width(o);
        }
    }
    for (const struct option *o = table; o && o->name; o++) {
        if (o->help) {
            help_line(o, width, b);
        }
    }
    help_line(&help, width, b);
}
