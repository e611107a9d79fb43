/* SPDX-License-Identifier: Apache-2.0 */
/* imgc pause, imgc unpause: stop all processes of a container where they are, and let them go on.
 */
#include "cmd/commands.h"
#include "runtime/cgroup_freeze.h"
#include "store/container.h"

struct pause_options {
    bool all;
};

static const struct option pause_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct pause_options, all), NULL, "all containers that run" },
    { .name = NULL },
};

static const struct option unpause_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct pause_options, all), NULL,
      "all containers that are paused" },
    { .name = NULL },
};

static int change(const struct container *c, bool pause, struct imgc_err *reterr)
{
    bool is_frozen = c->status == CONTAINER_RUNNING && cgroup_freeze_is_frozen(c->cgroup);

    if (c->status != CONTAINER_RUNNING) {
        return imgc_fail(reterr, IMGC_E_USAGE, "container %s is not running", c->name);
    }
    if (is_frozen == pause) {
        return imgc_fail(reterr, IMGC_E_USAGE, "container %s is %s paused", c->name,
                         pause ? "already" : "not");
    }
    if (!c->cgroup) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "container %s has no cgroup, and without one nothing can be paused",
                         c->name);
    }
    int r = pause ? cgroup_freeze(c->cgroup, reterr) : cgroup_freeze_thaw(c->cgroup, reterr);
    return r < 0 ? imgc_context(reterr, "container %s", c->name) : 0;
}

static int change_named(struct app *app, const char *name, bool pause, struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };

    int r = container_find(app->store, imgc_str_of(name), &c, reterr);
    if (r == CONTAINER_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such container: %s", name);
    }
    r = r < 0 ? r : change(&c, pause, reterr);
    if (r == 0) {
        output_print(&app->out, "%s\n", name);
    }
    return r;
}

static int change_all(struct app *app, bool pause, struct imgc_err *reterr)
{
    container_list_auto struct container_list list = { .items = NULL };

    int r = container_list(app->store, &list, reterr);
    for (size_t i = 0; i < list.n && r >= 0; i++) {
        const struct container *c = &list.items[i];
        if (c->status != CONTAINER_RUNNING || cgroup_freeze_is_frozen(c->cgroup) == pause) {
            continue;
        }
        r = change(c, pause, reterr);
        if (r == 0) {
            output_print(&app->out, "%s\n", c->id);
        }
    }
    return r;
}

static int run(struct app *app, const struct pause_options *o, struct args args, bool pause,
               struct imgc_err *reterr)
{
    struct store *store;

    if (o->all == (args.n > 0)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "%s takes containers, or --all",
                         pause ? "pause" : "unpause");
    }
    int r = app_store(app, &store, reterr);
    if (r >= 0 && o->all) {
        r = change_all(app, pause, reterr);
    }
    for (size_t i = 0; i < args.n && r >= 0; i++) {
        r = change_named(app, args.v[i], pause, reterr);
    }
    return r;
}

static int pause_run(struct app *app, const void *options, struct args args,
                     struct imgc_err *reterr)
{
    return run(app, options, args, true, reterr);
}

static int unpause_run(struct app *app, const void *options, struct args args,
                       struct imgc_err *reterr)
{
    return run(app, options, args, false, reterr);
}

const struct command cmd_pause = {
    .name = "pause",
    .args = "CONTAINER...",
    .summary = "stop all processes of containers where they are",
    .help =
        "They keep their memory and use no processor until `imgc unpause`. It is done when the\n"
        "last of them has stopped.\n"
        "\n"
        "  imgc pause job\n",
    .options = pause_options,
    .options_size = sizeof(struct pause_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .run = pause_run,
};

const struct command cmd_unpause = {
    .name = "unpause",
    .args = "CONTAINER...",
    .summary = "let paused containers go on",
    .help = "  imgc unpause job\n"
            "  imgc unpause --all\n",
    .options = unpause_options,
    .options_size = sizeof(struct pause_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .run = unpause_run,
};
