/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/out_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "schema/limits.h"

/* Where it goes. */
struct place {
    char *path; /* behind all links */
    struct stat old;
    bool has_old;
    bool is_open; /* a name of a file that somebody has open: not the file's own */
};

static void place_done(struct place *p)
{
    free(p->path);
}

/* Names below /dev/fd and /proc are of what is open; rename() would put a file beside it. */
static bool is_name_of_open(const char *path)
{
    struct imgc_str s = imgc_str_of(path);

    return imgc_str_starts(s, IMGC_STR("/proc/")) || imgc_str_starts(s, IMGC_STR("/dev/fd/")) ||
           imgc_str_starts(s, IMGC_STR("/dev/std"));
}

/* One link further. @return 0; 1 with another path; -SYS. */
static int follow(char **path, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    char target[LIMIT_PATH_BYTES];
    char *next = NULL;
    ssize_t n = readlink(*path, target, sizeof target);

    if (n < 0) { /* no link, or nothing at all */
        return 0;
    }
    const char *slash = strrchr(*path, '/');
    if (slash && target[0] != '/') {
        imgc_buf_add(&b, *path, (size_t)(slash - *path) + 1);
    }
    imgc_buf_add(&b, target, (size_t)n);
    int r = imgc_buf_take(&b, &next, reterr);
    if (r < 0) {
        return r;
    }
    free(*path);
    *path = next;
    return 1;
}

static int find_place(const char *path, struct place *ret, struct imgc_err *reterr)
{
    int r = imgc_str_dup(imgc_str_of(path), &ret->path, reterr);

    ret->has_old = stat(path, &ret->old) == 0;
    ret->is_open = is_name_of_open(path);
    for (unsigned i = 0; r == 0 && ret->path && !ret->is_open && i < LIMIT_SYMLINKS; i++) {
        r = follow(&ret->path, reterr);
        if (r == 0) {
            return 0;
        }
        ret->is_open = r > 0 && is_name_of_open(ret->path);
        r = r > 0 ? 0 : r;
    }
    return r;
}

static int write_standard(const struct out_file_args *args, struct imgc_err *reterr)
{
    if (args->out->out_is_closed) {
        return imgc_fail_sys(reterr, EBADF, "write to standard output");
    }
    if (isatty(STDOUT_FILENO)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "an archive is nothing for a terminal: name a file with --output, or "
                         "redirect standard output");
    }
    return args->write(args->arg, STDOUT_FILENO, reterr);
}

static bool is_standard(const struct place *p)
{
    struct stat st;

    return p->is_open && p->has_old && fstat(STDOUT_FILENO, &st) == 0 &&
           st.st_dev == p->old.st_dev && st.st_ino == p->old.st_ino;
}

/* Until it is on the disk. Some file systems cannot say so. */
static int sync_fd(int fd, const char *path, struct imgc_err *reterr)
{
    return fsync(fd) == 0 || errno == EINVAL || errno == ENOSYS || errno == EROFS
               ? 0
               : imgc_fail_sys(reterr, errno, "write '%s' to the disk", path);
}

static int write_over(const struct out_file_args *args, const struct place *p,
                      struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    bool is_file = p->has_old && S_ISREG(p->old.st_mode);

    int r = fd_open_at(AT_FDCWD, args->path, O_WRONLY | (is_file ? O_TRUNC : 0), 0, &fd, reterr);
    r = r < 0 ? r : args->write(args->arg, fd, reterr);
    return r < 0 || !is_file ? r : sync_fd(fd, args->path, reterr);
}

/* The name of the file, too. */
static int sync_directory(const char *path, struct imgc_err *reterr)
{
    imgc_autofree char *dir = NULL;
    imgc_autoclose int fd = -1;
    const char *slash = strrchr(path, '/');

    int r = !slash
                ? imgc_str_dup(IMGC_STR("."), &dir, reterr)
                : imgc_str_dup((struct imgc_str){ path, (size_t)(slash - path) + 1 }, &dir, reterr);
    r = r < 0 ? r : fd_open_at(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0, &fd, reterr);
    return r < 0 ? r : sync_fd(fd, dir, reterr);
}

static int publish(const struct place *p, const char *temporary, int fd, struct imgc_err *reterr)
{
    if (p->has_old && fchmod(fd, p->old.st_mode & 0777) < 0) {
        return imgc_fail_sys(reterr, errno, "set the mode of '%s'", temporary);
    }
    int r = sync_fd(fd, temporary, reterr);
    if (r == 0 && rename(temporary, p->path) < 0) {
        r = imgc_fail_sys(reterr, errno, "rename '%s' to '%s'", temporary, p->path);
    }
    if (r < 0) {
        return r;
    }
    struct imgc_err ignored; /* the file is there: a directory that may not be read is no failure */
    (void)!sync_directory(p->path, &ignored);
    return 0;
}

static int write_new(const struct out_file_args *args, const struct place *p,
                     struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf name = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    imgc_autoclose int fd = -1;
    struct imgc_str text;

    imgc_buf_printf(&name, "%s.imgc-%d", p->path, (int)getpid());
    int r = imgc_buf_finish(&name, &text, reterr);
    r = r < 0 ? r
              : fd_open_at(AT_FDCWD, text.ptr, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666, &fd,
                           reterr);
    if (r < 0) {
        bool is_closed_dir = reterr->sys == EACCES || reterr->sys == EPERM;
        return is_closed_dir && p->has_old ? write_over(args, p, reterr) : r;
    }
    r = args->write(args->arg, fd, reterr);
    r = r < 0 ? r : publish(p, text.ptr, fd, reterr);
    if (r < 0) {
        (void)unlink(text.ptr); /* of one that was renamed: not there any more */
    }
    return r;
}

int out_file_write(const struct out_file_args *args, struct imgc_err *reterr)
{
    imgc_auto(place_done) struct place p = { .path = NULL };

    if (!args->path || strcmp(args->path, "-") == 0) {
        return write_standard(args, reterr);
    }
    int r = find_place(args->path, &p, reterr);
    if (r < 0) {
        return r;
    }
    if (is_standard(&p)) {
        return write_standard(args, reterr);
    }
    return p.is_open || (p.has_old && !S_ISREG(p.old.st_mode)) ? write_over(args, &p, reterr)
                                                               : write_new(args, &p, reterr);
}
