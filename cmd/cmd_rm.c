/* SPDX-License-Identifier: Apache-2.0 */
/* imgc rm: remove containers. */
#include "cmd/commands.h"
#include "cmd/container_end.h"
#include "cmd/each.h"
#include "cmd/latest.h"
#include "cmd/stopping.h"

struct rm_options {
    bool force, all, volumes, latest;
    const char *time;
};

static const struct option rm_options[] = {
    { 'f', "force", OPT_FLAG, offsetof(struct rm_options, force), NULL,
      "kill a running container first; a missing one is no error" },
    { 'a', "all", OPT_FLAG, offsetof(struct rm_options, all), NULL, "remove all containers" },
    LATEST_ROW(offsetof(struct rm_options, latest)),
    { 't', "time", OPT_STRING, offsetof(struct rm_options, time), "SECONDS",
      "with --force: stop it first, and kill it after this time (0)" },
    { 'v', "volumes", OPT_FLAG, offsetof(struct rm_options, volumes), NULL,
      "with the volumes that have no name" },
    { .name = NULL },
};

struct removal {
    const struct rm_options *options;
    int64_t time_s;
};

/* With --time a running one may end in order. */
static int stop_first(struct app *app, const struct container *c, const struct removal *removal,
                      struct imgc_err *reterr)
{
    struct container_end_stop stop = { .container = c, .timeout_s = removal->time_s };

    return removal->options->force && removal->options->time && c->status == CONTAINER_RUNNING
               ? container_end_stop(app, &stop, 1, reterr)
               : 0;
}

static int remove_container(struct app *app, const struct container *c,
                            const struct removal *removal, struct imgc_err *reterr)
{
    int r = stop_first(app, c, removal, reterr);
    return r < 0 ? r
                 : container_end_remove(app, c, removal->options->force, removal->options->volumes,
                                        reterr);
}

static int remove_named(struct app *app, const char *name, void *arg, struct imgc_err *reterr)
{
    const struct removal *removal = arg;
    container_auto struct container c = { .name = NULL };

    int r = container_end_find(app, name, &c, reterr);
    if (r == -(int)IMGC_E_NOTFOUND && removal->options->force) {
        return 0;
    }
    r = r < 0 ? r : remove_container(app, &c, removal, reterr);
    if (r < 0) {
        return r;
    }
    output_print(&app->out, "%s\n", name);
    return 0;
}

static int remove_all(struct app *app, struct removal *removal, struct imgc_err *reterr)
{
    container_list_auto struct container_list list = { .items = NULL };
    struct store *store;

    int r = app_store(app, &store, reterr);
    r = r < 0 ? r : container_list(store, &list, reterr);
    if (r < 0) {
        return r;
    }
    imgc_autofree const char **names = calloc(list.n + 1, sizeof *names);
    if (!names) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < list.n; i++) {
        names[i] = list.items[i].name;
    }
    return each_word(app, (struct args){ .v = names, .n = list.n }, remove_named, removal, reterr);
}

static int rm_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    struct removal removal = { .options = options };
    struct latest latest;

    int r = latest_resolve(app, removal.options->latest, false, &args, &latest, reterr);
    if (r < 0) {
        return r;
    }
    if (removal.options->all == (args.n > 0)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "rm takes containers, or --all");
    }
    r = stopping_parse_time(removal.options->time, &removal.time_s, reterr);
    if (r < 0) {
        return r;
    }
    return removal.options->all ? remove_all(app, &removal, reterr)
                                : each_word(app, args, remove_named, &removal, reterr);
}

const struct command cmd_rm = {
    .name = "rm",
    .args = "CONTAINER...",
    .summary = "remove containers",
    .help =
        "A container is named by its name, its ID or the first digits of its ID. The status is 2\n"
        "when it runs and --force is not given.\n"
        "\n"
        "  imgc rm job\n"
        "  imgc rm -f $(imgc ps -aq)\n",
    .options = rm_options,
    .options_size = sizeof(struct rm_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .ids = IDS_WANTED,
    .run = rm_run,
};
