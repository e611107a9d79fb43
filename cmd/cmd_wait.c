/* SPDX-License-Identifier: Apache-2.0 */
/* imgc wait: until containers end. */
#include <string.h>

#include "cmd/commands.h"
#include "cmd/container_end.h"
#include "cmd/each.h"
#include "cmd/latest.h"
#include "runtime/attach.h"
#include "schema/base/fd.h"

/* From its monitor, which also tells of one that is removed as it ends.
 * @return 0; ATTACH_NOBODY, ATTACH_CLOSED (no monitor, or it was killed). */
static int ask_monitor(struct app *app, const struct container *c, int *ret_code,
                       struct imgc_err *reterr)
{
    imgc_autoclose int dir_fd = -1, fd = -1;
    struct attach_packet p;
    struct attach_exit exit;

    int r = container_open_run_dir(app->store, c->id, &dir_fd, reterr);
    r = r < 0 ? r : attach_connect(dir_fd, false, &fd, reterr);
    while (r == 0) {
        r = attach_receive(fd, &p, reterr);
        if (r == 0 && p.kind == ATTACH_EXIT && p.len == sizeof exit) {
            memcpy(&exit, p.data, sizeof exit);
            *ret_code = exit.code;
            return 0;
        }
        if (r < 0 && app_interrupted()) {
            return imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted");
        }
    }
    return r;
}

/* Of one without a monitor: what its row says when it is over. */
static int ask_store(struct app *app, const struct container *c, int *ret_code,
                     struct imgc_err *reterr)
{
    container_auto struct container now = { .name = NULL };

    int r = container_end_await(c, -1, reterr);
    r = r < 0 ? r : container_find(app->store, imgc_str_of(c->id), &now, reterr);
    if (r == CONTAINER_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND,
                         "container %s was removed as it ended, and with it its exit code",
                         c->name);
    }
    *ret_code = r == 0 ? now.exit_code : -1;
    return r;
}

static int wait_one(struct app *app, const char *name, void *arg, struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    int code = 0;
    (void)arg;

    int r = container_end_find(app, name, &c, reterr);
    if (r < 0) {
        return r;
    }
    if (c.status == CONTAINER_EXITED) {
        code = c.exit_code;
    } else if (c.status != CONTAINER_CREATED) {
        r = ask_monitor(app, &c, &code, reterr);
        r = r > 0 ? ask_store(app, &c, &code, reterr) : r;
    }
    if (r < 0) {
        return r;
    }
    output_print(&app->out, "%d\n", code);
    return 0;
}

struct wait_options {
    bool latest;
};

static const struct option wait_options[] = {
    LATEST_ROW(offsetof(struct wait_options, latest)),
    { .name = NULL },
};

static int wait_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct wait_options *o = options;
    struct latest latest;

    int r = latest_resolve(app, o->latest, true, &args, &latest, reterr);
    return r < 0 ? r : each_word(app, args, wait_one, NULL, reterr);
}

const struct command cmd_wait = {
    .name = "wait",
    .args = "CONTAINER...",
    .summary = "wait until containers end, and print their exit codes",
    .help = "One line for each, in the order of the command line; -1 where the code is not known\n"
            "because the container's imgc was killed.\n"
            "\n"
            "  status=$(imgc wait job)\n",
    .options = wait_options,
    .options_size = sizeof(struct wait_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .run = wait_run,
};
