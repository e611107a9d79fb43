/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/freeze_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "schema/base/str.h"

/* Whatever ends the command, also a second Ctrl-C, is none of the guard's. */
static _Noreturn void guard(const char *cgroup, int fd)
{
    struct imgc_err ignored;
    ssize_t n;
    char word;

    (void)setsid();
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    do {
        n = read(fd, &word, 1);
    } while (n < 0 && errno == EINTR);
    if (n == 0) {
        (void)!cgroup_freeze_thaw(cgroup, &ignored);
    }
    _exit(0);
}

static void dismiss(struct freeze_guard *g)
{
    if (g->pid > 0) {
        (void)!write(g->fd, "", 1);
        while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    imgc_closep(&g->fd);
    free(g->cgroup);
    *g = (struct freeze_guard)FREEZE_GUARD_INIT;
}

int freeze_guard_begin(struct freeze_guard *g, const char *cgroup, struct imgc_err *reterr)
{
    imgc_autoclose int read_fd = -1;
    int fds[2] = { -1, -1 };

    int r = imgc_str_dup(imgc_str_of(cgroup), &g->cgroup, reterr);
    if (r == 0 && pipe2(fds, O_CLOEXEC) < 0) {
        r = imgc_fail_sys(reterr, errno, "pipe");
    }
    if (r < 0) {
        dismiss(g);
        return r;
    }
    read_fd = fds[0];
    g->fd = fds[1];
    pid_t pid = fork();
    if (pid == 0) {
        imgc_closep(&g->fd);
        guard(g->cgroup, read_fd);
    }
    r = pid < 0 ? imgc_fail_sys(reterr, errno, "fork") : 0;
    g->pid = pid > 0 ? pid : 0;
    r = r < 0 ? r : cgroup_freeze(cgroup, reterr); /* undone there where it fails */
    if (r < 0) {
        dismiss(g);
    }
    return r;
}

int freeze_guard_end(struct freeze_guard *g, struct imgc_err *reterr)
{
    int r = g->pid > 0 ? cgroup_freeze_thaw(g->cgroup, reterr) : 0;

    dismiss(g);
    return r;
}
