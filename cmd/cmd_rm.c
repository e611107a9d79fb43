/* SPDX-License-Identifier: Apache-2.0 */
/* imgc rm: remove containers. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>

#include "cmd/commands.h"
#include "cmd/sweep.h"
#include "runtime/cgroup_freeze.h"
#include "schema/base/fd.h"
#include "store/container.h"

#define KILL_WAIT_MS 10000

struct rm_options {
    bool force, all;
};

static const struct option rm_options[] = {
    { 'f', "force", OPT_FLAG, offsetof(struct rm_options, force), NULL,
      "kill a running container first; a missing one is no error" },
    { 'a', "all", OPT_FLAG, offsetof(struct rm_options, all), NULL, "remove all containers" },
    { .name = NULL },
};

/* Kill PID 1 of the container, and with it all its processes, and wait until it is gone. The pidfd
 * is opened before the identity is checked again, so no other process can be hit. */
static int kill_container(const struct container *c, struct imgc_err *reterr)
{
    imgc_autoclose int fd = pidfd_open(c->init.pid, 0);
    if (fd < 0 || !process_alive(&c->init)) {
        return 0; /* gone meanwhile */
    }
    if (pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH) {
        return imgc_fail_sys(reterr, errno, "kill container %s", c->name);
    }
    if (cgroup_freeze_is_frozen(c->cgroup) && cgroup_freeze_thaw(c->cgroup, reterr) < 0) {
        return imgc_context(reterr, "container %s", c->name); /* v1: nothing dies while frozen */
    }
    struct pollfd p = { .fd = fd, .events = POLLIN };
    if (poll(&p, 1, KILL_WAIT_MS) == 0) {
        return imgc_fail(reterr, IMGC_E_INUSE, "container %s does not die", c->name);
    }
    return 0;
}

static int remove_container(struct app *app, const struct container *c, bool force,
                            struct imgc_err *reterr)
{
    int r = 0;

    if (c->status == CONTAINER_RUNNING) {
        if (!force) {
            return imgc_fail(reterr, IMGC_E_INUSE, "container %s is running", c->name);
        }
        r = kill_container(c, reterr);
    }
    if (r >= 0 && c->finished_ns == 0) {
        r = sweep_cgroup(c, reterr);
    }
    r = r < 0 ? r : container_remove(app->store, c->id, reterr);
    if (r < 0) {
        return r;
    }
    output_print(&app->out, "%s\n", c->name);
    return 0;
}

static int remove_named(struct app *app, const char *name, bool force, struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    int r = container_find(app->store, imgc_str_of(name), &c, reterr);
    if (r == CONTAINER_MISSING) {
        return force ? 0 : imgc_fail(reterr, IMGC_E_NOTFOUND, "no such container: %s", name);
    }
    return r < 0 ? r : remove_container(app, &c, force, reterr);
}

static int remove_all(struct app *app, bool force, struct imgc_err *reterr)
{
    container_list_auto struct container_list list = { .items = NULL };
    int r = container_list(app->store, &list, reterr);
    for (size_t i = 0; i < list.n && r >= 0; i++) {
        r = remove_container(app, &list.items[i], force, reterr);
    }
    return r;
}

static int rm_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct rm_options *o = options;
    struct store *store;

    if (o->all == (args.n > 0)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "rm takes containers, or --all");
    }
    int r = app_store(app, &store, reterr);
    if (r >= 0 && o->all) {
        r = remove_all(app, o->force, reterr);
    }
    for (size_t i = 0; i < args.n && r >= 0; i++) {
        r = remove_named(app, args.v[i], o->force, reterr);
    }
    return r;
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
