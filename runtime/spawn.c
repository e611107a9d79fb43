/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/spawn.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* sched.h of libc and linux/sched.h do not go together. */
extern int unshare(int flags);

static const struct {
    uint64_t flag;
    const char *name;
} kinds[] = {
    { CLONE_NEWNS, "mount" }, { CLONE_NEWPID, "process" }, { CLONE_NEWUTS, "host name" },
    { CLONE_NEWIPC, "IPC" },  { CLONE_NEWNET, "network" },
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* @return a pid or -errno. */
static long try_clone3(uint64_t flags, int cgroup_fd, int *pidfd)
{
    struct clone_args args = {
        .flags = flags | CLONE_PIDFD | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD, /* it is the parent's then */
        .cgroup = cgroup_fd >= 0 ? (unsigned)cgroup_fd : 0u,
    };
    long pid = syscall(SYS_clone3, &args, sizeof args);
    return pid < 0 ? -errno : pid;
}

/* For hosts whose system call filter answers ENOSYS to clone3. */
static long try_clone(uint64_t flags, int *pidfd)
{
    /* CLONE_NEWTIME would be read as a part of the signal's number. */
    flags = (flags & ~(uint64_t)CLONE_NEWTIME) | CLONE_PIDFD | SIGCHLD;
    long pid = syscall(SYS_clone, flags, 0, pidfd, 0, 0);
    return pid < 0 ? -errno : pid;
}

/* Find in a child, whose namespaces nobody misses, which one is refused. */
static const char *forbidden_namespace(uint64_t namespaces)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (!(namespaces & kinds[i].flag)) {
            continue;
        }
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
            _exit(unshare((int)kinds[i].flag) < 0);
        }
        if (pid > 0 && waitpid(pid, &status, 0) == pid && status != 0) {
            return kinds[i].name;
        }
    }
    return "these";
}

static int clone_failed(uint64_t namespaces, int errnum, struct imgc_err *reterr)
{
    switch (errnum) {
    case EPERM:
    case EACCES:
    case ENOSYS:
        return imgc_fail(reterr, IMGC_E_HOST,
                         geteuid() == 0 ? "this host forbids new %s namespaces (CAP_SYS_ADMIN is "
                                          "needed): start the container around imgc with "
                                          "--privileged, or run imgc outside of it"
                                        : "this host forbids new %s namespaces to ordinary users: "
                                          "run as root",
                         forbidden_namespace(namespaces));
    case ENOSPC:
    case EUSERS:
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this host allows no more %s namespaces (see /proc/sys/user/max_*)",
                         forbidden_namespace(namespaces));
    case EINVAL:
        return imgc_fail(reterr, IMGC_E_HOST, "this host's kernel lacks %s namespaces",
                         forbidden_namespace(namespaces));
    default:
        return imgc_fail_sys(reterr, errnum, "start the container's first process");
    }
}

int spawn_clone(uint64_t namespaces, int cgroup_fd, pid_t *ret_pid, int *ret_pidfd,
                struct imgc_err *reterr)
{
    int pidfd = -1;

    long pid = try_clone3(namespaces, cgroup_fd, &pidfd);
    if (pid == -EINVAL && (namespaces & CLONE_NEWTIME)) { /* a kernel before 5.6: without */
        namespaces &= ~(uint64_t)CLONE_NEWTIME;
        pid = try_clone3(namespaces, cgroup_fd, &pidfd);
    }
    if (pid < 0 && cgroup_fd >= 0) {
        pid = try_clone3(namespaces, -1, &pidfd); /* cgroup_add() will move it, or tell why not */
    }
    if (pid == -ENOSYS || pid == -EPERM) {
        pid = try_clone(namespaces, &pidfd);
    }
    if (pid < 0) {
        return clone_failed(namespaces, (int)-pid, reterr);
    }
    *ret_pid = (pid_t)pid;
    *ret_pidfd = pidfd;
    return 0;
}
