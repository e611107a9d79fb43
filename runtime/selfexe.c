/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/selfexe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The kernel wants the options of PTRACE_SEIZE, and signals, as "addresses". */
static void *as_address(uintptr_t value)
{
    return (void *)value; /* NOLINT(performance-no-int-to-ptr) */
}

static int guard(pid_t pid, uintptr_t options, struct imgc_err *reterr)
{
    options |= PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SEIZE, pid, NULL, as_address(options)) < 0) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this host forbids ptrace, which imgc guards its own binary with (not "
                         "under strace or a debugger; see kernel.yama.ptrace_scope): %s",
                         strerrordesc_np(errno));
    }
    return 0;
}

int selfexe_guard(pid_t pid, struct imgc_err *reterr)
{
    return guard(pid, 0, reterr);
}

int selfexe_guard_family(pid_t pid, struct imgc_err *reterr)
{
    return guard(pid, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORK, reterr);
}

static int identify(const char *path, struct statx *ret, struct imgc_err *reterr)
{
    if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_MNT_ID, ret) < 0) {
        if (errno == EACCES || errno == EPERM) {
            return imgc_fail(reterr, IMGC_E_HOST,
                             "this host withholds CAP_SYS_PTRACE, which imgc needs to run a "
                             "container as another user than root");
        }
        return imgc_fail_sys(reterr, errno, "look at '%s'", path);
    }
    return 0;
}

static int check(pid_t pid, struct imgc_err *reterr)
{
    struct statx own = { .stx_ino = 0 }, theirs = { .stx_ino = 0 };
    char path[32];

    (void)snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    int r = identify("/proc/self/exe", &own, reterr);
    if (r == 0) {
        r = identify(path, &theirs, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (own.stx_ino == theirs.stx_ino && own.stx_dev_major == theirs.stx_dev_major &&
        own.stx_dev_minor == theirs.stx_dev_minor && own.stx_mnt_id == theirs.stx_mnt_id) {
        return imgc_fail(reterr, IMGC_E_NOEXEC,
                         "the command leads to imgc's own binary on the host through "
                         "/proc/self/exe: the image is hostile");
    }
    return 0;
}

static bool is_event(int status, int event)
{
    return status >> 8 == (SIGTRAP | (event << 8));
}

/* What a stop of @pid means. @return as selfexe_poll(). */
static int look_at_stop(pid_t pid, int status, pid_t *ret_child, struct imgc_err *reterr)
{
    if (is_event(status, PTRACE_EVENT_EXEC)) {
        int r = check(pid, reterr);
        if (r < 0) {
            (void)kill(pid, SIGKILL);
            return r;
        }
        (void)ptrace(PTRACE_DETACH, pid, NULL, NULL); /* ESRCH: killed meanwhile, reaped later */
        return 0;
    }
    if (is_event(status, PTRACE_EVENT_FORK) || is_event(status, PTRACE_EVENT_CLONE) ||
        is_event(status, PTRACE_EVENT_VFORK)) {
        unsigned long child = 0;
        (void)ptrace(PTRACE_GETEVENTMSG, pid, NULL, &child);
        (void)ptrace(PTRACE_CONT, pid, NULL, NULL);
        *ret_child = (pid_t)child;
        return SELFEXE_CLONED;
    }
    /* A signal on its way: let it through. */
    int signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
    (void)ptrace(PTRACE_CONT, pid, NULL, as_address((uintptr_t)signal));
    return SELFEXE_PENDING;
}

static int wait_once(pid_t pid, int flags, int *ret_status, pid_t *ret_child,
                     struct imgc_err *reterr)
{
    int status = 0;

    pid_t found = waitpid(pid, &status, __WALL | flags);
    if (found < 0 && errno != EINTR) {
        return imgc_fail_sys(reterr, errno, "wait for the container's first process");
    }
    if (found <= 0) {
        return SELFEXE_PENDING;
    }
    if (WIFSTOPPED(status)) {
        return look_at_stop(pid, status, ret_child, reterr);
    }
    *ret_status = status;
    return SELFEXE_EXITED;
}

int selfexe_poll(pid_t pid, int *ret_status, pid_t *ret_child, struct imgc_err *reterr)
{
    return wait_once(pid, WNOHANG, ret_status, ret_child, reterr);
}

int selfexe_wait(pid_t pid, int *ret_status, struct imgc_err *reterr)
{
    pid_t child = 0;
    int r;

    do {
        r = wait_once(pid, 0, ret_status, &child, reterr);
    } while (r == SELFEXE_PENDING || r == SELFEXE_CLONED);
    return r;
}
