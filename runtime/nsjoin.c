/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/nsjoin.h"

#include <errno.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/mountfd.h"
#include "runtime/pidns_guard.h"
#include "runtime/rootpath.h"
#include "runtime/sync.h"
#include "schema/base/fd.h"

#ifndef CLONE_NEWTIME
#    define CLONE_NEWTIME 0x80
#endif

static const int flags_of[ISOLATION_KINDS] = {
    [ISOLATION_PID] = CLONE_NEWPID,       [ISOLATION_IPC] = CLONE_NEWIPC,
    [ISOLATION_UTS] = CLONE_NEWUTS,       [ISOLATION_NET] = CLONE_NEWNET,
    [ISOLATION_CGROUP] = CLONE_NEWCGROUP, [ISOLATION_TIME] = CLONE_NEWTIME,
};

void nsjoin_done(struct nsjoin *j)
{
    for (size_t i = 0; i < ISOLATION_KINDS; i++) {
        imgc_closep(&j->fds[i]);
    }
    imgc_closep(&j->user_fd);
    imgc_closep(&j->shm_fd);
    free(j->peer_dir);
    j->peer_dir = NULL;
}

static void peer_done(struct nsjoin_peer *p)
{
    free(p->state_dir);
    p->state_dir = NULL;
}

/* The cgroup namespace is made later, in the cgroup (PLAN_CGROUP). */
uint64_t nsjoin_clone_flags(const struct isolation *isolation)
{
    uint64_t flags = 0;

    for (unsigned i = 0; i < ISOLATION_KINDS; i++) {
        if (i != ISOLATION_CGROUP && isolation_of(isolation, i)->mode == ISOLATION_PRIVATE) {
            flags |= (uint64_t)flags_of[i];
        }
    }
    return flags;
}

static int open_path(const char *path, int flag, const char *kind, int *ret_fd,
                     struct imgc_err *reterr)
{
    imgc_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return errno == ENOENT
                   ? imgc_fail(reterr, IMGC_E_NOTFOUND, "there is no namespace '%s'", path)
                   : imgc_fail_sys(reterr, errno, "open the namespace '%s'", path);
    }
    if (ioctl(fd, NS_GET_NSTYPE) != flag) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'%s' is no %s namespace", path, kind);
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}

/* In the other container's mount namespace; what is there was arranged by its processes. */
static int clone_shm(int mount_ns_fd, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int root_fd = -1, dir_fd = -1;
    struct stat before, after;
    struct statfs fs;

    if (stat("/", &before) < 0) {
        return imgc_fail_sys(reterr, errno, "look at '/'");
    }
    if (setns(mount_ns_fd, CLONE_NEWNS) < 0) {
        return mountfd_fail(reterr, errno, "join the other container's mounts");
    }
    int r = fd_open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, &root_fd, reterr);
    if (r == 0) {
        r = rootpath_open(root_fd, "/dev/shm", O_PATH | O_DIRECTORY, &dir_fd, reterr);
    }
    if (r < 0) {
        return r;
    }
    /* Before it has its root, the host's is there, and the host's /dev/shm. */
    if (fstat(root_fd, &after) < 0 ||
        (before.st_dev == after.st_dev && before.st_ino == after.st_ino)) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "it has not started yet (try again)");
    }
    if (r == ROOTPATH_MISSING || fstatfs(dir_fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC) {
        return imgc_fail(reterr, IMGC_E_USAGE, "the other container has no /dev/shm to share");
    }
    return mountfd_clone(dir_fd, "", false, ret_fd, reterr);
}

_Noreturn static void send_shm(int sync_fd, int mount_ns_fd)
{
    struct imgc_err err;
    int fd = -1;

    int r = clone_shm(mount_ns_fd, &fd, &err);
    if (r == 0) {
        r = sync_send(sync_fd, SYNC_READY, fd, &err);
    }
    if (r < 0) {
        sync_send_error(sync_fd, &err);
    }
    _exit(0);
}

/* By a process of its own: this one's root and mounts stay what they are. */
static int fetch_shm(int mount_ns_fd, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int here_fd = -1, there_fd = -1;
    struct sync_message m;

    int r = sync_pair(&here_fd, &there_fd, reterr);
    if (r < 0) {
        return r;
    }
    pid_t pid = fork();
    if (pid == 0) {
        send_shm(there_fd, mount_ns_fd);
    }
    if (pid < 0) {
        return imgc_fail_sys(reterr, errno, "fork");
    }
    imgc_closep(&there_fd);
    r = sync_receive(here_fd, &m, ret_fd, reterr);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    if (r == 0 && m.kind == SYNC_ERROR) {
        *reterr = m.err;
        return -(int)m.err.code;
    }
    return r < 0 || (r == 0 && *ret_fd >= 0)
               ? r
               : imgc_fail(reterr, IMGC_E_SYS, "the other container's /dev/shm is not there");
}

static int open_of_process(const struct process_id *id, const char *file, int *ret_fd,
                           struct imgc_err *reterr)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)id->pid, file);
    return fd_open_at(AT_FDCWD, path, O_RDONLY, 0, ret_fd, reterr);
}

/* The pidfd holds the process's identity; it is the right one if its start time is right after
 * that, and what /proc gave was its if it still lives then.
 * @more  a second file; or NULL. */
static int open_files(const struct nsjoin_peer *peer, const char *file, int *ret_fd,
                      const char *more, int *ret_more_fd, struct imgc_err *reterr)
{
    imgc_autoclose int pid_fd = (int)syscall(SYS_pidfd_open, peer->init.pid, 0);

    if (pid_fd < 0 && errno != ESRCH) {
        return imgc_fail_sys(reterr, errno, "open process %d", (int)peer->init.pid);
    }
    bool is_alive = pid_fd >= 0 && process_alive(&peer->init);
    int r = is_alive ? open_of_process(&peer->init, file, ret_fd, reterr) : 0;
    if (r == 0 && is_alive && more) {
        r = open_of_process(&peer->init, more, ret_more_fd, reterr);
    }
    if (!is_alive || syscall(SYS_pidfd_send_signal, pid_fd, 0, NULL, 0) < 0) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "it has ended");
    }
    return r;
}

static int open_of_peer(const struct nsjoin_peer *peer, enum isolation_kind kind,
                        struct nsjoin *ret, struct imgc_err *reterr)
{
    imgc_autoclose int mount_ns_fd = -1;

    int r = open_files(peer, isolation_kind_name(kind), &ret->fds[kind],
                       kind == ISOLATION_IPC ? "mnt" : NULL, &mount_ns_fd, reterr);
    if (r == 0 && mount_ns_fd >= 0) {
        r = fetch_shm(mount_ns_fd, &ret->shm_fd, reterr);
    }
    if (r == 0 && kind == ISOLATION_NET && peer->state_dir) {
        r = imgc_str_dup(imgc_str_of(peer->state_dir), &ret->peer_dir, reterr);
    }
    return r;
}

static int open_container(const char *name, enum isolation_kind kind, nsjoin_find *find, void *arg,
                          struct nsjoin *ret, struct imgc_err *reterr)
{
    imgc_auto(peer_done) struct nsjoin_peer peer = { .state_dir = NULL };

    if (!find) {
        return imgc_fail(reterr, IMGC_E_USAGE, "there are no other containers");
    }
    int r = find(arg, name, &peer, reterr);
    if (r == 0 && kind == ISOLATION_IPC && !peer.ipc_is_shared) {
        r = imgc_fail(reterr, IMGC_E_USAGE,
                      "its IPC namespace is not shareable (run it with --ipc shareable)");
    }
    return r < 0 ? r : open_of_peer(&peer, kind, ret, reterr);
}

/* One that is the caller's own cannot be joined, and need not be. */
static int keep_user(int *take_fd, struct nsjoin *ret, struct imgc_err *reterr)
{
    imgc_autoclose int fd = imgc_take_fd(*take_fd);
    struct stat own, theirs;

    if (stat("/proc/self/ns/user", &own) < 0 || fstat(fd, &theirs) < 0) {
        return imgc_fail_sys(reterr, errno, "look at a user namespace");
    }
    if (own.st_ino != theirs.st_ino || own.st_dev != theirs.st_dev) {
        ret->user_fd = imgc_take_fd(fd);
    }
    return 0;
}

static int open_user(const struct isolation_users *users, nsjoin_find *find, void *arg,
                     struct nsjoin *ret, struct imgc_err *reterr)
{
    imgc_auto(peer_done) struct nsjoin_peer peer = { .state_dir = NULL };
    imgc_autoclose int fd = -1;
    int r;

    if (users->mode == ISOLATION_USERS_PATH) {
        r = open_path(users->source, CLONE_NEWUSER, "user", &fd, reterr);
    } else if (users->mode == ISOLATION_USERS_CONTAINER) {
        r = find ? find(arg, users->source, &peer, reterr)
                 : imgc_fail(reterr, IMGC_E_USAGE, "there are no other containers");
        r = r < 0 ? r : open_files(&peer, "user", &fd, NULL, NULL, reterr);
        r = r < 0 ? imgc_context(reterr, "join the user namespace of container '%s'", users->source)
                  : r;
    } else {
        return 0;
    }
    return r < 0 ? r : keep_user(&fd, ret, reterr);
}

int nsjoin_open(const struct isolation *isolation, nsjoin_find *find, void *arg, struct nsjoin *ret,
                struct imgc_err *reterr)
{
    int r = open_user(&isolation->users, find, arg, ret, reterr);

    for (unsigned i = 0; i < ISOLATION_KINDS && r == 0; i++) {
        const struct isolation_namespace *n = isolation_of(isolation, i);
        if (n->mode == ISOLATION_CONTAINER) {
            r = open_container(n->source, i, find, arg, ret, reterr);
            if (r < 0) {
                return imgc_context(reterr, "join the %s namespace of container '%s'",
                                    isolation_kind_name(i), n->source);
            }
        } else if (n->mode == ISOLATION_PATH) {
            r = open_path(n->source, flags_of[i], isolation_kind_name(i), &ret->fds[i], reterr);
        }
    }
    if (r == 0 && ret->fds[ISOLATION_PID] >= 0) {
        r = pidns_guard_check(ret->fds[ISOLATION_PID], reterr);
        r = r < 0 ? imgc_context(reterr, "join a pid namespace") : 0;
    }
    return r;
}

int nsjoin_enter(const struct nsjoin *j, enum isolation_kind kind, struct imgc_err *reterr)
{
    if (j->fds[kind] >= 0 && setns(j->fds[kind], flags_of[kind]) < 0) {
        return mountfd_fail(reterr, errno, "join a %s namespace", isolation_kind_name(kind));
    }
    return 0;
}

int nsjoin_enter_pid(const struct nsjoin *j, struct imgc_err *reterr)
{
    return nsjoin_enter(j, ISOLATION_PID, reterr);
}

int nsjoin_leave_pid(const struct nsjoin *j, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    if (j->fds[ISOLATION_PID] < 0) {
        return 0;
    }
    int r = fd_open_at(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY, 0, &fd, reterr);
    if (r == 0 && setns(fd, CLONE_NEWPID) < 0) {
        r = imgc_fail_sys(reterr, errno, "go back to the host's processes");
    }
    return r;
}
