/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/cgroup_join.h"
#include "runtime/exec_child.h"
#include "runtime/join.h"
#include "runtime/pidns_guard.h"
#include "runtime/relay.h"
#include "runtime/seccomp_profile.h"
#include "runtime/selfcopy.h"
#include "runtime/selfexe.h"
#include "runtime/stdfds.h"
#include "runtime/sync.h"
#include "runtime/tty.h"
#include "runtime/userns.h"
#include "schema/base/fd.h"

#define CGROUP_TEXT_BYTES 65536 /* of /proc/PID/cgroup: a line for each hierarchy */

/* What the caller holds; exec_done() gives back whatever is there. */
struct exec {
    const struct spec *spec;
    const struct exec_args *args;
    struct join container;
    struct seccomp_filter filter;
    struct imgc_buf cgroups; /* of the container's first process, as /proc says it */
    struct tty_raw raw;
    sigset_t old_mask;
    bool signals_blocked;
    pid_t joiner, pid; /* the first and the second process; 0 where there is none to be reaped */
    int pid_fd, signal_fd, sync_fd, container_sync_fd, master_fd;
    struct stdfds stdfds;
};

static void kill_and_reap(pid_t pid)
{
    if (pid > 0) {
        int status = 0;
        (void)kill(pid, SIGKILL);
        while (waitpid(pid, &status, __WALL) >= 0 ? WIFSTOPPED(status) : errno == EINTR) {
        }
    }
}

static void exec_done(struct exec *e)
{
    kill_and_reap(e->joiner);
    kill_and_reap(e->pid);
    tty_raw_leave(&e->raw);
    imgc_closep(&e->pid_fd);
    imgc_closep(&e->signal_fd);
    imgc_closep(&e->sync_fd);
    imgc_closep(&e->container_sync_fd);
    imgc_closep(&e->master_fd);
    stdfds_done(&e->stdfds);
    seccomp_done(&e->filter);
    imgc_buf_done(&e->cgroups);
    join_done(&e->container);
    if (e->signals_blocked) {
        relay_unblock_signals(&e->old_mask);
    }
}

#define exec_auto imgc_auto(exec_done)

/* Others than the container's own processes see the one that joins: those of the host, and of
 * containers that share the namespace. */
static bool has_neighbours(const struct exec *e)
{
    imgc_autoclose int ns_fd = -1;
    struct imgc_err ignored;

    if (!(e->container.namespaces & CLONE_NEWPID) ||
        e->spec->isolation.pid.mode != ISOLATION_PRIVATE) {
        return true;
    }
    return fd_open_at(e->container.proc_fd, "ns/pid", O_RDONLY, 0, &ns_fd, &ignored) < 0 ||
           pidns_guard_check(ns_fd, &ignored) < 0;
}

/* Not dumpable is not enough against those who have CAP_SYS_PTRACE in the user namespace where imgc
 * began. */
static bool may_be_looked_into(const struct exec *e)
{
    return e->container.shares_user_namespace &&
           ((e->spec->capabilities & (UINT64_C(1) << CAP_SYS_PTRACE)) != 0 || has_neighbours(e));
}

/* What the kernel says of the container. @return 0; JOIN_GONE; negative. */
static int look_at_container(struct exec *e, struct imgc_err *reterr)
{
    int r = join_open(&e->args->init, &e->container, reterr);
    if (r == 0 && may_be_looked_into(e)) {
        r = selfcopy_run(reterr);
    }
    return r != 0 ? r : join_read(&e->container, "cgroup", &e->cgroups, reterr);
}

/* All that can be done before there is a process. */
static int prepare(struct exec *e, struct imgc_err *reterr)
{
    const struct spec *spec = e->spec;

    int r = 0;
    if (!spec->no_seccomp) {
        r = seccomp_profile_or_default(spec->isolation.seccomp_profile, spec->capabilities,
                                       &e->filter, reterr);
    }
    if (r == 0 && !e->args->detach) {
        bool is_foreign = !e->container.shares_user_namespace && userns_is_initial();
        r = stdfds_make(spec, false, false, is_foreign, &e->stdfds, reterr);
    }
    r = r < 0 ? r : sync_pair(&e->sync_fd, &e->container_sync_fd, reterr);
    if (r == 0) {
        r = relay_block_signals(&e->old_mask, &e->signal_fd, reterr);
        e->signals_blocked = r == 0;
    }
    return r;
}

/* Our own copies of what the container has: their end must be seen when the container ends. */
static void close_container_ends(struct exec *e)
{
    imgc_closep(&e->container_sync_fd);
    stdfds_close_container_ends(&e->stdfds);
}

static int start(struct exec *e, struct imgc_err *reterr)
{
    e->joiner = fork();
    if (e->joiner < 0) {
        e->joiner = 0;
        return imgc_fail_sys(reterr, errno, "start a process");
    }
    if (e->joiner == 0) {
        exec_child_main(&(struct exec_child_args){
            .spec = e->spec,
            .container = &e->container,
            .filter = e->spec->no_seccomp ? NULL : &e->filter,
            .detach = e->args->detach,
            .sync_fd = e->container_sync_fd,
            .launcher_fd = e->sync_fd,
            .std_fds = e->stdfds.container_fds,
        });
    }
    close_container_ends(e);
    return 0;
}

/* Wait for a signal. What asks imgc to end does so: a container can make look-ups in it last for
 * ever. */
static int await_signal(struct exec *e, struct imgc_err *reterr)
{
    struct pollfd p = { .fd = e->signal_fd, .events = POLLIN };
    struct signalfd_siginfo info;

    (void)poll(&p, 1, -1);
    while (read(e->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP ||
            info.ssi_signo == SIGQUIT) {
            return imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted");
        }
    }
    return 0;
}

/* @return as selfexe_poll(), but for SELFEXE_PENDING. */
static int await(struct exec *e, pid_t pid, pid_t *ret_child, int *ret_status,
                 struct imgc_err *reterr)
{
    for (;;) {
        int r = selfexe_poll(pid, ret_status, ret_child, reterr);
        if (r != SELFEXE_PENDING) {
            return r;
        }
        r = await_signal(e, reterr);
        if (r < 0) {
            return r;
        }
    }
}

/* One of the two has ended too early: it has said why, or was killed. */
static int ended_early(struct exec *e, int status, struct imgc_err *reterr)
{
    struct sync_message m;
    int r;

    do {
        r = sync_receive(e->sync_fd, &m, NULL, reterr);
    } while (r == 0 && m.kind != SYNC_ERROR);
    if (r < 0) {
        return r;
    }
    if (r == 0 && m.err.code != IMGC_OK) {
        *reterr = m.err;
        return -(int)reterr->code;
    }
    if (WIFSIGNALED(status)) {
        return imgc_fail(reterr, IMGC_E_SYS, "the process was killed by signal %d as it started",
                         WTERMSIG(status));
    }
    return imgc_fail(reterr, IMGC_E_SYS, "the process ended as it started");
}

static int await_clone(struct exec *e, struct imgc_err *reterr)
{
    struct sync_message m;
    int status = 0;

    int r = await(e, e->joiner, &e->pid, &status, reterr);
    if (r == SELFEXE_EXITED) {
        e->joiner = 0;
        return ended_early(e, status, reterr);
    }
    if (r != SELFEXE_CLONED) {
        return r < 0 ? r : imgc_fail(reterr, IMGC_E_SYS, "a process executed out of turn");
    }
    r = sync_receive(e->sync_fd, &m, &e->master_fd, reterr);
    if (r != 0 || m.kind != SYNC_READY || e->spec->terminal != (e->master_fd >= 0)) {
        return r < 0 ? r : imgc_fail(reterr, IMGC_E_SYS, "the joining process says nonsense");
    }
    /* Our own child, not reaped yet: the number is its own. */
    e->pid_fd = pidfd_open(e->pid, 0);
    return e->pid_fd < 0 ? imgc_fail_sys(reterr, errno, "hold process %d", (int)e->pid) : 0;
}

static int reap_joiner(struct exec *e, struct imgc_err *reterr)
{
    pid_t child = 0;
    int status = 0;

    int r = await(e, e->joiner, &child, &status, reterr);
    if (r == SELFEXE_EXITED) {
        e->joiner = 0;
    }
    return r < 0 ? r : 0;
}

static int set_up_terminal(struct exec *e, struct imgc_err *reterr)
{
    if (e->master_fd < 0 || e->args->detach) {
        return 0;
    }
    if (!tty_copy_size(STDOUT_FILENO, e->master_fd)) {
        (void)tty_copy_size(STDIN_FILENO, e->master_fd);
    }
    return e->spec->interactive ? tty_raw_enter(&e->raw, STDIN_FILENO, reterr) : 0;
}

static int await_exec(struct exec *e, struct imgc_err *reterr)
{
    pid_t child = 0;
    int status = 0;

    int r = await(e, e->pid, &child, &status, reterr);
    if (r == SELFEXE_EXITED) {
        e->pid = 0;
        return ended_early(e, status, reterr);
    }
    return r > 0 ? imgc_fail(reterr, IMGC_E_SYS, "a process cloned out of turn") : r;
}

static int bring_up(struct exec *e, struct imgc_err *reterr)
{
    struct imgc_str cgroups = { e->cgroups.ptr, e->cgroups.len };

    int r = start(e, reterr);
    r = r < 0 ? r : selfexe_guard_family(e->joiner, reterr);
    r = r < 0 ? r : cgroup_join(cgroups, e->joiner, reterr);
    if (r < 0 && !process_alive(&e->args->init)) {
        return EXEC_NOT_RUNNING; /* its cgroup was removed meanwhile */
    }
    r = r < 0 ? r : sync_send(e->sync_fd, SYNC_PLACED, -1, reterr);
    r = r < 0 ? r : await_clone(e, reterr);
    r = r < 0 ? r : reap_joiner(e, reterr);
    r = r < 0 ? r : set_up_terminal(e, reterr);
    return r < 0 ? r : await_exec(e, reterr);
}

static int supervise(struct exec *e, int *ret_status, struct imgc_err *reterr)
{
    struct relay relay = {
        .pid = e->pid,
        .pid_fd = e->pid_fd,
        .signal_fd = e->signal_fd,
        .master_fd = &e->master_fd,
        .forward_input = e->spec->interactive,
        .in_fd = &e->stdfds.in_fd,
        .out_fds = { e->stdfds.out_fds[0], e->stdfds.out_fds[1] },
    };
    int status = -1;

    int r = relay_run(&relay, &status, reterr);
    if (r < 0) {
        return r;
    }
    e->pid = 0;
    *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}

int exec_run(const struct spec *spec, const struct exec_args *args, int *ret_status,
             struct imgc_err *reterr)
{
    exec_auto struct exec e = {
        .spec = spec,
        .args = args,
        .container = JOIN_INIT,
        .filter = SECCOMP_FILTER_INIT,
        .cgroups = IMGC_BUF_INIT(CGROUP_TEXT_BYTES),
        .raw = TTY_RAW_INIT,
        .pid_fd = -1,
        .signal_fd = -1,
        .sync_fd = -1,
        .container_sync_fd = -1,
        .master_fd = -1,
        .stdfds = STDFDS_INIT,
    };

    if (spec->terminal && spec->interactive && !args->detach && !isatty(STDIN_FILENO)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "the input device is not a TTY (leave out -t)");
    }
    int r = look_at_container(&e, reterr);
    if (r == JOIN_GONE) {
        return EXEC_NOT_RUNNING;
    }
    r = r < 0 ? r : prepare(&e, reterr);
    r = r < 0 ? r : bring_up(&e, reterr);
    if (r != 0) {
        return r;
    }
    if (args->detach) {
        e.pid = 0;
        *ret_status = 0;
        return 0;
    }
    return supervise(&e, ret_status, reterr);
}
