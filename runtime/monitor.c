/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/monitor_cgroup.h"
#include "runtime/slim.h"
#include "runtime/spawn.h"
#include "schema/base/fd.h"

/* Where the process has its files. */
enum { REPORT_FD = 3, KEPT_FD = 4, FIRST_FREE_FD = 5 };

/* ---- in the process ---- */

static bool to_null(int last_fd)
{
    imgc_autoclose int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int i = STDIN_FILENO; i <= last_fd; i++) {
        if (fd < 0 || dup2(fd, i) < 0) {
            return false;
        }
    }
    return true;
}

void monitor_ready(struct monitor *m)
{
    const struct imgc_err none = { .code = IMGC_OK };

    /* The command may be dead, which is no reason to end what runs. */
    (void)!write(m->report_fd, &none, sizeof none);
    imgc_closep(&m->report_fd);
    (void)to_null(STDERR_FILENO);
    slim_down();
}

/* @keep_fd is not closed meanwhile, whatever its number. */
static bool arrange_fds(int report_fd, int keep_fd)
{
    int report = fcntl(report_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    int kept = keep_fd >= 0 ? fcntl(keep_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD) : -1;

    if (report < 0 || (keep_fd >= 0 && kept < 0)) {
        return false;
    }
    (void)close(KEPT_FD);
    return dup3(report, REPORT_FD, O_CLOEXEC) >= 0 &&
           (kept < 0 || dup3(kept, KEPT_FD, O_CLOEXEC) >= 0) &&
           close_range(FIRST_FREE_FD, ~0U, 0) == 0;
}

/* Every signal waits for the relay, which hands it to the container; from the end of that on for
 * ever, so that nothing comes between the container's end and its being written down. */
static void block_signals(void)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
}

static _Noreturn void run(const struct monitor_args *args, int report_fd)
{
    struct monitor m = { .report_fd = REPORT_FD };
    struct imgc_err err = { .code = IMGC_OK };

    block_signals();
    (void)prctl(PR_SET_NAME, "imgc-monitor");
    if (!arrange_fds(report_fd, args->keep_fd) || !to_null(STDIN_FILENO) || setsid() < 0 ||
        chdir("/") < 0) {
        (void)imgc_fail_sys(&err, errno, "start the container's monitor");
        (void)!write(report_fd, &err, sizeof err);
        _exit(1);
    }
    int r = args->run(args->arg, &m, args->keep_fd >= 0 ? KEPT_FD : -1, &err);
    if (r < 0 && m.report_fd >= 0) {
        (void)!write(m.report_fd, &err, sizeof err);
    }
    _exit(r < 0 ? 1 : 0);
}

/* ---- in the command ---- */

static int await(int fd, pid_t pid, struct imgc_err *reterr)
{
    struct imgc_err said;
    ssize_t n;

    do {
        n = read(fd, &said, sizeof said);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof said) { /* below PIPE_BUF, so it comes whole */
        int status = 0;
        (void)waitpid(pid, &status, 0);
        return imgc_fail(reterr, IMGC_E_SYS, "the container's monitor was killed as it started");
    }
    if (said.code != IMGC_OK) {
        (void)waitpid(pid, NULL, 0); /* it ends now, and has cleaned up */
        *reterr = said;
        return -(int)said.code;
    }
    return 0;
}

/* Into the cgroup of monitors where there is one. @return 0; -SYS. */
static int start(pid_t *ret_pid, struct imgc_err *reterr)
{
    imgc_autoclose int cgroup_fd = -1, pid_fd = -1;
    struct imgc_err ignored;

    monitor_cgroup_open(&cgroup_fd);
    if (cgroup_fd >= 0 && spawn_clone(0, cgroup_fd, ret_pid, &pid_fd, &ignored) == 0) {
        return 0;
    }
    *ret_pid = fork();
    return *ret_pid < 0 ? imgc_fail_sys(reterr, errno, "start the container's monitor") : 0;
}

int monitor_start(const struct monitor_args *args, struct imgc_err *reterr)
{
    imgc_autoclose int read_fd = -1, write_fd = -1;
    pid_t pid = -1;
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0) {
        return imgc_fail_sys(reterr, errno, "make a pipe");
    }
    read_fd = fds[0];
    write_fd = fds[1];
    int r = start(&pid, reterr);
    if (r < 0) {
        return r;
    }
    if (pid == 0) {
        run(args, write_fd);
    }
    imgc_closep(&write_fd);
    return await(read_fd, pid, reterr);
}
