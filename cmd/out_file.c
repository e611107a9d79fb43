/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/out_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "schema/limits.h"

#define OVERFLOW_UID 65534 /* as the kernel shows those that have no number here */

/* Where it goes. */
struct place {
    char *path; /* behind all links */
    struct stat old;
    bool has_old;
    bool is_open;  /* a name of a file that somebody has open: not the file's own */
    bool is_mount; /* which no rename() replaces */
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

/* What the kernel does where fs.protected_symlinks is on, done here for links that are followed by
 * hand: in a directory where everybody makes files, and nobody removes others', only links of one's
 * own or of the directory's owner lead anywhere. */
static bool may_follow(const struct stat *dir, const struct stat *link)
{
    bool is_shared = (dir->st_mode & (S_ISVTX | S_IWOTH)) == (S_ISVTX | S_IWOTH);
    bool has_owner = dir->st_uid != OVERFLOW_UID; /* else each has any of many */

    return !is_shared || link->st_uid == geteuid() || (has_owner && link->st_uid == dir->st_uid);
}

/* @path's directory with its slash, "" for the one that we are in. */
static struct imgc_str directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return (struct imgc_str){ path, slash ? (size_t)(slash - path) + 1 : 0 };
}

/* What link @path is. @ret_fd  of the link itself; -1: it is none, or there is nothing.
 * @return 0; -SYS, of a link that is not to be followed, too. */
static int open_link(const char *path, int *ret_fd, struct imgc_err *reterr)
{
    struct imgc_str parent = directory_of(path);
    imgc_autofree char *dir = NULL;
    imgc_autoclose int dir_fd = -1, fd = -1;
    struct stat dir_st, st;

    *ret_fd = -1;
    int r = imgc_str_dup(parent.len > 0 ? parent : IMGC_STR("."), &dir, reterr);
    r = r < 0 ? r : fd_open_at(AT_FDCWD, dir, O_PATH | O_DIRECTORY, 0, &dir_fd, reterr);
    r = r < 0 ? r : fd_open_at(dir_fd, path + parent.len, O_PATH | O_NOFOLLOW, 0, &fd, reterr);
    if (r < 0) {
        return reterr->sys == ENOENT ? 0 : r; /* whoever makes the file tells */
    }
    if (fstat(dir_fd, &dir_st) < 0 || fstat(fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at '%s'", path);
    }
    if (!S_ISLNK(st.st_mode)) {
        return 0;
    }
    if (!may_follow(&dir_st, &st)) {
        return imgc_fail_sys(reterr, EACCES, "follow '%s', somebody else's link", path);
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}

/* One link further. @return 0: there is none; 1 with another path; -SYS. */
static int follow(char **path, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    imgc_autoclose int fd = -1;
    char target[LIMIT_PATH_BYTES];
    char *next = NULL;

    int r = open_link(*path, &fd, reterr);
    if (r < 0 || fd < 0) {
        return r;
    }
    ssize_t n = readlinkat(fd, "", target, sizeof target);
    if (n < 0) {
        return imgc_fail_sys(reterr, errno, "read the link '%s'", *path);
    }
    if (target[0] != '/') {
        imgc_buf_str(&b, directory_of(*path));
    }
    imgc_buf_add(&b, target, (size_t)n);
    r = imgc_buf_take(&b, &next, reterr);
    if (r < 0) {
        return r;
    }
    free(*path);
    *path = next;
    return 1;
}

/* All links of p->path. @return 0; -SYS. */
static int follow_all(struct place *p, struct imgc_err *reterr)
{
    for (unsigned i = 0; p->path && i < LIMIT_SYMLINKS; i++) {
        p->is_open = is_name_of_open(p->path);
        int r = p->is_open ? 0 : follow(&p->path, reterr);
        if (r <= 0) {
            return r;
        }
    }
    return imgc_fail_sys(reterr, ELOOP, "open '%s'", p->path);
}

/* What is there. A name of what is open is a link of the kernel's, which leads to that. */
static int look(struct place *p, struct imgc_err *reterr)
{
    struct statx sx;

    if (fstatat(AT_FDCWD, p->path, &p->old, p->is_open ? 0 : AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : imgc_fail_sys(reterr, errno, "look at '%s'", p->path);
    }
    p->has_old = true;
    p->is_mount = statx(AT_FDCWD, p->path, AT_SYMLINK_NOFOLLOW, 0, &sx) == 0 &&
                  (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    return 0;
}

static int find_place(const char *path, struct place *ret, struct imgc_err *reterr)
{
    int r = imgc_str_dup(imgc_str_of(path), &ret->path, reterr);

    r = r < 0 ? r : follow_all(ret, reterr);
    return r < 0 ? r : look(ret, reterr);
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

    int flags = O_WRONLY | (is_file ? O_TRUNC : 0) | (p->is_open ? 0 : O_NOFOLLOW);

    int r = fd_open_at(AT_FDCWD, p->path, flags, 0, &fd, reterr);
    r = r < 0 ? r : args->write(args->arg, fd, reterr);
    return r < 0 || !is_file ? r : sync_fd(fd, p->path, reterr);
}

/* The name of the file, too. */
static int sync_directory(const char *path, struct imgc_err *reterr)
{
    imgc_autofree char *dir = NULL;
    imgc_autoclose int fd = -1;
    struct imgc_str parent = directory_of(path);

    int r = imgc_str_dup(parent.len > 0 ? parent : IMGC_STR("."), &dir, reterr);
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
    uint32_t random;

    /* A killed one leaves its own, and process IDs come again. */
    if (getrandom(&random, sizeof random, 0) != sizeof random) {
        return imgc_fail_sys(reterr, errno, "get random bytes");
    }
    imgc_buf_printf(&name, "%s.imgc-%08x", p->path, (unsigned)random);
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
    bool is_special = p.has_old && !S_ISREG(p.old.st_mode);
    return p.is_open || p.is_mount || is_special ? write_over(args, &p, reterr)
                                                 : write_new(args, &p, reterr);
}
