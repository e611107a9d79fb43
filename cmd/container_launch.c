/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/container_launch.h"

#include <stdarg.h>
#include <stdio.h>

#include "cmd/chores.h"
#include "cmd/kept_spec.h"
#include "cmd/network_use.h"
#include "cmd/run_peer.h"
#include "cmd/sweep.h"
#include "cmd/volumes.h"
#include "runtime/attach_server.h"
#include "runtime/launch.h"
#include "runtime/monitor.h"
#include "schema/base/fd.h"
#include "store/sync.h"

#define OOM_KILL_STATUS 137 /* of the first process, by SIGKILL */
#define WARNINGS_BYTES 4096

struct running {
    struct app *app;
    struct container_made *made;
    struct attach_server *attach;               /* NULL: in the foreground */
    const struct container_launch_owner *owner; /* who is attached from the beginning, or NULL */
    struct monitor *monitor;                    /* likewise */
    struct ahead *ahead;                        /* or NULL */
    struct network_use network;
    bool is_detached; /* the index is closed */
    struct imgc_buf
        warnings; /* lines, told when the container starts: of a failure only the error */
};

IMGC_PRINTF(3, 4)
static int set_path(char **field, struct imgc_err *reterr, const char *fmt, ...)
{
    char *path = NULL;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&path, fmt, ap);
    va_end(ap);
    if (n < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    free(*field);
    *field = path;
    return 0;
}

int container_launch_place_root(struct app *app, struct container_made *made,
                                struct imgc_err *reterr)
{
    struct spec *s = &made->spec;
    struct rootfs *rootfs = &made->rootfs;
    const char *root = store_root_path(app->store), *id = made->container.id;
    char cgroup_name[SWEEP_CGROUP_NAME_MAX];

    int r = set_path(&s->state_dir, reterr, "%s/containers/%s", root, id);
    r = r < 0 ? r : set_path(&s->mountpoint, reterr, "%s/tmp", root);
    r = r < 0 ? r : set_path(&s->cgroup_name, reterr, "%s", sweep_cgroup_name(id, cgroup_name));
    if (r < 0 || s->root_dir) {
        return r;
    }
    free(s->erofs_image); /* of the time before */
    (void)json_strings_free(s->lowerdirs);
    (void)json_strings_free(s->erofs_devices);
    s->lowerdirs = imgc_take(rootfs->lowerdirs);
    s->erofs_image = imgc_take(rootfs->image);
    s->erofs_devices = imgc_take(rootfs->devices);
    s->upper_is_disposable = made->container.auto_remove;
    r = set_path(&s->upper_dir, reterr, "%s/containers/%s/upper", root, id);
    return r < 0 ? r : set_path(&s->work_dir, reterr, "%s/containers/%s/work", root, id);
}

/* What can wait until now is done now: the container builds its root on another processor. */
static int on_started(void *arg, const struct process_id *init, const char *cgroup,
                      struct imgc_err *reterr)
{
    struct running *run = arg;

    output_debug(&run->app->out, "container %s runs as process %d, cgroup %s",
                 run->made->container.id, (int)init->pid, cgroup ? cgroup : "none");
    network_use_started(&run->network, &run->made->spec);
    int r = kept_spec_save(run->app->store, run->made->container.id, &run->made->spec,
                           !run->made->container.auto_remove, reterr);
    r = r < 0 ? r
              : container_started(run->app->store, run->made->container.id, init, cgroup, reterr);
    r = r < 0 ? r : sweep_dead(run->app, NULL, reterr);
    if (r == 0) {
        chores_start_noted(run->app); /* a container may run for long */
    }
    return r;
}

static int on_network(void *arg, int netns_fd, struct imgc_err *reterr)
{
    struct running *run = arg;

    return network_use_attach(&run->network, netns_fd, reterr);
}

static int on_find(void *arg, const char *name, struct nsjoin_peer *ret, struct imgc_err *reterr)
{
    struct running *run = arg;

    return run_peer_find(run->app->store, name, ret, reterr);
}

static void on_ready(void *arg)
{
    struct running *run = arg;
    struct imgc_str rest = { run->warnings.ptr, run->warnings.len }, line;

    while (imgc_str_token(&rest, '\n', &line) && line.len > 0) {
        output_warn(&run->app->out, IMGC_STR_FMT, IMGC_STR_ARG(line));
    }
}

static void on_warning(void *arg, const char *message)
{
    struct running *run = arg;

    if (run->warnings.len + strlen(message) < run->warnings.max) {
        imgc_buf_printf(&run->warnings, "%s\n", message);
    }
}

/* A monitor holds nothing of the index while its container runs. */
static void on_running(void *arg)
{
    struct running *run = arg;
    struct imgc_err ignored;

    if (run->monitor) {
        (void)!output_finish(&run->app->out, &ignored);
        store_detach(run->app->store);
        run->is_detached = true;
        monitor_ready(run->monitor);
    }
}

/* Not what the user has mounted: "umount" after "imgc run -v" finds it free. */
static bool may_hold_mounts(const struct running *run)
{
    return run->made->container.auto_remove && !run->attach && !run->made->spec.root_dir &&
           run->made->spec.n_mounts == 0;
}

static int open_log(struct running *run, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int dir_fd = -1;

    int r = container_open_dir(run->app->store, run->made->container.id, &dir_fd, reterr);
    return r < 0 ? r
                 : fd_open_at(dir_fd, "log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600,
                              ret_fd, reterr);
}

/* After a failure, for what is to be undone. @return whether the index is open. */
static bool attach_again(struct running *run)
{
    struct imgc_err ignored;

    if (run->is_detached && store_attach(run->app->store, &ignored) == 0) {
        run->is_detached = false;
    }
    return !run->is_detached;
}

static int launch(struct running *run, struct launch_result *ret, struct imgc_err *reterr)
{
    imgc_autoclose int log_fd = -1;
    struct launch_args args = { .log_fd = -1,
                                .started = on_started,
                                .network = on_network,
                                .ready = on_ready,
                                .running = on_running,
                                .arg = run,
                                .find = on_find,
                                .ahead = run->ahead,
                                .attach = run->attach,
                                .size = run->owner ? run->owner->size : (struct attach_size){ 0 },
                                .warn = on_warning };

    /* What a killed imgc left of the time before would keep the cgroup from being made anew, and
     * with the row written over, nobody would ever end it. */
    int r = sweep_abandoned(&run->made->container, reterr);
    r = r < 0 ? r : container_launch_place_root(run->app, run->made, reterr);
    r = r < 0 ? r : volumes_prepare(run->app, &run->made->container, &run->made->spec, reterr);
    args.hold_mounts = may_hold_mounts(run);
    if (r == 0 && (!run->made->container.auto_remove || run->attach)) {
        r = open_log(run, &log_fd, reterr);
        args.log_fd = log_fd;
    }
    if (run->ahead) {
        ahead_finish(run->ahead); /* no thread beside what starts processes */
    }
    r = r < 0 ? r
              : network_use_begin(run->app, run->app->store, &run->made->container,
                                  &run->made->spec, &run->network, reterr);
    network_use_launch(&run->network, &args);
    r = r < 0 ? r : launch_run(&run->made->spec, &args, ret, reterr);
    if (r < 0 && attach_again(run)) {
        network_use_end(&run->network);
    }
    return r;
}

/* How it ended. */
static int conclude(struct running *run, struct launch_result *result, struct imgc_err *reterr)
{
    struct store *store = run->app->store;
    const struct container *c = &run->made->container;
    int r;

    network_use_end(&run->network);
    if (c->auto_remove && result->cgroup_remains) {
        imgc_closep(&result->mounts_fd);
        return 0; /* nobody owns it now: whoever sweeps removes all of it */
    }
    if (c->auto_remove && run->attach) {
        r = container_remove(store, c->id, reterr);
    } else if (c->auto_remove) {
        r = container_remove_behind(store, c->id, &result->mounts_fd, reterr);
    } else {
        r = container_exited(store, c->id, result->exit_code, result->oom_killed,
                             result->cgroup_remains, reterr);
    }
    imgc_closep(&result->mounts_fd);
    if (c->auto_remove) {
        volumes_released(run->app, &run->made->spec);
    }
    return r;
}

void container_launch_tell_oom(struct app *app, int exit_code)
{
    output_warn(&app->out, exit_code == OOM_KILL_STATUS
                               ? "the container ran out of memory and was killed"
                               : "a process of the container was killed: it ran out of memory");
}

int container_launch(struct app *app, struct container_made *made, struct ahead *ahead,
                     int *ret_code, struct imgc_err *reterr)
{
    struct running run = { .app = app,
                           .made = made,
                           .ahead = ahead,
                           .network = NETWORK_USE_INIT,
                           .warnings = IMGC_BUF_INIT(WARNINGS_BYTES) };
    struct launch_result result = { .mounts_fd = -1 };

    int r = launch(&run, &result, reterr);
    imgc_buf_done(&run.warnings);
    r = r < 0 ? r : conclude(&run, &result, reterr);
    if (r < 0) {
        return r;
    }
    if (sync_is_due(app->store)) {
        chores_note(app);
    }
    if (result.oom_killed) {
        container_launch_tell_oom(app, result.exit_code);
    }
    *ret_code = result.exit_code;
    return 0;
}

/* ---- by a monitor ---- */

static int serve(struct running *run, int owner_fd, struct imgc_err *reterr)
{
    imgc_autoclose int dir_fd = -1;
    int listen_fd = -1;

    int r = container_open_run_dir(run->app->store, run->made->container.id, &dir_fd, reterr);
    r = r < 0 ? r : attach_listen(dir_fd, &listen_fd, reterr);
    if (r < 0) {
        return r;
    }
    attach_server_init(run->attach, listen_fd);
    run->attach->state.terminal = run->made->spec.terminal;
    run->attach->state.interactive = run->made->spec.interactive;
    if (owner_fd >= 0) {
        attach_server_adopt(run->attach, owner_fd);
    }
    return 0;
}

/* The store's files were the command's and are closed: it is opened anew, by its absolute path. */
static int monitor_open_store(struct app *app, const struct app *command, struct imgc_err *reterr)
{
    union { /* settings own their strings; here they are only looked at */
        const char *in;
        char *out;
    } root = { store_root_path(command->store) }, runroot = { store_runroot_path(command->store) };
    struct store *store;

    *app = (struct app){ .settings = command->settings, .out = command->out };
    app->settings.root = root.out;
    app->settings.runroot = runroot.out;
    return app_store(app, &store, reterr);
}

static int monitor_claim(struct running *run, struct imgc_err *reterr)
{
    const struct container *c = &run->made->container;

    int r = container_claim(run->app->store, c->id, reterr);
    return r == CONTAINER_BUSY
               ? imgc_fail(reterr, IMGC_E_INUSE, "container %s is being started already", c->name)
               : r;
}

static int monitor_conclude(struct running *run, struct launch_result *result,
                            struct imgc_err *reterr)
{
    struct attach_exit exit = { .code = result->exit_code, .oom_killed = result->oom_killed };

    /* As soon as the row says that it has ended it may be started again, with a socket of its own.
     */
    attach_server_close(run->attach);
    container_remove_run_dir(run->app->store, run->made->container.id);
    int r = store_attach(run->app->store, reterr);
    r = r < 0 ? r : conclude(run, result, reterr);
    attach_server_exit(run->attach, &exit);
    chores_start_noted(run->app);
    return r;
}

/* The whole life of a monitor. */
static int monitor_run(void *arg, struct monitor *monitor, int kept_fd, struct imgc_err *reterr)
{
    struct running *command = arg;
    struct app app;
    attach_server_auto struct attach_server attach = { .listen_fd = -1 };
    struct running run = { .app = &app,
                           .made = command->made,
                           .attach = &attach,
                           .owner = command->owner,
                           .monitor = monitor,
                           .network = NETWORK_USE_INIT,
                           .warnings = IMGC_BUF_INIT(WARNINGS_BYTES) };
    struct launch_result result = { .mounts_fd = -1 };
    struct imgc_err ignored;

    attach_server_init(&attach, -1);
    int r = monitor_open_store(&app, command->app, reterr);
    r = r < 0 ? r : monitor_claim(&run, reterr);
    if (r < 0) {
        return r;
    }
    r = serve(&run, kept_fd, reterr);
    r = r < 0 ? r : launch(&run, &result, reterr);
    if (r == 0) {
        return monitor_conclude(&run, &result, reterr);
    }
    container_remove_run_dir(app.store, run.made->container.id);
    if (!run.is_detached && !result.cgroup_remains) { /* else whoever sweeps does */
        (void)!container_release(app.store, &run.made->container, &ignored);
    }
    return r;
}

int container_launch_detached(struct app *app, struct container_made *made,
                              const struct container_launch_owner *owner, struct imgc_err *reterr)
{
    struct running run = { .app = app, .made = made, .owner = owner, .network = NETWORK_USE_INIT };
    const struct monitor_args args = { .run = monitor_run,
                                       .arg = &run,
                                       .keep_fd = owner ? owner->fd : -1 };
    struct imgc_err err;

    int r = output_finish(&app->out, reterr); /* else both processes would write what is there */
    if (r < 0) {
        return r;
    }
    store_detach(app->store);
    r = monitor_start(&args, reterr);
    int attached = store_attach(app->store, &err);
    if (r == 0 && attached < 0) {
        *reterr = err;
        return attached;
    }
    return r;
}

int container_launch_status(const struct imgc_err *err)
{
    return err->code == IMGC_E_NOEXEC || err->code == IMGC_E_NOCOMMAND ? imgc_code_status(err->code)
                                                                       : 125;
}
