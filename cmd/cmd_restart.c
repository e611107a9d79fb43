/* SPDX-License-Identifier: Apache-2.0 */
/* imgc restart: stop containers and start them again. */
#include "cmd/commands.h"
#include "cmd/container_end.h"
#include "cmd/container_launch.h"
#include "cmd/each.h"
#include "cmd/latest.h"
#include "cmd/stopping.h"

struct restart_options {
    const char *time;
    bool latest;
};

static const struct option restart_options[] = {
    LATEST_ROW(offsetof(struct restart_options, latest)),
    { 0, "timeout", OPT_STRING, offsetof(struct restart_options, time), "SECONDS", NULL },
    { 't', "time", OPT_STRING, offsetof(struct restart_options, time), "SECONDS",
      "how long to wait before it is killed (--stop-timeout of the container, or 10)" },
    { .name = NULL },
};

static int restart_one(struct app *app, const char *name, void *arg, struct imgc_err *reterr)
{
    const int64_t *time_s = arg;
    container_auto struct container c = { .name = NULL };
    container_make_auto struct container_made made = { .spec = SPEC_INIT };

    int r = container_end_find(app, name, &c, reterr);
    if (r < 0) {
        return r;
    }
    if (c.auto_remove && c.status == CONTAINER_RUNNING) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "container %s was made with --rm: stopping it removes it", c.name);
    }
    struct container_end_stop stop = { .container = &c,
                                       .timeout_s =
                                           *time_s == STOPPING_OWN ? c.stop_timeout_s : *time_s };
    r = container_end_stop(app, &stop, 1, reterr);
    r = r < 0 ? r : container_make_again(app, &c, &made, reterr);
    r = r < 0 ? r : container_launch_detached(app, &made, NULL, reterr);
    if (r < 0) {
        return r;
    }
    output_print(&app->out, "%s\n", name);
    return 0;
}

static int restart_run(struct app *app, const void *options, struct args args,
                       struct imgc_err *reterr)
{
    const struct restart_options *o = options;
    struct latest latest;
    int64_t time_s = 0;

    int r = latest_resolve(app, o->latest, true, &args, &latest, reterr);
    r = r < 0 ? r : stopping_parse_time(o->time, &time_s, reterr);
    return r < 0 ? r : each_word(app, args, restart_one, &time_s, reterr);
}

const struct command cmd_restart = {
    .name = "restart",
    .args = "CONTAINER...",
    .summary = "stop containers and start them again",
    .help = "One that does not run is started. They run in the background then.\n"
            "\n"
            "  imgc restart -t 30 db\n",
    .options = restart_options,
    .options_size = sizeof(struct restart_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .ids = IDS_NEEDED,
    .run = restart_run,
};
