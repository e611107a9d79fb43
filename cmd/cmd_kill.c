/* SPDX-License-Identifier: Apache-2.0 */
/* imgc kill: send a signal to containers. */
#include <signal.h>

#include "cmd/commands.h"
#include "cmd/container_end.h"
#include "cmd/each.h"
#include "cmd/latest.h"
#include "runtime/spec.h"

struct kill_options {
    bool all, latest;
    const char *signal;
};

static const struct option kill_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct kill_options, all), NULL, "all that run" },
    LATEST_ROW(offsetof(struct kill_options, latest)),
    { 's', "signal", OPT_STRING, offsetof(struct kill_options, signal), "SIGNAL",
      "name or number (KILL)" },
    { .name = NULL },
};

static int send(struct app *app, const struct container *c, const char *shown, int signal,
                struct imgc_err *reterr)
{
    int r = container_end_signal(c, signal, reterr);
    if (r == 0 && signal == SIGKILL) {
        r = container_end_kill(c, reterr);
    }
    if (r == CONTAINER_END_GONE) {
        return imgc_fail(reterr, IMGC_E_NOTRUNNING, "container %s is not running", c->name);
    }
    if (r == 0) {
        output_print(&app->out, "%s\n", shown);
    }
    return r;
}

static int kill_one(struct app *app, const char *name, void *arg, struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    const int *signal = arg;

    int r = container_end_find(app, name, &c, reterr);
    return r < 0 ? r : send(app, &c, name, *signal, reterr);
}

static int kill_all(struct app *app, int signal, struct imgc_err *reterr)
{
    container_list_auto struct container_list list = { .items = NULL };
    struct store *store;

    int r = app_store(app, &store, reterr);
    r = r < 0 ? r : container_list(store, &list, reterr);
    for (size_t i = 0; i < list.n && r == 0; i++) {
        const struct container *c = &list.items[i];
        r = c->status == CONTAINER_RUNNING ? send(app, c, c->name, signal, reterr) : 0;
    }
    return r;
}

static int kill_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct kill_options *o = options;
    struct latest latest;
    int signal = SIGKILL;

    int r = latest_resolve(app, o->latest, false, &args, &latest, reterr);
    if (r < 0) {
        return r;
    }
    if (o->all == (args.n > 0)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "kill takes containers, or --all");
    }
    if (o->signal && !spec_parse_signal(imgc_str_of(o->signal), &signal)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--signal '%s': not a signal", o->signal);
    }
    return o->all ? kill_all(app, signal, reterr) : each_word(app, args, kill_one, &signal, reterr);
}

const struct command cmd_kill = {
    .name = "kill",
    .args = "CONTAINER...",
    .summary = "send a signal to containers",
    .help = "The signal goes to the container's first process; KILL ends all of it, and is waited\n"
            "for. A container that does not run is an error.\n"
            "\n"
            "  imgc kill -s HUP web\n",
    .options = kill_options,
    .options_size = sizeof(struct kill_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .ids = IDS_WANTED,
    .run = kill_run,
};
