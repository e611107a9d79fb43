/* SPDX-License-Identifier: Apache-2.0 */
#include "store/behind.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "store/store_handle.h"

static int remove_tree(struct store *s, const char *path, struct imgc_err *reterr)
{
    int r = fd_remove_tree(s->root_fd, path, NULL, reterr);
    return r < 0 && reterr->sys == ENOENT ? 0 : r; /* gc_collect() was faster */
}

/* The caller's pipes must not stay open as long as this takes. What the other end of a pipe or a
 * service manager sends to all that is left of a command does not stop it half way. */
static bool step_away(int root_fd)
{
    static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    const struct sigaction ignore = { .sa_handler = SIG_IGN };

    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
        (void)sigaction(ignored[i], &ignore, NULL);
    }
    (void)setsid();
    (void)prctl(PR_SET_NAME, "imgc-remove");
    return (root_fd == 0 || close_range(0, (unsigned)root_fd - 1, 0) == 0) &&
           close_range((unsigned)root_fd + 1, ~0U, 0) == 0 && fchdir(root_fd) == 0;
}

int behind_remove(struct store *s, const char *path, int *hold_fd, struct imgc_err *reterr)
{
    struct imgc_err ignored;

    /* What process 1 leaves behind, the kernel kills at once. */
    pid_t pid = getpid() == 1 ? -1 : fork();
    if (pid == 0) {
        /* The index's connection is left as it is: SQLite forbids even closing it here. */
        _exit(step_away(s->root_fd) && remove_tree(s, path, &ignored) == 0 ? 0 : 1);
    }
    imgc_closep(hold_fd); /* at once, so that the last close is not the command's */
    return pid > 0 ? 0 : remove_tree(s, path, reterr);
}
