/* SPDX-License-Identifier: Apache-2.0 */
#include "store/background.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "store/paths.h"
#include "store/store_handle.h"

/* Where the background process has its files; everything else of the command is closed. */
enum { LOCK_FD = 3, ROOT_FD = 4, OTHER_FDS = 5 };

#define NICENESS 19

/* ---- the background process ---- */

static bool has_note(void)
{
    struct stat st;

    return fstat(LOCK_FD, &st) == 0 && st.st_size > 0;
}

static void run_round(struct store *s, const struct background_args *args)
{
    struct imgc_err ignored;

    (void)!ftruncate(LOCK_FD, 0);
    for (size_t i = 0; i < args->n_chores; i++) {
        (void)!args->chores[i].run(s, &ignored);
    }
}

/* Who leaves a note and then finds the lock taken relies on us: so the note is looked at once more
 * when the lock is free again. */
static void run_rounds(struct store *s, const struct background_args *args)
{
    do {
        do {
            run_round(s, args);
        } while (has_note());
        (void)flock(LOCK_FD, LOCK_UN);
    } while (has_note() && flock(LOCK_FD, LOCK_EX | LOCK_NB) == 0);
}

/* Signals as a process has them from the start: the command's handlers only take notes. */
static void reset_signals(void)
{
    static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD };
    const struct sigaction default_action = { .sa_handler = SIG_DFL };
    sigset_t none;

    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++) {
        (void)sigaction(caught[i], &default_action, NULL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Out of everybody's way, under a name that a list of processes explains. */
static void step_back(void)
{
    (void)prctl(PR_SET_NAME, "imgc-background");
    (void)setpriority(PRIO_PROCESS, 0, NICENESS);
    (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
    (void)umask(077);
}

/* The caller's pipes, locks and directories must not stay in use as long as the disk takes. */
static bool keep_only(int lock_fd, int root_fd)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int lock = fcntl(lock_fd, F_DUPFD_CLOEXEC, OTHER_FDS);
    int root = fcntl(root_fd, F_DUPFD_CLOEXEC, OTHER_FDS);

    if (null_fd < 0 || lock < 0 || root < 0) {
        return false;
    }
    for (int fd = 0; fd < LOCK_FD; fd++) {
        if (dup2(null_fd, fd) < 0) {
            return false;
        }
    }
    return dup2(lock, LOCK_FD) >= 0 && dup2(root, ROOT_FD) >= 0 &&
           close_range(OTHER_FDS, ~0U, 0) == 0 && chdir("/") == 0;
}

/* The directories that a handle keeps open were closed with the rest. */
static int open_again(struct store *s, struct imgc_err *reterr)
{
    s->root_fd = ROOT_FD;
    int r = fd_open_at(ROOT_FD, PATHS_LAYERS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &s->layers_fd,
                       reterr);
    if (r == 0) {
        r = fd_open_at(ROOT_FD, PATHS_CONTAINERS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                       &s->containers_fd, reterr);
    }
    return r < 0 ? r : store_attach(s, reterr);
}

static _Noreturn void run_in_background(struct store *s, const struct background_args *args,
                                        int lock_fd)
{
    struct imgc_err err;

    reset_signals();
    step_back();
    if (!keep_only(lock_fd, s->root_fd) || open_again(s, &err) < 0) {
        _exit(1);
    }
    run_rounds(s, args);
    store_detach(s);
    _exit(0);
}

/* ---- the command's side ---- */

/* Nobody's child: a command that goes on need not wait for it in the end. One that ends now leaves
 * it behind at once, and is not kept until the child has had its turn of a busy processor. */
static _Noreturn void run_child(struct store *s, const struct background_args *args, int lock_fd)
{
    if (setsid() < 0) {
        _exit(1);
    }
    pid_t pid = args->is_last ? 0 : fork();
    if (pid == 0) {
        run_in_background(s, args, lock_fd);
    }
    _exit(pid < 0 ? 1 : 0);
}

static int start(struct store *s, const struct background_args *args, int lock_fd,
                 struct imgc_err *reterr)
{
    pid_t pid = fork();

    if (pid < 0) {
        return imgc_fail_sys(reterr, errno, "start the background process");
    }
    if (pid == 0) {
        run_child(s, args, lock_fd);
    }
    int status = 0;
    while (!args->is_last && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status == 0 ? 0 : imgc_fail(reterr, IMGC_E_SYS, "start the background process");
}

/* @ret_fd holds the lock: the child inherits it, so that there is no moment without. -1: another
 * process runs, and the note is left for it. A size needs no block: there is room on a full disk.
 */
static int leave_note(const struct store *s, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r =
        fd_open_at(s->root_fd, PATHS_BACKGROUND, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &fd, reterr);
    if (r < 0) {
        return r;
    }
    if (ftruncate(fd, 1) < 0) {
        return imgc_fail_sys(reterr, errno, "write '%s/" PATHS_BACKGROUND "'", s->root);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *ret_fd = imgc_take_fd(fd);
        return 0;
    }
    return errno == EWOULDBLOCK
               ? 0
               : imgc_fail_sys(reterr, errno, "lock '%s/" PATHS_BACKGROUND "'", s->root);
}

int background_start(struct store *s, const struct background_args *args, struct imgc_err *reterr)
{
    imgc_autoclose int lock_fd = -1;
    struct imgc_err err;

    int r = leave_note(s, &lock_fd, reterr);
    if (r < 0) {
        return imgc_context(reterr, "start the background process");
    }
    if (lock_fd < 0) {
        return 0;
    }
    /* SQLite forbids a connection to live on in a forked child, even to be closed there. */
    store_detach(s);
    r = start(s, args, lock_fd, reterr);
    int attached = args->is_last ? 0 : store_attach(s, &err);
    if (r == 0 && attached < 0) {
        *reterr = err;
        r = attached;
    }
    return r;
}
