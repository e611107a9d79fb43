/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/dir_item.h"

#include <errno.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "schema/base/fd.h"

void dir_item_done(struct dir_item *i)
{
    imgc_closep(&i->fd);
}

/* O_NOATIME is for owners only, and a wish only. */
static int open_quietly(int dir_fd, const char *name, int flags)
{
    int fd = openat(dir_fd, name, flags | O_NOATIME);

    return fd < 0 && errno == EPERM ? openat(dir_fd, name, flags) : fd;
}

/* Open by the fd that shows what it is: nothing can take its place between the two. */
static int open_shared(int dir_fd, const char *name, struct dir_item *ret, struct imgc_err *reterr)
{
    imgc_autoclose int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    char path[sizeof "/proc/self/fd/" + 3 * sizeof fd];

    if (fd < 0 || fstat(fd, &ret->st) < 0) {
        return imgc_fail_sys(reterr, errno, "cannot read it");
    }
    if (!S_ISREG(ret->st.st_mode) && !S_ISDIR(ret->st.st_mode)) {
        ret->fd = imgc_take_fd(fd);
        return 0;
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ret->fd = open_quietly(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return ret->fd < 0 ? imgc_fail_sys(reterr, errno, "cannot read it") : 0;
}

/* Open @name without following it, and never a device, whose open() may do something. */
static int open_plainly(int dir_fd, const char *name, struct dir_item *ret, struct imgc_err *reterr)
{
    int flags = O_PATH;

    if (fstatat(dir_fd, name, &ret->st, AT_SYMLINK_NOFOLLOW) < 0) {
        return imgc_fail_sys(reterr, errno, "cannot read it");
    }
    if (S_ISREG(ret->st.st_mode)) {
        flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
    } else if (S_ISDIR(ret->st.st_mode)) {
        flags = O_RDONLY | O_DIRECTORY;
    }
    flags |= O_NOFOLLOW | O_CLOEXEC;
    ret->fd = flags & O_PATH ? openat(dir_fd, name, flags) : open_quietly(dir_fd, name, flags);
    mode_t type = ret->st.st_mode & S_IFMT;
    if (ret->fd < 0 || fstat(ret->fd, &ret->st) < 0) {
        return imgc_fail_sys(reterr, errno, "cannot read it");
    }
    if ((ret->st.st_mode & S_IFMT) != type) {
        return imgc_fail(reterr, IMGC_E_SYS, "it changed while it was read");
    }
    return 0;
}

int dir_item_open(int dir_fd, const char *name, bool is_shared, struct dir_item *ret,
                  struct imgc_err *reterr)
{
    return is_shared ? open_shared(dir_fd, name, ret, reterr)
                     : open_plainly(dir_fd, name, ret, reterr);
}

/* @scratch has LIMIT_XATTR_BYTES, as much as the kernel gives. */
static int add_xattr(const char *path, struct entry *e, const char *name, char *scratch,
                     struct imgc_err *reterr)
{
    ssize_t n = getxattr(path, name, scratch, LIMIT_XATTR_BYTES);

    if (n < 0) {
        return errno == ENODATA ? 0
                                : imgc_fail_sys(reterr, errno, "cannot read the xattr %s", name);
    }
    return entry_add_xattr(e, name, scratch, (size_t)n, reterr);
}

/* @scratch has twice LIMIT_XATTR_BYTES: the names, then one value. Through /proc, because an O_PATH
 * fd has no fgetxattr(); the link there leads to the file itself, even where that is a symbolic
 * link. */
static int read_xattrs(int fd, struct entry *e, char *scratch, struct imgc_err *reterr)
{
    char path[sizeof "/proc/self/fd/" + 3 * sizeof fd]; /* more digits than an int has */

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = listxattr(path, scratch, LIMIT_XATTR_BYTES);
    if (n < 0) {
        return errno == ENOTSUP ? 0 : imgc_fail_sys(reterr, errno, "cannot list the xattrs");
    }
    for (const char *name = scratch; name < scratch + n; name += strlen(name) + 1) {
        int r = entry_keeps_xattr(name)
                    ? add_xattr(path, e, name, scratch + LIMIT_XATTR_BYTES, reterr)
                    : 0;
        if (r < 0) {
            return r;
        }
    }
    entry_sort_xattrs(e);
    return 0;
}

static int read_extents(int fd, struct entry *e, struct imgc_err *reterr)
{
    off_t at = 0;

    while ((uint64_t)at < e->size) {
        off_t data = lseek(fd, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) {
            return 0; /* a hole to the end */
        }
        off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
        if (data < 0 || hole < 0) {
            return imgc_fail_sys(reterr, errno, "cannot find the file's data");
        }
        uint64_t end = (uint64_t)hole < e->size ? (uint64_t)hole : e->size;
        if (end <= (uint64_t)data) {
            return 0; /* it grew meanwhile */
        }
        struct extent x = { .file_offset = (uint64_t)data,
                            .source_offset = (uint64_t)data,
                            .len = end - (uint64_t)data };
        int r = entry_add_extent(e, &x, reterr);
        if (r < 0) {
            return r;
        }
        at = hole;
    }
    return 0;
}

static int read_target(int fd, struct entry *e, struct imgc_err *reterr)
{
    char target[LIMIT_PATH_BYTES + 1];
    ssize_t n = readlinkat(fd, "", target, sizeof target);

    if (n < 0) {
        return imgc_fail_sys(reterr, errno, "cannot read the symbolic link");
    }
    if (n > LIMIT_PATH_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a symbolic link of more than %d bytes",
                         LIMIT_PATH_BYTES);
    }
    return imgc_str_dup((struct imgc_str){ target, (size_t)n }, &e->target, reterr);
}

static enum entry_type type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return ENTRY_DIR;
    case S_IFLNK:
        return ENTRY_SYMLINK;
    case S_IFCHR:
        return ENTRY_CHAR;
    case S_IFBLK:
        return ENTRY_BLOCK;
    case S_IFIFO:
        return ENTRY_FIFO;
    default:
        return ENTRY_FILE;
    }
}

int dir_item_read(const struct dir_item *i, struct entry *e, char scratch[DIR_ITEM_SCRATCH_BYTES],
                  struct imgc_err *reterr)
{
    int r = 0;

    e->type = type_of(i->st.st_mode);
    e->mode = i->st.st_mode & 07777;
    e->uid = i->st.st_uid;
    e->gid = i->st.st_gid;
    e->mtime_s = i->st.st_mtim.tv_sec;
    e->mtime_ns = (uint32_t)i->st.st_mtim.tv_nsec;
    if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK) {
        e->major = major(i->st.st_rdev);
        e->minor = minor(i->st.st_rdev);
    } else if (e->type == ENTRY_SYMLINK) {
        r = read_target(i->fd, e, reterr);
    } else if (e->type == ENTRY_FILE) {
        e->size = (uint64_t)i->st.st_size;
        r = read_extents(i->fd, e, reterr);
    }
    return r < 0 ? r : read_xattrs(i->fd, e, scratch, reterr);
}
