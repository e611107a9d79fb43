/* SPDX-License-Identifier: Apache-2.0 */
/* imgc stop: end containers, with time to do it in order. */
#include "cmd/commands.h"
#include "cmd/latest.h"
#include "cmd/stopping.h"

struct stop_options {
    bool all, latest;
    const char *time;
};

static const struct option stop_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct stop_options, all), NULL, "stop all that run" },
    LATEST_ROW(offsetof(struct stop_options, latest)),
    { 0, "timeout", OPT_STRING, offsetof(struct stop_options, time), "SECONDS", NULL },
    { 't', "time", OPT_STRING, offsetof(struct stop_options, time), "SECONDS",
      "how long to wait before it is killed (--stop-timeout of the container, or 10)" },
    { .name = NULL },
};

static int stop_all(struct app *app, int64_t time_s, struct imgc_err *reterr)
{
    container_list_auto struct container_list list = { .items = NULL };

    int r = container_list(app->store, &list, reterr);
    r = r < 0 ? r : stopping_list(app, &list, time_s, reterr);
    for (size_t i = 0; i < list.n && r == 0; i++) {
        if (list.items[i].status == CONTAINER_RUNNING) {
            output_print(&app->out, "%s\n", list.items[i].name);
        }
    }
    return r;
}

static int stop_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct stop_options *o = options;
    container_list_auto struct container_list list = { .items = NULL };
    struct store *store;
    struct latest latest;
    int64_t time_s = 0;

    int r = latest_resolve(app, o->latest, false, &args, &latest, reterr);
    if (r < 0) {
        return r;
    }
    if (o->all == (args.n > 0)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "stop takes containers, or --all");
    }
    r = stopping_parse_time(o->time, &time_s, reterr);
    r = r < 0 ? r : app_store(app, &store, reterr);
    if (r < 0) {
        return r;
    }
    if (o->all) {
        return stop_all(app, time_s, reterr);
    }
    r = stopping_words(app, args, time_s, &list, reterr);
    for (size_t i = 0; i < list.n; i++) {
        output_print(&app->out, "%s\n", list.items[i].name);
    }
    return r;
}

const struct command cmd_stop = {
    .name = "stop",
    .args = "CONTAINER...",
    .summary = "end containers in order",
    .help =
        "Each gets its stop signal (--stop-signal, the image's, or TERM), all at once; what still\n"
        "runs when its time is over is killed. One that does not run is left as it is.\n"
        "\n"
        "  imgc stop web db\n"
        "  imgc stop -t 60 db\n",
    .options = stop_options,
    .options_size = sizeof(struct stop_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .ids = IDS_WANTED,
    .run = stop_run,
};
