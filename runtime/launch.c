/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/launch.h"

#include <errno.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/cgroup.h"
#include "runtime/child.h"
#include "runtime/etcfiles.h"
#include "runtime/init_program.h"
#include "runtime/log.h"
#include "runtime/relay.h"
#include "runtime/rlimits.h"
#include "runtime/seccomp_profile.h"
#include "runtime/selfexe.h"
#include "runtime/spawn.h"
#include "runtime/stdfds.h"
#include "runtime/sync.h"
#include "runtime/timezone.h"
#include "runtime/tty.h"
#include "runtime/userns_spawn.h"
#include "schema/base/fd.h"

#define THREAD_TRIES 20000 /* a second */

/* What the launcher holds; launch_done() gives back whatever is there. */
struct launch {
    const struct spec *spec;
    const struct launch_args *args;
    struct launch_result *ret;
    struct plan plan;
    struct seccomp_filter filter;
    struct cgroup *cgroup;
    char cgroup_name[NAME_MAX + 1];
    struct log_writer log;
    struct tty_raw raw;
    sigset_t old_mask;
    bool signals_blocked;
    pid_t pid; /* 0 before clone and after it was reaped */
    int pid_fd, signal_fd, sync_fd, container_sync_fd, master_fd, mounts_fd, netns_fd;
    int init_fd;
    struct stdfds stdfds;
    struct nsjoin joins;
    struct devices_given devices;
    struct mounts mounts; /* of a container in another user namespace, in its process */
};

static void warn(const struct launch_args *args, const char *message)
{
    if (args->warn) {
        args->warn(args->arg, message);
    }
}

static void close_container_ends(struct launch *l)
{
    imgc_closep(&l->container_sync_fd);
    stdfds_close_container_ends(&l->stdfds);
}

static void launch_done(struct launch *l)
{
    struct imgc_err err;

    if (l->pid > 0) { /* a failure on the way: with PID 1 everything in the container dies */
        (void)kill(l->pid, SIGKILL);
        while (waitpid(l->pid, NULL, __WALL) < 0 && errno == EINTR) {
        }
    }
    tty_raw_leave(&l->raw);
    if (l->cgroup && cgroup_remove(l->cgroup, &err) < 0) {
        l->ret->cgroup_remains = true;
        warn(l->args, err.msg);
    }
    l->cgroup = cgroup_free(l->cgroup);
    close_container_ends(l);
    imgc_closep(&l->pid_fd);
    imgc_closep(&l->signal_fd);
    imgc_closep(&l->sync_fd);
    imgc_closep(&l->master_fd);
    imgc_closep(&l->mounts_fd);
    imgc_closep(&l->netns_fd);
    imgc_closep(&l->init_fd);
    stdfds_done(&l->stdfds);
    nsjoin_done(&l->joins);
    devices_given_done(&l->devices);
    log_writer_done(&l->log);
    seccomp_done(&l->filter);
    plan_done(&l->plan);
    if (l->signals_blocked) {
        relay_unblock_signals(&l->old_mask);
    }
}

#define launch_auto imgc_auto(launch_done)

/* fork() copies one thread; locks that others hold would stay locked in the child for ever. One
 * that was joined is still seen for a moment. */
static bool is_single_threaded(void)
{
    static const struct timespec moment = { .tv_nsec = 50000 };
    struct stat st;

    for (int tries = 0; tries < THREAD_TRIES; tries++) {
        if (stat("/proc/self/task", &st) < 0 || st.st_nlink <= 3) {
            return true;
        }
        (void)nanosleep(&moment, NULL);
    }
    return false;
}

/* Of another container that has none of its own, it is the launcher's. */
static bool has_users(const struct launch *l)
{
    return l->spec->isolation.users.mode == ISOLATION_USERS_MAPPED || l->joins.user_fd >= 0;
}

/* All that can be done before there is a process. */
static int prepare(struct launch *l, struct imgc_err *reterr)
{
    const struct spec *spec = l->spec;

    if (spec->terminal && spec->interactive && !l->args->attach && !isatty(STDIN_FILENO)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "the input device is not a TTY (leave out -t)");
    }
    int r = nsjoin_open(&spec->isolation, l->args->find, l->args->arg, &l->joins, reterr);
    if (r == 0) {
        r = devices_given_find(&spec->isolation, &l->devices, reterr);
    }
    if (r == 0) {
        r = plan_make(spec, &l->plan, reterr);
    }
    if (r == 0 && !spec->no_seccomp) {
        r = seccomp_profile_or_default(spec->isolation.seccomp_profile, spec->capabilities,
                                       &l->filter, reterr);
    }
    if (r == 0 && spec->state_dir) {
        r = etcfiles_write(spec, &l->args->etc, reterr);
    }
    if (r == 0 && spec->isolation.init) {
        r = init_program_open(spec->isolation.init_path, &l->init_fd, reterr);
    }
    if (r == 0) {
        r = timezone_write(spec, reterr);
        rlimits_warn(&spec->isolation, l->args->warn, l->args->arg);
    }
    if (r == 0) {
        bool is_foreign = has_users(l) && !spec->isolation.users.mounts_stay;
        r = stdfds_make(spec, l->args->log_fd >= 0, l->args->attach != NULL, is_foreign, &l->stdfds,
                        reterr);
    }
    if (r == 0) {
        r = sync_pair(&l->sync_fd, &l->container_sync_fd, reterr);
    }
    if (r == 0) {
        r = relay_block_signals(&l->old_mask, &l->signal_fd, reterr);
        l->signals_blocked = r == 0;
    }
    if (r == 0) {
        (void)snprintf(l->cgroup_name, sizeof l->cgroup_name, "%s%.200s",
                       spec->cgroup_name ? "" : "imgc-",
                       spec->cgroup_name ? spec->cgroup_name : spec->id);
        const struct cgroup_args cgroup = { .name = l->cgroup_name,
                                            .parent = spec->cgroup_parent,
                                            .disabled = spec->no_cgroup,
                                            .delegate = isolation_delegates(&spec->isolation),
                                            .all_devices = spec->isolation.privileged,
                                            .device_rules = l->devices.rules,
                                            .n_device_rules = l->devices.n_rules,
                                            .limits = &spec->limits,
                                            .ahead =
                                                l->args->ahead ? &l->args->ahead->cgroup : NULL,
                                            .warn = l->args->warn,
                                            .arg = l->args->arg };
        r = cgroup_create(&cgroup, &l->cgroup, reterr);
    }
    return r;
}

/* In the child too, where l->pid is 0. */
static int clone_container(struct launch *l, uint64_t namespaces, struct imgc_err *reterr)
{
    if (has_users(l)) {
        return userns_spawn(&(struct userns_spawn_args){ .spec = l->spec,
                                                         .plan = &l->plan,
                                                         .joins = &l->joins,
                                                         .std_fds = l->stdfds.container_fds,
                                                         .namespaces = namespaces },
                            &l->mounts, &l->pid, &l->pid_fd, reterr);
    }

    const struct ahead *ahead = l->args->ahead;
    bool is_ahead = (namespaces & CLONE_NEWNET) && !(namespaces & CLONE_NEWUSER) && ahead &&
                    ahead->network_fd >= 0;
    imgc_autoclose int home_fd = -1;
    struct imgc_err err;

    int r = is_ahead ? ahead_enter_network(ahead, &home_fd, reterr) : 0;
    if (r < 0) {
        return r;
    }
    namespaces &= ~(uint64_t)(is_ahead ? CLONE_NEWNET : 0);
    r = spawn_clone(namespaces, cgroup_clone_fd(l->cgroup), &l->pid, &l->pid_fd, reterr);
    if (r == 0 && l->pid == 0) {
        return 0;
    }
    if (is_ahead && ahead_leave_network(&home_fd, &err) < 0 && r == 0) {
        *reterr = err;
        r = -(int)err.code;
    }
    return r;
}

static int start(struct launch *l, struct imgc_err *reterr)
{
    uint64_t namespaces = CLONE_NEWNS | nsjoin_clone_flags(&l->spec->isolation);

    if (l->spec->network == SPEC_NETWORK_HOST) {
        namespaces &= ~(uint64_t)CLONE_NEWNET;
    }
    int r = has_users(l) ? 0 : nsjoin_enter_pid(&l->joins, reterr);
    if (r == 0) {
        r = clone_container(l, namespaces, reterr);
    }
    if (r == 0 && l->pid == 0) {
        child_main(&(struct child_args){
            .spec = l->spec,
            .plan = &l->plan,
            .filter = l->spec->no_seccomp ? NULL : &l->filter,
            .cgroup_name = l->cgroup_name,
            .joins = &l->joins,
            .devices = &l->devices,
            .take_mounts = has_users(l) ? &l->mounts : NULL,
            .init_fd = l->init_fd,
            .sync_fd = l->container_sync_fd,
            .launcher_fd = l->sync_fd,
            .std_fds = l->stdfds.container_fds,
        });
    }
    close_container_ends(l);
    return r < 0 || has_users(l) ? r : nsjoin_leave_pid(&l->joins, reterr);
}

static int ended_early(struct launch *l, int status, struct imgc_err *reterr)
{
    if (cgroup_oom_killed(l->cgroup)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "the memory limit is too small for the container to start");
    }
    if (WIFSIGNALED(status)) {
        return imgc_fail(reterr, IMGC_E_SYS, "the container was killed by signal %d as it started",
                         WTERMSIG(status));
    }
    return imgc_fail(reterr, IMGC_E_SYS, "the container ended as it started");
}

static int reap(struct launch *l)
{
    int status = 0;

    while (waitpid(l->pid, &status, __WALL) < 0 && errno == EINTR) {
    }
    l->pid = 0;
    return status;
}

/* Wait until the container has its root and asks for the word to go. */
static int await_ready(struct launch *l, struct imgc_err *reterr)
{
    struct sync_message m;

    int r = sync_receive(l->sync_fd, &m, &l->master_fd, reterr);
    if (r < 0) {
        return r;
    }
    if (r == SYNC_CLOSED) {
        return ended_early(l, reap(l), reterr);
    }
    if (m.kind == SYNC_ERROR) {
        *reterr = m.err;
        return -(int)reterr->code;
    }
    if (m.kind != SYNC_READY || l->spec->terminal != (l->master_fd >= 0)) {
        return imgc_fail(reterr, IMGC_E_SYS, "the container's first process says nonsense");
    }
    return 0;
}

/* Beside the container's first process, which builds its root meanwhile. */
static int announce(struct launch *l, struct imgc_err *reterr)
{
    struct process_id id = { .pid = 0 };
    int r = 0;

    if (l->args->started) {
        r = process_identify(l->pid, &id, reterr);
        r = r < 0 ? r : l->args->started(l->args->arg, &id, cgroup_path(l->cgroup), reterr);
    }
    if (r == 0 && l->args->network) {
        r = l->args->network(l->args->arg, l->netns_fd, reterr);
        imgc_closep(&l->netns_fd); /* it ends with the container */
    }
    return r;
}

static int set_up_terminal(struct launch *l, struct imgc_err *reterr)
{
    const struct attach_size *size = &l->args->size;

    if (l->master_fd < 0) {
        return 0;
    }
    if (l->args->attach) { /* whoever attaches later says how large theirs is */
        if (size->rows > 0 && size->columns > 0) {
            tty_set_size(l->master_fd, size->rows, size->columns);
        }
        return 0;
    }
    if (!tty_copy_size(STDOUT_FILENO, l->master_fd)) {
        (void)tty_copy_size(STDIN_FILENO, l->master_fd);
    }
    return l->spec->interactive ? tty_raw_enter(&l->raw, STDIN_FILENO, reterr) : 0;
}

/* The word to go, at once when all is written down: the container then does not wait for it when
 * it is ready. No instruction of the command runs before let_exec(), which it is stopped for. */
static int let_go(struct launch *l, struct imgc_err *reterr)
{
    int r = sync_send(l->sync_fd, SYNC_GO, -1, reterr);
    return r < 0 && reterr->sys == EPIPE ? 0 : r; /* gone already; it has said why */
}

/* Up to the first instruction of the command. */
static int let_exec(struct launch *l, struct imgc_err *reterr)
{
    struct sync_message m;
    int status = 0;

    int r = selfexe_wait(l->pid, &status, reterr);
    if (r != SELFEXE_EXITED) {
        return r;
    }
    l->pid = 0;
    r = sync_receive(l->sync_fd, &m, NULL, reterr);
    if (r < 0) {
        return r;
    }
    if (r == 0 && m.kind == SYNC_ERROR) {
        *reterr = m.err;
        return -(int)reterr->code;
    }
    return ended_early(l, status, reterr);
}

/* Without it the mounts are only taken down earlier. */
static void hold_mounts(struct launch *l)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)l->pid);
    l->mounts_fd = l->args->hold_mounts ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

/* While the process may still be looked at: it makes itself undumpable when it has been placed. */
static int open_network(struct launch *l, struct imgc_err *reterr)
{
    char path[64];

    if (!l->args->network) {
        return 0;
    }
    (void)snprintf(path, sizeof path, "/proc/%d/ns/net", (int)l->pid);
    return fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &l->netns_fd, reterr);
}

static int bring_up(struct launch *l, struct imgc_err *reterr)
{
    int r = start(l, reterr);
    if (r == 0) {
        r = selfexe_guard(l->pid, reterr);
    }
    if (r == 0) {
        hold_mounts(l);
        r = open_network(l, reterr);
    }
    if (r == 0) {
        r = cgroup_add(l->cgroup, l->pid, reterr);
    }
    if (r == 0) {
        r = sync_send(l->sync_fd, SYNC_PLACED, -1, reterr);
    }
    if (r == 0) {
        r = announce(l, reterr);
    }
    if (r == 0) {
        r = let_go(l, reterr);
    }
    if (r == 0) {
        r = await_ready(l, reterr);
    }
    if (r == 0 && l->args->ready) {
        l->args->ready(l->args->arg);
    }
    if (r == 0) {
        r = set_up_terminal(l, reterr);
    }
    r = r < 0 ? r : let_exec(l, reterr);
    if (r == 0 && l->args->running) {
        l->args->running(l->args->arg);
    }
    return r;
}

static int supervise(struct launch *l, struct imgc_err *reterr)
{
    struct relay relay = {
        .pid = l->pid,
        .pid_fd = l->pid_fd,
        .signal_fd = l->signal_fd,
        .master_fd = &l->master_fd,
        .forward_input = l->spec->interactive,
        .in_fd = &l->stdfds.in_fd,
        .out_fds = { l->stdfds.out_fds[0], l->stdfds.out_fds[1] },
        .log = l->args->log_fd >= 0 ? &l->log : NULL,
        .attach = l->args->attach,
        .timeout_s = l->spec->timeout_s,
    };
    int status = -1;

    int r = relay_run(&relay, &status, reterr);
    if (status == -1) {
        return r;
    }
    l->pid = 0;
    if (r < 0) { /* a log that cannot be kept does not change how the command ended */
        warn(l->args, reterr->msg);
    }
    l->ret->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    l->ret->oom_killed = cgroup_oom_killed(l->cgroup);
    l->ret->mounts_fd = imgc_take_fd(l->mounts_fd);
    return 0;
}

int launch_run(const struct spec *spec, const struct launch_args *args, struct launch_result *ret,
               struct imgc_err *reterr)
{
    launch_auto struct launch l = {
        .spec = spec,
        .args = args,
        .ret = ret,
        .plan = PLAN_INIT,
        .filter = SECCOMP_FILTER_INIT,
        .raw = TTY_RAW_INIT,
        .pid_fd = -1,
        .signal_fd = -1,
        .sync_fd = -1,
        .container_sync_fd = -1,
        .master_fd = -1,
        .mounts_fd = -1,
        .netns_fd = -1,
        .init_fd = -1,
        .stdfds = STDFDS_INIT,
        .joins = NSJOIN_INIT,
        .devices = DEVICES_GIVEN_INIT,
        .mounts = MOUNTS_INIT,
    };

    ret->mounts_fd = -1;
    ret->cgroup_remains = false;
    log_writer_init(&l.log, args->log_fd);
    if (args->log_fd >= 0 && spec->state_dir) {
        log_writer_rotate(&l.log, spec->state_dir, spec->log_max_bytes, spec->log_max_files);
    }
    if (args->ahead) {
        ahead_finish(args->ahead);
    }
    if (!is_single_threaded()) {
        return imgc_fail(reterr, IMGC_E_SYS, "a container cannot be started with threads alive");
    }
    int r = prepare(&l, reterr);
    if (r == 0) {
        r = bring_up(&l, reterr);
    }
    return r < 0 ? r : supervise(&l, reterr);
}

int launch_cleanup_cgroup(const char *cgroup, const char *cgroup_name, bool patience,
                          struct imgc_err *reterr)
{
    return cgroup ? cgroup_remove_path(cgroup, patience, reterr)
                  : cgroup_remove_name(cgroup_name, patience, reterr);
}
