/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/container_end.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>

#include "cmd/chores.h"
#include "cmd/lookup.h"
#include "cmd/sweep.h"
#include "runtime/cgroup_freeze.h"
#include "schema/base/clock.h"
#include "schema/base/fd.h"

#define NS_PER_MS 1000000
#define MS_PER_S 1000
#define KILL_WAIT_MS                                                            \
    10000 /* for a process that was killed: it may be in the midst of disk work \
           */
#define RETRY_MS 20
#define OWNER_WAIT_MS 15000 /* for its imgc, which may have output to bring home yet */

/* The pidfd first, the identity then: a pid that came back meanwhile is not it.
 * @return 0; CONTAINER_END_GONE; -SYS. */
static int open_process(const struct process_id *id, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    if (id->pid <= 0) {
        return CONTAINER_END_GONE;
    }
    fd = pidfd_open(id->pid, 0);
    if (fd < 0) {
        return errno == ESRCH ? CONTAINER_END_GONE
                              : imgc_fail_sys(reterr, errno, "look at process %d", (int)id->pid);
    }
    if (!process_alive(id)) {
        return CONTAINER_END_GONE;
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}

/* Of an ordinary user: each imgc has a user namespace of its own, and out of one no signal reaches
 * another ID in the next. The container's imgc is the user's own: it passes signals on, and its
 * death is the container's. */
static int signal_owner(const struct container *c, int signal, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = open_process(&c->owner, &fd, reterr);
    if (r == 0 && pidfd_send_signal(fd, signal, NULL, 0) < 0 && errno != ESRCH) {
        return imgc_fail_sys(reterr, errno, "send a signal to container %s", c->name);
    }
    return r;
}

int container_end_signal(const struct container *c, int signal, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    if (c->status != CONTAINER_RUNNING) {
        return CONTAINER_END_GONE;
    }
    int r = open_process(&c->init, &fd, reterr);
    if (r == 0 && pidfd_send_signal(fd, signal, NULL, 0) < 0) {
        if (errno == EPERM) {
            return signal_owner(c, signal, reterr);
        }
        return errno == ESRCH
                   ? CONTAINER_END_GONE
                   : imgc_fail_sys(reterr, errno, "send a signal to container %s", c->name);
    }
    return r;
}

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

/* @return 0 when the process is dead; CONTAINER_END_TIMEOUT. */
static int await_process(const struct process_id *id, int64_t deadline_ms, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = open_process(id, &fd, reterr);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left = deadline_ms < 0 ? -1 : deadline_ms - now_ms();
        int timeout = deadline_ms < 0 ? -1 : left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
        int n = poll(&p, 1, timeout);
        if (n > 0) {
            return 0;
        }
        if (n < 0 && app_interrupted()) {
            return imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted");
        }
        if (n == 0 && left <= INT_MAX) {
            return CONTAINER_END_TIMEOUT;
        }
    }
}

int container_end_await(const struct container *c, int64_t deadline_ms, struct imgc_err *reterr)
{
    int r = c->status == CONTAINER_RUNNING ? await_process(&c->init, deadline_ms, reterr) : 0;
    if (r != 0) {
        return r;
    }
    /* It has its end to write down yet. One that cannot get on does not keep us. */
    r = await_process(&c->owner, now_ms() + OWNER_WAIT_MS, reterr);
    return r < 0 ? r : 0;
}

/* It has ended, and its imgc is about to write that down. */
static bool is_ending(const struct container *c)
{
    return c->status == CONTAINER_EXITED && c->finished_ns == 0 && process_alive(&c->owner);
}

int container_end_find(struct app *app, const char *name, struct container *ret,
                       struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    struct store *store;

    int r = app_store(app, &store, reterr);
    r = r < 0 ? r : lookup_container(store, name, &c, reterr);
    if (r == 0 && is_ending(&c)) {
        r = container_end_await(&c, -1, reterr);
        container_done(&c);
        r = r < 0 ? r : lookup_container(store, name, &c, reterr);
    }
    if (r == 0) {
        *ret = c;
        memset(&c, 0, sizeof c); /* taken */
    }
    return r;
}

/* Nothing that is frozen handles a signal; with cgroup v1 it does not even die. */
static int thaw(const struct container *c, struct imgc_err *reterr)
{
    if (cgroup_freeze_is_frozen(c->cgroup) && cgroup_freeze_thaw(c->cgroup, reterr) < 0) {
        return imgc_context(reterr, "container %s", c->name);
    }
    return 0;
}

int container_end_kill(const struct container *c, struct imgc_err *reterr)
{
    int r = container_end_signal(c, SIGKILL, reterr);
    r = r < 0 ? r : thaw(c, reterr);
    if (r < 0) {
        return r;
    }
    r = container_end_await(c, now_ms() + KILL_WAIT_MS, reterr);
    if (r == CONTAINER_END_TIMEOUT) {
        return imgc_fail(reterr, IMGC_E_INUSE, "container %s does not die", c->name);
    }
    /* Where its imgc was killed before, or could not: processes besides PID 1, and the cgroup. */
    return r < 0 || process_alive(&c->owner) ? r : sweep_cgroup(c, true, reterr);
}

static int ask_to_stop(struct container_end_stop *s, struct imgc_err *reterr)
{
    int r = container_end_signal(s->container, s->container->stop_signal, reterr);

    r = r < 0 ? r : thaw(s->container, reterr);
    s->is_gone = s->container->status != CONTAINER_RUNNING;
    s->deadline_ms = s->timeout_s < 0 ? -1 : now_ms() + s->timeout_s * MS_PER_S;
    return r < 0 ? r : 0;
}

static int see_it_stop(struct app *app, const struct container_end_stop *s, struct imgc_err *reterr)
{
    const struct container *c = s->container;

    int r = container_end_await(c, s->deadline_ms, reterr);
    if (r != CONTAINER_END_TIMEOUT) {
        return r;
    }
    if (s->timeout_s > 0) {
        output_warn(&app->out, "container %s did not stop within %lld s of its stop signal: killed",
                    c->name, (long long)s->timeout_s);
    }
    return container_end_kill(c, reterr);
}

int container_end_stop(struct app *app, struct container_end_stop *items, size_t n,
                       struct imgc_err *reterr)
{
    int first = 0;

    for (size_t i = 0; i < n && first == 0; i++) {
        first = ask_to_stop(&items[i], reterr);
    }
    for (size_t i = 0; i < n && first == 0; i++) {
        first = items[i].is_gone ? 0 : see_it_stop(app, &items[i], reterr);
    }
    return first;
}

static int in_use(const struct container *c, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_INUSE, "container %s is %s", c->name,
                     c->status == CONTAINER_RUNNING ? "running" : "being started or removed");
}

/* What is left of it goes before the row, which alone leads there; claimed, so that it
 * is not a new start's. @return 0; CONTAINER_BUSY; -NOTFOUND; -SYS. */
static int clear_abandoned(struct app *app, const struct container *c, struct imgc_err *reterr)
{
    if ((c->finished_ns != 0 && !c->cgroup) || (c->owner.pid <= 0 && c->started_ns == 0)) {
        return 0;
    }
    int r = container_claim(app->store, c->id, reterr);
    return r != 0 ? r : sweep_remains(app, c, true, reterr);
}

/* One try to remove it as it is now. @return 0; CONTAINER_BUSY; -INUSE; -NOTFOUND. */
static int try_remove(struct app *app, const struct container *c, bool force, bool volumes,
                      struct imgc_err *reterr)
{
    int r = 0;

    if (c->status == CONTAINER_RUNNING) {
        r = force ? container_end_kill(c, reterr) : in_use(c, reterr);
    }
    r = r < 0 ? r : clear_abandoned(app, c, reterr);
    r = r != 0 ? r : container_delete_idle(app->store, c->id, volumes, reterr);
    if (r != 0) {
        return r;
    }
    if (volumes) {
        chores_note(app); /* they are in the trash now */
    }
    return container_remove_files(app->store, c->id, reterr);
}

int container_end_remove(struct app *app, const struct container *c, bool force, bool volumes,
                         struct imgc_err *reterr)
{
    int64_t deadline_ms = now_ms() + OWNER_WAIT_MS;
    container_auto struct container now = { .name = NULL };

    int r = try_remove(app, c, force, volumes, reterr);
    while (r == CONTAINER_BUSY) { /* somebody starts it: soon it runs, or does not */
        if (!force || now_ms() > deadline_ms) {
            return in_use(c, reterr);
        }
        container_done(&now);
        r = container_find(app->store, imgc_str_of(c->id), &now, reterr);
        if (r == CONTAINER_MISSING) {
            return 0;
        }
        if (r == 0 && now.status != CONTAINER_RUNNING) {
            r = await_process(&now.owner, now_ms() + RETRY_MS, reterr);
        }
        r = r < 0 ? r : try_remove(app, &now, force, volumes, reterr);
    }
    return r == -(int)IMGC_E_NOTFOUND ? 0 : r; /* --rm: its imgc has done it */
}

int container_end_replaced(struct app *app, const char *name, struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };

    int r = container_find(app->store, imgc_str_of(name), &c, reterr);
    if (r == CONTAINER_MISSING || (r == 0 && strcmp(c.name, name) != 0)) {
        return 0; /* an ID's first digits are not its name */
    }
    return r < 0 ? r : container_end_remove(app, &c, true, true, reterr);
}
