/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lock.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "store/paths.h"
#include "store/store_handle.h"

static int open_file(struct store *s, const char *path, int *ret_fd, struct imgc_err *reterr)
{
    int r = fd_open_at(s->root_fd, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, ret_fd, reterr);
    return r < 0 ? imgc_context(reterr, "store '%s'", s->root) : 0;
}

/* Whoever had the lock before may have unlinked the file: then a lock on it guards nothing. */
static bool is_still_there(int fd, int dir_fd, const char *path)
{
    struct stat mine, there;

    return fstat(fd, &mine) == 0 && fstatat(dir_fd, path, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

int lock_take(struct store *s, const struct digest *digest, bool wait, struct lock *ret,
              struct imgc_err *reterr)
{
    char path[PATHS_MAX];

    (void)paths_lock(digest, path);
    for (;;) {
        imgc_autoclose int fd = -1;
        struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        int r = open_file(s, path, &fd, reterr);
        if (r < 0) {
            return r;
        }
        if (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &whole) < 0) {
            if (!wait && (errno == EAGAIN || errno == EACCES)) {
                return LOCK_HELD_ELSEWHERE;
            }
            return imgc_fail_sys(reterr, errno, "wait for another imgc that fetches the same");
        }
        if (is_still_there(fd, s->root_fd, path)) {
            *ret = (struct lock){ .fd = imgc_take_fd(fd), .digest = *digest, .dir_fd = s->root_fd };
            return 0;
        }
    }
}

void lock_release(struct lock *l)
{
    char path[PATHS_MAX];

    if (l->fd >= 0) {
        /* Unlinked while held: who waits for it sees that and starts again with a new file. */
        (void)unlinkat(l->dir_fd, paths_lock(&l->digest, path), 0);
        imgc_closep(&l->fd);
    }
}

static void closedirp(DIR **d)
{
    if (*d) {
        (void)closedir(*d);
    }
}

static void remove_if_free(int dir_fd, const char *name)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    imgc_autoclose int fd = openat(dir_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &whole) == 0 && is_still_there(fd, dir_fd, name)) {
        (void)unlinkat(dir_fd, name, 0);
    }
}

int lock_sweep(struct store *s, struct imgc_err *reterr)
{
    int fd = -1;

    int r = fd_open_at(s->root_fd, PATHS_LOCKS, O_RDONLY | O_DIRECTORY, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    imgc_auto(closedirp) DIR *d = fdopendir(fd);
    if (!d) {
        int saved = errno;
        (void)close(fd);
        return imgc_fail_sys(reterr, saved, "list the locks of '%s'", s->root);
    }
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (e->d_name[0] != '.') {
            remove_if_free(dirfd(d), e->d_name);
        }
    }
    return 0;
}
