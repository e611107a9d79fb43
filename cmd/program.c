/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/program.h"

#include <errno.h>

#include "cmd/chores.h"
#include "schema/base/cleanup.h"

#define PROGRAM_PIPE_STATUS 141 /* what a shell shows for a writer ended by SIGPIPE */

struct globals {
    struct settings_options settings;
    bool version;
};

const struct option program_options[] = {
    { 0, "root", OPT_STRING, offsetof(struct globals, settings.root), "DIR",
      "where images and containers are kept (IMGC_ROOT)" },
    { 0, "runroot", OPT_STRING, offsetof(struct globals, settings.runroot), "DIR",
      "where state of this boot is kept (IMGC_RUNROOT)" },
    { 0, "log-level", OPT_STRING, offsetof(struct globals, settings.level), "LEVEL",
      "error, warn (default), info or debug" },
    { 0, "layers", OPT_STRING, offsetof(struct globals, settings.layers), "FORM",
      "how images are mounted: auto (default), erofs or directory (IMGC_LAYERS)" },
    { 0, "registries-conf", OPT_STRING, offsetof(struct globals, settings.registries_conf), "FILE",
      "instead of the usual registries.conf (CONTAINERS_REGISTRIES_CONF)" },
    { 'v', "version", OPT_FLAG, offsetof(struct globals, version), NULL, "show the version" },
    { 0, NULL, OPT_FLAG, 0, NULL, NULL },
};

const char *program_version(void)
{
    return IMGC_VERSION;
}

static int usage_failure(struct app *app, const struct imgc_err *err)
{
    if (err->code == IMGC_E_USAGE) {
        output_error_remedy(&app->out, err, "see 'imgc --help'");
    } else {
        output_error(&app->out, err);
    }
    return imgc_code_status(err->code);
}

/* What the program itself answers, without a command. */
static int finish_own(struct app *app)
{
    struct imgc_err err;

    int r = output_finish(&app->out, &err);
    if (r < 0) {
        return err.sys == EPIPE ? PROGRAM_PIPE_STATUS : usage_failure(app, &err);
    }
    return 0;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int run_words(struct app *app, struct args words)
{
    imgc_autofree const char **argv = NULL;
    int argc = 0;
    struct imgc_err err;

    if (words.n == 2 && command_is_group(words.v[0]) && asks_for_help(words.v[1])) {
        command_help_group(words.v[0], app);
        return finish_own(app);
    }
    const struct command *c = command_resolve((int)words.n, words.v, &argc, &argv, &err);
    return c ? command_execute(c, app, argc, argv) : usage_failure(app, &err);
}

static int run_globals(struct app *app, int argc, const char **argv)
{
    struct globals globals = { .version = false };
    const struct options_args parse = {
        .table = program_options, .out = &globals, .stop_early = true, .command = "imgc"
    };
    struct args words;
    struct imgc_err err;

    int r = options_parse(&parse, argc, argv, &words, &err);
    if (r < 0) {
        return usage_failure(app, &err);
    }
    if (globals.version) {
        output_print(&app->out, "imgc version %s\n", program_version());
        return finish_own(app);
    }
    if (r == 0 && words.n == 0) {
        app->out.out = app->out.err; /* help that nobody asked for is no result */
        command_help_all(program_options, app);
        return imgc_code_status(IMGC_E_USAGE);
    }
    if (r == OPTIONS_HELP) {
        command_help_all(program_options, app);
        return finish_own(app);
    }
    r = settings_init(&app->settings, &globals.settings, &err);
    if (r < 0) {
        return usage_failure(app, &err);
    }
    app->out.level = app->settings.level;
    return run_words(app, words);
}

int program_run(int argc, const char *const *argv, bool stdout_is_closed)
{
    /* Nothing of it is closed or freed in the end: the kernel does that at once, while each page
     * that free() and SQLite write to would be copied first for the child that removes a container.
     */
    static struct app app;
    imgc_autofree const char **copy = calloc((size_t)argc + 1, sizeof *copy);
    struct imgc_err err;

    output_init(&app.out, LOG_LEVEL_WARN);
    app.out.out_is_closed = stdout_is_closed;
    if (!copy) {
        (void)imgc_fail(&err, IMGC_E_NOMEM, "out of memory");
        return usage_failure(&app, &err);
    }
    for (int i = 0; i < argc; i++) {
        copy[i] = argv[i];
    }
    int status = run_globals(&app, argc, copy);
    chores_finish(&app);
    return status;
}
