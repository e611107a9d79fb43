/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/attaching.h"

#include <time.h>
#include <unistd.h>

#include "cmd/container_end.h"
#include "cmd/container_launch.h"
#include "cmd/lookup.h"
#include "runtime/attach_client.h"
#include "schema/base/fd.h"

#define SIGNAL_STATUS 128 /* and the signal: what a shell shows */
#define GONE_WAIT_MS 50   /* how often, and how many times, a dying monitor is looked at */
#define GONE_WAITS 40

int attaching_parse_keys(const char *detach_keys, struct attaching *ret, struct imgc_err *reterr)
{
    return detach_keys_parse(imgc_str_of(detach_keys ? detach_keys : DETACH_KEYS_DEFAULT),
                             &ret->keys, reterr);
}

int attaching_check_terminal(const struct attaching *a, bool has_terminal, struct imgc_err *reterr)
{
    if (has_terminal && a->uses_input && !isatty(STDIN_FILENO)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "the input device is not a TTY (leave out -t)");
    }
    return 0;
}

struct session {
    struct app *app;
    const struct container *container;
    int fd; /* the connection; borrowed */
    bool is_owner;
};

static void send_signal(void *arg, int signal_number)
{
    const struct session *session = arg;
    container_auto struct container now = { .name = NULL };
    struct imgc_err err;

    /* Its process of now: it was not there yet when the container was made. */
    int r = container_find(session->app->store, imgc_str_of(session->container->id), &now, &err);
    r = r != 0 ? r : container_end_signal(&now, signal_number, &err);
    if (r < 0) {
        output_warn(&session->app->out, "%s", err.msg);
    }
}

/* Whether the monitor has only left this connection. One that was killed closes its files before it
 * is gone itself. @now  as it is then; initialised by the caller. */
static int find_monitor(struct app *app, const struct container *c, struct container *now,
                        bool *ret_lives, struct imgc_err *reterr)
{
    const struct timespec pause = { .tv_nsec = GONE_WAIT_MS * 1000000L };

    for (unsigned i = 0;; i++) {
        container_done(now);
        int r = container_find(app->store, imgc_str_of(c->id), now, reterr);
        *ret_lives = r == 0 && now->status == CONTAINER_RUNNING && process_alive(&now->owner);
        if (!*ret_lives || i == GONE_WAITS) {
            return r;
        }
        (void)nanosleep(&pause, NULL);
    }
}

/* The other end is gone without a word. */
static int lost(struct app *app, const struct container *c, int *ret_code, struct imgc_err *reterr)
{
    container_auto struct container now = { .name = NULL };

    bool lives = false;

    int r = find_monitor(app, c, &now, &lives, reterr);
    if (r < 0) {
        return r;
    }
    if (lives) {
        return imgc_fail(reterr, IMGC_E_SYS,
                         "container %s runs on, but its output was not read for so long that it "
                         "waits no more: 'imgc attach %s' connects again",
                         c->name, c->name);
    }
    if (r == 0 && now.status == CONTAINER_EXITED && now.exit_code >= 0) {
        *ret_code = now.exit_code;
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_SYS,
                     "container %s has ended, and nobody knows how: its imgc was killed", c->name);
}

static int conclude(const struct session *session, int outcome, const struct attach_client_end *end,
                    int *ret_code, struct imgc_err *reterr)
{
    struct app *app = session->app;

    switch (outcome) {
    case 0:
        *ret_code = end->exit.code;
        if (end->exit.oom_killed) {
            container_launch_tell_oom(app, end->exit.code);
        }
        return 0;
    case ATTACH_CLIENT_DETACHED:
        if (app->out.out_is_tty) {
            output_print(&app->out, "\n"); /* whatever is shown now begins a line */
        }
        *ret_code = 0;
        return 0;
    case ATTACH_CLIENT_SIGNALLED:
        *ret_code = SIGNAL_STATUS + end->signal_number;
        return 0;
    case ATTACH_CLIENT_LOST:
        return lost(app, session->container, ret_code, reterr);
    default:
        return outcome;
    }
}

static int connect_to(struct session *session, const struct attaching *a, int *ret_code,
                      struct imgc_err *reterr)
{
    const struct attach_client_args args = { .fd = session->fd,
                                             .is_owner = session->is_owner,
                                             .uses_input = a->uses_input,
                                             .uses_out = a->uses_out,
                                             .uses_err = a->uses_err,
                                             .proxies_signals = a->proxies_signals,
                                             .keys = &a->keys,
                                             .signal = send_signal,
                                             .arg = session };
    struct attach_client_end end = { .signal_number = 0 };

    int r = attach_client_run(&args, &end, reterr);
    return conclude(session, r, &end, ret_code, reterr);
}

int attaching_launch(struct app *app, struct container_made *made, const struct attaching *a,
                     int *ret_code, struct imgc_err *reterr)
{
    struct container_launch_owner owner = { .fd = -1 };
    imgc_autoclose int own_fd = -1, container_fd = -1;
    struct imgc_err err;
    int fds[2];

    int r = attach_pair(fds, reterr);
    if (r < 0) {
        return r;
    }
    owner.fd = container_fd = fds[0];
    own_fd = fds[1];
    if (!attach_client_size(&owner.size)) {
        owner.size = (struct attach_size){ .rows = 0 };
    }
    r = container_launch_detached(app, made, &owner, reterr);
    if (r < 0) {
        return r;
    }
    imgc_closep(&container_fd);
    /* It runs: what fails now is nothing that the caller could undo. */
    struct session session = {
        .app = app, .container = &made->container, .fd = own_fd, .is_owner = true
    };
    r = connect_to(&session, a, ret_code, &err);
    if (r < 0) {
        output_error(&app->out, &err);
        *ret_code = container_launch_status(&err);
    }
    return 0;
}

static int not_connected(struct app *app, const struct container *c, struct imgc_err *reterr)
{
    container_auto struct container now = { .name = NULL };

    int r = container_end_find(app, c->id, &now, reterr);
    if (r < 0) {
        return r;
    }
    if (now.status != CONTAINER_RUNNING) {
        return imgc_fail(reterr, IMGC_E_NOTRUNNING, "container %s is not running", c->name);
    }
    return imgc_fail(reterr, IMGC_E_INUSE,
                     "container %s runs in the foreground of another imgc: 'imgc logs -f' shows "
                     "what it writes, 'imgc exec' runs one more command",
                     c->name);
}

int attaching_join(struct app *app, const struct container *c, const struct attaching *a,
                   int *ret_code, struct imgc_err *reterr)
{
    imgc_autoclose int dir_fd = -1, fd = -1;

    if (c->status != CONTAINER_RUNNING) {
        return imgc_fail(reterr, IMGC_E_NOTRUNNING, "container %s is not running", c->name);
    }
    int r = container_open_run_dir(app->store, c->id, &dir_fd, reterr);
    r = r < 0 ? r : attach_connect(dir_fd, true, &fd, reterr);
    if (r == ATTACH_NOBODY) {
        return not_connected(app, c, reterr);
    }
    struct session session = { .app = app, .container = c, .fd = fd };
    return r < 0 ? r : connect_to(&session, a, ret_code, reterr);
}
