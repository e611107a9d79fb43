/* SPDX-License-Identifier: Apache-2.0 */
/* imgc container prune: remove containers that do not run. */
#include <stdio.h>
#include <unistd.h>

#include "cmd/chores.h"
#include "cmd/commands.h"
#include "cmd/container_end.h"
#include "cmd/container_filter.h"
#include "cmd/sweep.h"

struct container_prune_options {
    bool force;
    struct option_list filters;
};

static const struct option container_prune_options[] = {
    { 'f', "force", OPT_FLAG, offsetof(struct container_prune_options, force), NULL, "do not ask" },
    { 0, "filter", OPT_LIST, offsetof(struct container_prune_options, filters), "KEY=VALUE",
      "only those that match: until=TIME, label=, label!=" },
    { .name = NULL },
};

/* Nobody to ask is a no, as with prune. */
static bool is_agreed(struct app *app)
{
    char line[16] = "";
    struct imgc_err ignored;

    if (!isatty(STDIN_FILENO)) {
        return false;
    }
    output_print(&app->out, "All containers that do not run will be removed. Go on? [y/N] ");
    (void)!output_finish(&app->out, &ignored);
    return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int prune_one(struct app *app, const struct container_filter *filter,
                     const struct container *c, struct imgc_err *reterr)
{
    bool matches = false;

    if (c->status == CONTAINER_RUNNING || process_alive(&c->owner)) {
        return 0;
    }
    int r = container_filter_match(app, filter, c, &matches, reterr);
    if (r < 0 || !matches) {
        return r;
    }
    r = container_end_remove(app, c, false, false, reterr);
    if (r == -(int)IMGC_E_INUSE) {
        return 0; /* started meanwhile */
    }
    if (r == 0) {
        output_print(&app->out, "%s\n", c->id);
    }
    return r;
}

static int container_prune_run(struct app *app, const void *options, struct args args,
                               struct imgc_err *reterr)
{
    const struct container_prune_options *o = options;
    container_filter_auto struct container_filter filter = { .items = NULL };
    container_list_auto struct container_list list = { .items = NULL };
    struct store *store;
    (void)args;

    int r = app_store(app, &store, reterr);
    r = r < 0 ? r
              : container_filter_parse(app, &o->filters,
                                       CONTAINER_FILTER_UNTIL | CONTAINER_FILTER_LABEL |
                                           CONTAINER_FILTER_LABEL_NOT,
                                       &filter, reterr);
    if (r < 0) {
        return r;
    }
    if (!o->force && !is_agreed(app)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "not confirmed: use --force");
    }
    r = container_list(store, &list, reterr);
    for (size_t i = 0; i < list.n && r == 0; i++) {
        r = prune_one(app, &filter, &list.items[i], reterr);
    }
    return r < 0 ? r : sweep_dead(app, NULL, reterr);
}

const struct command cmd_container_prune = {
    .name = "container prune",
    .args = "",
    .summary = "remove containers that do not run",
    .help = "Prints the IDs of those that are gone. Volumes stay.\n"
            "\n"
            "  imgc container prune -f --filter until=24h\n",
    .options = container_prune_options,
    .options_size = sizeof(struct container_prune_options),
    .min_args = 0,
    .max_args = 0,
    .ids = IDS_WANTED,
    .run = container_prune_run,
};
