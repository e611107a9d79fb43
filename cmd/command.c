/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/command.h"

#include <assert.h>
#include <errno.h>

#include "cmd/suggest.h"
#include "schema/base/buf.h"

#define COMMAND_PIPE_STATUS 141 /* what a shell shows for a writer ended by SIGPIPE */

const struct command_alias command_aliases[] = {
    { "image", "ls", "images", NULL },
    { "image", "list", "images", NULL },
    { "image", "rm", "rmi", NULL },
    { "image", "remove", "rmi", NULL },
    { "image", "prune", "prune", NULL },
    { "image", "inspect", "inspect", "--type=image" },
    { "image", "history", "history", NULL },
    { "image", "tag", "tag", NULL },
    { "image", "untag", "untag", NULL },
    { "image", "pull", "pull", NULL },
    { "image", "push", "push", NULL },
    { "image", "import", "import", NULL },
    { "image", "load", "load", NULL },
    { "image", "save", "save", NULL },
    { "image", "unpack", "unpack", NULL },
    { "image", "mount", "mount", NULL },
    { "image", "umount", "umount", NULL },
    { "image", "unmount", "umount", NULL },
    { "image", "verify", "verify", NULL },
    { "image", "diff", "diff", NULL },
    { "container", "ls", "ps", NULL },
    { "container", "list", "ps", NULL },
    { "container", "ps", "ps", NULL },
    { "container", "run", "run", NULL },
    { "container", "create", "create", NULL },
    { "container", "start", "start", NULL },
    { "container", "stop", "stop", NULL },
    { "container", "restart", "restart", NULL },
    { "container", "kill", "kill", NULL },
    { "container", "wait", "wait", NULL },
    { "container", "rename", "rename", NULL },
    { "container", "exec", "exec", NULL },
    { "container", "attach", "attach", NULL },
    { "container", "cp", "cp", NULL },
    { "container", "top", "top", NULL },
    { "container", "rm", "rm", NULL },
    { "container", "remove", "rm", NULL },
    { "container", "prune", "container prune", NULL },
    { "container", "logs", "logs", NULL },
    { "container", "inspect", "inspect", "--type=container" },
    { "container", "commit", "commit", NULL },
    { "container", "export", "export", NULL },
    { "container", "pause", "pause", NULL },
    { "container", "unpause", "unpause", NULL },
    { "container", "port", "port", NULL },
    { "container", "stats", "stats", NULL },
    { "container", "update", "update", NULL },
    { "manifest", "inspect", "manifest inspect", NULL },
    { "network", "create", "network create", NULL },
    { "network", "ls", "network ls", NULL },
    { "network", "list", "network ls", NULL },
    { "network", "inspect", "network inspect", NULL },
    { "network", "rm", "network rm", NULL },
    { "network", "remove", "network rm", NULL },
    { "network", "prune", "network prune", NULL },
    { "network", "connect", "network connect", NULL },
    { "network", "disconnect", "network disconnect", NULL },
    { "network", "reload", "network reload", NULL },
    { "volume", "create", "volume create", NULL },
    { "volume", "ls", "volume ls", NULL },
    { "volume", "list", "volume ls", NULL },
    { "volume", "inspect", "volume inspect", NULL },
    { "volume", "rm", "volume rm", NULL },
    { "volume", "remove", "volume rm", NULL },
    { "volume", "prune", "volume prune", NULL },
    { "system", "df", "df", NULL },
    { "system", "info", "info", NULL },
    { NULL, NULL, NULL, NULL },
};

const struct command *command_find(const char *name)
{
    for (const struct command *const *c = commands; *c; c++) {
        if (strcmp((*c)->name, name) == 0) {
            return *c;
        }
    }
    return NULL;
}

static const struct command_alias *find_alias(const char *group, const char *verb)
{
    for (const struct command_alias *a = command_aliases; a->group; a++) {
        if (strcmp(a->group, group) == 0 && verb && strcmp(a->verb, verb) == 0) {
            return a;
        }
    }
    return NULL;
}

bool command_is_group(const char *word)
{
    for (const struct command_alias *a = command_aliases; a->group; a++) {
        if (strcmp(a->group, word) == 0) {
            return true;
        }
    }
    return false;
}

/* "imgc image" alone, or with a word that is none of its commands: say which there are. */
static void unknown_verb(const char *group, const char *verb, struct imgc_err *reterr)
{
    char verbs[256] = ""; /* all of a group's are under 100 bytes */
    size_t len = 0;

    for (const struct command_alias *a = command_aliases; a->group && len < sizeof verbs; a++) {
        if (strcmp(a->group, group) == 0) {
            len += (size_t)snprintf(verbs + len, sizeof verbs - len, " %s", a->verb);
        }
    }
    (void)imgc_fail(reterr, IMGC_E_USAGE, "%s %s%s%s, there are:%s",
                    verb ? "no such command: imgc" : "a command is missing after 'imgc", group,
                    verb ? " " : "'", verb ? verb : "", verbs);
}

static void unknown_command(const char *word, const char *verb, struct imgc_err *reterr)
{
    struct suggest s;

    if (command_is_group(word)) {
        unknown_verb(word, verb, reterr);
        return;
    }
    suggest_init(&s, imgc_str_of(word));
    for (const struct command *const *c = commands; *c; c++) {
        suggest_offer(&s, (*c)->name);
    }
    if (s.best) {
        (void)imgc_fail(reterr, IMGC_E_USAGE, "no such command: %s, did you mean '%s'?", word,
                        s.best);
    } else {
        (void)imgc_fail(reterr, IMGC_E_USAGE, "no such command: %s", word);
    }
}

const struct command *command_resolve(int argc, const char *const *argv, int *ret_argc,
                                      const char ***ret_argv, struct imgc_err *reterr)
{
    assert(argc > 0);

    const struct command_alias *alias = find_alias(argv[0], argc > 1 ? argv[1] : NULL);
    const struct command *c = command_find(alias ? alias->name : argv[0]);
    if (!c) {
        unknown_command(argv[0], argc > 1 ? argv[1] : NULL, reterr);
        return NULL;
    }

    /* Two words become one or, with an option of the alias, two: never longer. */
    const char **v = calloc((size_t)argc + 1, sizeof *v);
    if (!v) {
        (void)imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        return NULL;
    }
    int n = 0;
    v[n++] = c->name;
    if (alias && alias->option) {
        v[n++] = alias->option;
    }
    for (int i = alias ? 2 : 1; i < argc; i++) {
        v[n++] = argv[i];
    }
    *ret_argc = n;
    *ret_argv = v;
    return c;
}

static int check_words(const struct command *c, const struct args *args, struct imgc_err *reterr)
{
    if (args->n >= c->min_args && args->n <= c->max_args) {
        return 0;
    }
    if (args->n < c->min_args && c->min_args == c->max_args) {
        return imgc_fail(reterr, IMGC_E_USAGE, "imgc %s needs %zu argument%s: imgc %s %s", c->name,
                         c->min_args, c->min_args == 1 ? "" : "s", c->name, c->args);
    }
    if (args->n < c->min_args) {
        return imgc_fail(reterr, IMGC_E_USAGE, "imgc %s needs at least %zu argument%s: imgc %s %s",
                         c->name, c->min_args, c->min_args == 1 ? "" : "s", c->name, c->args);
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "imgc %s: unexpected argument '%s'", c->name,
                     args->v[c->max_args]);
}

static void print_failure(const struct command *c, struct app *app, const struct imgc_err *err)
{
    char remedy[64]; /* command names are ours and short */

    if (err->code == IMGC_E_USAGE) {
        (void)snprintf(remedy, sizeof remedy, "see 'imgc %s --help'", c->name);
        output_error_remedy(&app->out, err, remedy);
    } else {
        output_error(&app->out, err);
    }
}

/* What was printed so far goes out before the error does; a reader that went away is no error of
 * ours, but the status must not say success. */
static int finish(const struct command *c, struct app *app, int r, struct imgc_err *err)
{
    struct imgc_err write_err;

    int w = output_finish(&app->out, &write_err);
    if (w < 0 && write_err.sys == EPIPE) {
        return COMMAND_PIPE_STATUS;
    }
    if (r >= 0 && w < 0) {
        *err = write_err;
        r = w;
    }
    if (r >= 0) {
        return r;
    }
    print_failure(c, app, err);
    if (err->code == IMGC_E_INTERRUPTED && app_interrupted()) {
        return app_interrupt_status();
    }
    return c->failure_status ? c->failure_status(err) : imgc_code_status(err->code);
}

static int parse_and_run(const struct command *c, struct app *app, void *options, int argc,
                         const char **argv, struct imgc_err *reterr)
{
    char name[64]; /* command names are ours and short */
    (void)snprintf(name, sizeof name, "imgc %s", c->name);
    const struct options_args parse = {
        .table = c->options, .out = options, .stop_early = c->stop_early, .command = name
    };
    struct args args;

    int r = options_parse(&parse, argc, argv, &args, reterr);
    if (r < 0) {
        return r;
    }
    if (r == OPTIONS_HELP) {
        command_help(c, app);
        return 0;
    }
    r = check_words(c, &args, reterr);
    if (r < 0) {
        return r;
    }
    r = ids_enter(app, c->ids, reterr);
    return r < 0 ? r : c->run(app, options, args, reterr);
}

int command_execute(const struct command *c, struct app *app, int argc, const char **argv)
{
    struct imgc_err err = { .code = IMGC_OK };
    imgc_autofree void *options = calloc(1, c->options_size ? c->options_size : 1);
    int r;

    if (!options) {
        r = imgc_fail(&err, IMGC_E_NOMEM, "out of memory");
    } else {
        r = parse_and_run(c, app, options, argc, argv, &err);
        options_done(c->options, options);
    }
    return finish(c, app, r, &err);
}
