/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/join.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "schema/base/fd.h"

#ifndef CLONE_NEWTIME
#    define CLONE_NEWTIME 0x00000080
#endif

#define STAT_BYTES_MAX 2048 /* as in process.c */
#define FLAGS_FIELD 9
#define NOT_EXECUTED_YET 0x40 /* PF_FORKNOEXEC of linux/sched.h; stable since it is shown */

#define READY_STEP_MS 2
#define READY_STEPS 5000

static const struct {
    const char *name;
    int flag;
} kinds[] = {
    { "user", CLONE_NEWUSER }, { "mnt", CLONE_NEWNS },        { "pid", CLONE_NEWPID },
    { "net", CLONE_NEWNET },   { "ipc", CLONE_NEWIPC },       { "uts", CLONE_NEWUTS },
    { "time", CLONE_NEWTIME }, { "cgroup", CLONE_NEWCGROUP },
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

void join_done(struct join *j)
{
    imgc_closep(&j->pid_fd);
    imgc_closep(&j->proc_fd);
}

static bool means_gone(int errnum)
{
    return errnum == ESRCH || errnum == ENOENT;
}

int join_read(const struct join *j, const char *name, struct imgc_buf *b, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = fd_open_at(j->proc_fd, name, O_RDONLY, 0, &fd, reterr);
    r = r < 0 ? r : fd_read_all(fd, b, reterr);
    return r < 0 && means_gone(reterr->sys) ? JOIN_GONE : r;
}

static int hold(const struct process_id *init, struct join *j, struct imgc_err *reterr)
{
    char path[32];

    j->pid_fd = pidfd_open(init->pid, 0);
    if (j->pid_fd < 0) {
        return errno == ESRCH    ? JOIN_GONE
               : errno == ENOSYS ? imgc_fail(reterr, IMGC_E_HOST, "this host's kernel is too old")
                                 : imgc_fail_sys(reterr, errno, "hold process %d", (int)init->pid);
    }
    (void)snprintf(path, sizeof path, "/proc/%d", (int)init->pid);
    int r = fd_open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, &j->proc_fd, reterr);
    if (r < 0) {
        return means_gone(reterr->sys) ? JOIN_GONE : r;
    }
    /* Both fds were opened before this, so they mean the process that is looked at here. */
    return process_alive(init) ? 0 : JOIN_GONE;
}

/* The name between parentheses is the process's own choice; what follows the last ')' is not. */
static bool parse_flags(struct imgc_str text, uint64_t *ret)
{
    struct imgc_str head, rest, field;

    if (!imgc_str_rsplit(text, ')', &head, &rest) || !imgc_str_skip(&rest, IMGC_STR(" "))) {
        return false;
    }
    for (int i = 3; imgc_str_token(&rest, ' ', &field); i++) {
        if (i == FLAGS_FIELD) {
            return imgc_str_u64(field, ret);
        }
    }
    return false;
}

enum { NOT_READY = 2 };

static int look_at_start(const struct join *j, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(STAT_BYTES_MAX);
    uint64_t flags = 0;

    int r = join_read(j, "stat", &b, reterr);
    if (r != 0) {
        return r;
    }
    if (!parse_flags((struct imgc_str){ b.ptr, b.len }, &flags)) {
        return imgc_fail(reterr, IMGC_E_SYS, "/proc/PID/stat has an unknown form");
    }
    return flags & NOT_EXECUTED_YET ? NOT_READY : 0;
}

static int await_ready(const struct join *j, struct imgc_err *reterr)
{
    static const struct timespec step = { 0, READY_STEP_MS * 1000000L };

    for (int i = 0; i < READY_STEPS; i++) {
        int r = look_at_start(j, reterr);
        if (r != NOT_READY) {
            return r;
        }
        (void)nanosleep(&step, NULL);
    }
    return imgc_fail(reterr, IMGC_E_INUSE, "the container is still being started");
}

static int find_namespaces(struct join *j, struct imgc_err *reterr)
{
    j->namespaces = 0;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct stat own, theirs;
        char name[16], path[32];

        (void)snprintf(name, sizeof name, "ns/%s", kinds[i].name);
        (void)snprintf(path, sizeof path, "/proc/self/%s", name);
        if (stat(path, &own) < 0) {
            continue; /* a kernel without this kind */
        }
        if (fstatat(j->proc_fd, name, &theirs, 0) < 0) {
            return means_gone(errno)
                       ? JOIN_GONE
                       : imgc_fail(reterr, IMGC_E_HOST,
                                   "this host withholds the namespaces of the container: %s",
                                   strerrordesc_np(errno));
        }
        if (own.st_ino != theirs.st_ino || own.st_dev != theirs.st_dev) {
            j->namespaces |= kinds[i].flag;
        }
    }
    j->shares_user_namespace = !(j->namespaces & CLONE_NEWUSER);
    /* Without one "/" would stay the host's. */
    return j->namespaces & CLONE_NEWNS
               ? 0
               : imgc_fail(reterr, IMGC_E_HOST, "the container has no mount namespace of its own");
}

static int find_groups(struct join *j, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(16);

    int r = join_read(j, "setgroups", &b, reterr);
    j->denies_groups = r == 0 && !j->shares_user_namespace &&
                       imgc_str_eq((struct imgc_str){ b.ptr, b.len }, IMGC_STR("deny\n"));
    return r;
}

int join_open(const struct process_id *init, struct join *ret, struct imgc_err *reterr)
{
    join_auto struct join j = JOIN_INIT;

    int r = hold(init, &j, reterr);
    r = r != 0 ? r : await_ready(&j, reterr);
    r = r != 0 ? r : find_namespaces(&j, reterr);
    r = r != 0 ? r : find_groups(&j, reterr);
    if (r != 0) {
        return r;
    }
    *ret = j;
    j = (struct join)JOIN_INIT;
    return 0;
}

int join_enter(const struct join *j, struct imgc_err *reterr)
{
    if (setns(j->pid_fd, j->namespaces) == 0) {
        return 0;
    }
    switch (errno) {
    case ESRCH:
        return JOIN_GONE;
    case EINVAL:
    case ENOSYS:
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this host's kernel is too old to join namespaces by pidfd (Linux 5.8)");
    default:
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this host forbids joining the namespaces of the container: %s",
                         strerrordesc_np(errno));
    }
}
