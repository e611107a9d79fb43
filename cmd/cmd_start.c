/* SPDX-License-Identifier: Apache-2.0 */
/* imgc start: run containers that were made, or have ended. */
#include "cmd/chores.h"
#include "cmd/commands.h"
#include "cmd/container_end.h"
#include "cmd/container_launch.h"
#include "cmd/each.h"

struct start_options {
    bool attach, interactive;
};

static const struct option start_options[] = {
    { 'a', "attach", OPT_FLAG, offsetof(struct start_options, attach), NULL,
      "run in the foreground: show the output, forward signals, exit as the container does" },
    { 'i', "interactive", OPT_FLAG, offsetof(struct start_options, interactive), NULL,
      "connect standard input of a container that was made with -i" },
    { .name = NULL },
};

static int start_detached(struct app *app, const char *name, void *arg, struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    container_make_auto struct container_made made = { .spec = SPEC_INIT };
    (void)arg;

    int r = container_end_find(app, name, &c, reterr);
    if (r == 0 && c.status != CONTAINER_RUNNING) { /* else it is as asked, as in docker */
        r = container_make_again(app, &c, &made, reterr);
        r = r < 0 ? r : container_launch_detached(app, &made, reterr);
    }
    if (r < 0) {
        return r;
    }
    output_print(&app->out, "%s\n", name);
    return 0;
}

static int claim(struct app *app, const struct container *c, struct imgc_err *reterr)
{
    int r = container_claim(app->store, c->id, reterr);

    return r == CONTAINER_BUSY
               ? imgc_fail(reterr, IMGC_E_INUSE,
                           "container %s is running: 'imgc logs -f' shows what it writes", c->name)
               : r;
}

static int launch_claimed(struct app *app, const struct start_options *o,
                          struct container_made *made, struct imgc_err *reterr)
{
    struct imgc_err ignored;
    int code = 0;

    made->spec.interactive = made->spec.interactive && o->interactive;
    int r = container_launch(app, made, NULL, &code, reterr);
    if (r < 0) {
        (void)!container_release(app->store, &made->container, &ignored);
        return r;
    }
    return code;
}

static int start_foreground(struct app *app, const struct start_options *o, const char *name,
                            struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    container_make_auto struct container_made made = { .spec = SPEC_INIT };

    int r = container_end_find(app, name, &c, reterr);
    r = r < 0 ? r : container_make_again(app, &c, &made, reterr);
    r = r < 0 ? r : claim(app, &made.container, reterr);
    return r < 0 ? r : launch_claimed(app, o, &made, reterr);
}

static int start_run(struct app *app, const void *options, struct args args,
                     struct imgc_err *reterr)
{
    const struct start_options *o = options;

    if (!o->attach && !o->interactive) {
        return each_word(app, args, start_detached, NULL, reterr);
    }
    if (args.n > 1) {
        return imgc_fail(reterr, IMGC_E_USAGE, "start --attach takes one container");
    }
    return start_foreground(app, o, args.v[0], reterr);
}

/* Of the container's command as of `run`; of ours what they are elsewhere, unless it was to stay.
 */
const struct command cmd_start = {
    .name = "start",
    .args = "CONTAINER...",
    .summary = "run containers that were made before",
    .help =
        "Each runs in the background, and its name is printed when its command is executed;\n"
        "one that runs already is left as it is. With --attach the status is the command's, and\n"
        "125, 126 and 127 mean what they mean of run.\n"
        "\n"
        "  imgc start web db\n"
        "  imgc start -ai shell\n",
    .options = start_options,
    .options_size = sizeof(struct start_options),
    .min_args = 1,
    .max_args = SIZE_MAX,
    .ids = IDS_NEEDED,
    .run = start_run,
    .failure_status = container_launch_status,
};
