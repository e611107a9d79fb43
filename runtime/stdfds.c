/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/stdfds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/become.h"
#include "schema/base/fd.h"

/* Not a pipe that has a name: it is a file of the host, whose owner and mode could be changed. A
 * null device becomes the container's own: become_stdio(). */
static bool may_be_given(int fd, const struct stat *st)
{
    struct statfs fs;

    return S_ISSOCK(st->st_mode) || become_is_null(fd) ||
           (S_ISFIFO(st->st_mode) && fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC);
}

static int look_at(int fd, struct stat *ret, struct imgc_err *reterr)
{
    return fstat(fd, ret) < 0 ? imgc_fail_sys(reterr, errno, "look at standard fd %d", fd) : 0;
}

static int make_pipe(int *ret_read_fd, int *ret_write_fd, struct imgc_err *reterr)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0) {
        return imgc_fail_sys(reterr, errno, "make a pipe");
    }
    *ret_read_fd = fds[0];
    *ret_write_fd = fds[1];
    return 0;
}

static int make_input(struct stdfds *s, bool detached, struct imgc_err *reterr)
{
    struct stat st;

    int r = detached ? 0 : look_at(STDIN_FILENO, &st, reterr);
    if (r < 0 || (!detached && may_be_given(STDIN_FILENO, &st))) {
        return r;
    }
    return make_pipe(&s->container_fds[STDIN_FILENO], &s->in_fd, reterr);
}

static int make_outputs(struct stdfds *s, bool logged, bool foreign, struct imgc_err *reterr)
{
    struct stat st[2];

    for (int i = 0; i < 2; i++) {
        int r = look_at(STDOUT_FILENO + i, &st[i], reterr);
        if (r == 0 && i == 1 && !logged && s->container_fds[STDOUT_FILENO] >= 0 &&
            st[0].st_dev == st[1].st_dev && st[0].st_ino == st[1].st_ino) {
            int fd = fcntl(s->container_fds[STDOUT_FILENO], F_DUPFD_CLOEXEC, 0);
            if (fd < 0) {
                return imgc_fail_sys(reterr, errno, "duplicate a pipe");
            }
            s->container_fds[STDERR_FILENO] = fd;
            return 0;
        }
        if (r == 0 && (logged || foreign || !may_be_given(STDOUT_FILENO + i, &st[i]))) {
            r = make_pipe(&s->out_fds[i], &s->container_fds[STDOUT_FILENO + i], reterr);
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int stdfds_make(const struct spec *spec, bool logged, bool detached, bool foreign,
                struct stdfds *ret, struct imgc_err *reterr)
{
    if (spec->terminal) {
        return 0; /* all three are its own terminal */
    }
    int r = spec->interactive ? make_input(ret, detached || foreign, reterr) : 0;
    return r < 0 ? r : make_outputs(ret, logged || detached, foreign, reterr);
}

void stdfds_close_container_ends(struct stdfds *s)
{
    for (int i = 0; i < 3; i++) {
        imgc_closep(&s->container_fds[i]);
    }
}

void stdfds_done(struct stdfds *s)
{
    stdfds_close_container_ends(s);
    imgc_closep(&s->in_fd);
    imgc_closep(&s->out_fds[0]);
    imgc_closep(&s->out_fds[1]);
}
