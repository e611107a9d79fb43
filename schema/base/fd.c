/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BUFFER_BYTES 65536

void imgc_closep(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

int fd_open_at(int dir_fd, const char *path, int flags, mode_t mode, int *ret_fd,
               struct imgc_err *reterr)
{
    int fd = openat(dir_fd, path, flags | O_CLOEXEC, mode);
    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "open '%s'", path);
    }
    *ret_fd = fd;
    return 0;
}

int fd_open_dir_at(int dir_fd, const char *path, mode_t mode, int *ret_fd, struct imgc_err *reterr)
{
    if (mkdirat(dir_fd, path, mode) < 0 && errno != EEXIST) {
        return imgc_fail_sys(reterr, errno, "create directory '%s'", path);
    }
    return fd_open_at(dir_fd, path, O_RDONLY | O_DIRECTORY, 0, ret_fd, reterr);
}

int fd_mkdir_p(const char *path, mode_t mode, struct imgc_err *reterr)
{
    imgc_autofree char *copy = NULL;
    int r = imgc_str_dup(imgc_str_of(path), &copy, reterr);
    if (r < 0) {
        return r;
    }
    for (char *p = copy + 1; copy[0] != '\0'; p++) {
        if (*p != '/' && *p != '\0') {
            continue;
        }
        char saved = *p;
        *p = '\0';
        if (mkdir(copy, mode) < 0 && errno != EEXIST) {
            return imgc_fail_sys(reterr, errno, "create directory '%s'", copy);
        }
        *p = saved;
        if (saved == '\0') {
            break;
        }
    }
    return 0;
}

int fd_write_all(int fd, const void *ptr, size_t len, struct imgc_err *reterr)
{
    const char *p = ptr;

    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return imgc_fail_sys(reterr, errno, "write");
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int fd_read_some(int fd, void *ptr, size_t len, size_t *ret_len, struct imgc_err *reterr)
{
    ssize_t n;

    do {
        n = read(fd, ptr, len);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return imgc_fail_sys(reterr, errno, "read");
    }
    *ret_len = (size_t)n;
    return 0;
}

int fd_read_all(int fd, struct imgc_buf *b, struct imgc_err *reterr)
{
    char chunk[16384];
    size_t n = 0;

    do {
        int r = fd_read_some(fd, chunk, sizeof chunk, &n, reterr);
        if (r < 0) {
            return r;
        }
        imgc_buf_add(b, chunk, n);
    } while (n > 0 && b->state == IMGC_BUF_OK);

    struct imgc_str all;
    return imgc_buf_finish(b, &all, reterr);
}

/* The portable way of fd_copy_range(). */
static int copy_through_buffer(int from, uint64_t offset, int to, uint64_t offset_to, uint64_t len,
                               struct imgc_err *reterr)
{
    imgc_autofree char *buf = malloc(COPY_BUFFER_BYTES);
    if (!buf) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    while (len > 0) {
        size_t want = len < COPY_BUFFER_BYTES ? (size_t)len : COPY_BUFFER_BYTES;
        ssize_t n = pread(from, buf, want, (off_t)offset);
        if (n < 0) {
            return imgc_fail_sys(reterr, errno, "read");
        }
        if (n == 0) {
            return imgc_fail(reterr, IMGC_E_LAYER, "the data ends too early");
        }
        for (ssize_t done = 0; done < n;) {
            ssize_t w = pwrite(to, buf + done, (size_t)(n - done), (off_t)offset_to + done);
            if (w < 0) {
                return imgc_fail_sys(reterr, errno, "write");
            }
            done += w;
        }
        offset += (uint64_t)n;
        offset_to += (uint64_t)n;
        len -= (uint64_t)n;
    }
    return 0;
}

int fd_copy_range(int from, uint64_t offset, int to, uint64_t offset_to, uint64_t len,
                  struct imgc_err *reterr)
{
    while (len > 0) {
        off_t in = (off_t)offset, out = (off_t)offset_to;
        ssize_t n = copy_file_range(from, &in, to, &out, len, 0);
        if (n < 0 &&
            (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
            return copy_through_buffer(from, offset, to, offset_to, len, reterr);
        }
        if (n < 0) {
            return imgc_fail_sys(reterr, errno, "copy file data");
        }
        if (n == 0) {
            return imgc_fail(reterr, IMGC_E_LAYER, "the data ends too early");
        }
        offset += (uint64_t)n;
        offset_to += (uint64_t)n;
        len -= (uint64_t)n;
    }
    return 0;
}

static void closedirp(DIR **d)
{
    if (*d) {
        (void)closedir(*d);
    }
}

static bool is_dot(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* A tree deeper than this is taken apart from above: a process in a container can nest directories
 * without end, and fds and the stack have one. */
#define REMOVE_DEPTH_MAX 64

struct removal {
    dev_t dev; /* the tree's; other file systems are left alone */
    uint64_t bytes;
    int top_fd;         /* the tree's first directory, or -1 */
    unsigned n_hoisted; /* directories moved there from far below */
};

static int remove_entry(struct removal *rm, int dir_fd, const char *name, unsigned depth,
                        struct imgc_err *reterr);

/* Remove what is in @take_fd, which is @depth directories below the tree's parent. */
static int remove_children(struct removal *rm, int take_fd, unsigned depth, struct imgc_err *reterr)
{
    imgc_auto(closedirp) DIR *d = fdopendir(take_fd);
    if (!d) {
        int saved = errno;
        (void)close(take_fd);
        return imgc_fail_sys(reterr, saved, "list directory");
    }
    unsigned n_before;
    do {
        n_before = rm->n_hoisted;
        rewinddir(d);
        for (;;) {
            errno = 0;
            struct dirent *e = readdir(d);
            if (!e && errno) {
                return imgc_fail_sys(reterr, errno, "list directory");
            }
            if (!e) {
                break;
            }
            int r = is_dot(e->d_name) ? 0 : remove_entry(rm, dirfd(d), e->d_name, depth, reterr);
            if (r < 0) {
                return r;
            }
        }
    } while (depth == 1 && rm->n_hoisted != n_before); /* more has come in meanwhile */
    return 0;
}

/* Move a directory to the top of its tree, under a name that is not taken by anything with
 * content. */
static int hoist(struct removal *rm, int dir_fd, const char *name, struct imgc_err *reterr)
{
    char new_name[32];

    for (;;) {
        (void)snprintf(new_name, sizeof new_name, "imgc-deep-%u", rm->n_hoisted++);
        if (renameat(dir_fd, name, rm->top_fd, new_name) == 0) {
            return 0;
        }
        if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR) {
            return imgc_fail_sys(reterr, errno, "move '%s' up", name);
        }
    }
}

enum { REMOVE_HOISTED = 1 };

/* Empty a directory. @return 0; REMOVE_HOISTED: it is not there any more. */
static int remove_inside(struct removal *rm, int dir_fd, const char *name, mode_t mode,
                         unsigned depth, struct imgc_err *reterr)
{
    /* A directory that its owner may not read or change cannot be emptied by an ordinary
     * user; root passes either way. The open below refuses a link swapped in. */
    if ((mode & 0700) != 0700 && fchmodat(dir_fd, name, 0700, 0) < 0) {
        return imgc_fail_sys(reterr, errno, "open up '%s'", name);
    }
    if (depth > REMOVE_DEPTH_MAX) {
        int r = hoist(rm, dir_fd, name, reterr);
        return r < 0 ? r : REMOVE_HOISTED;
    }
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "open '%s'", name);
    }
    if (depth == 0) {
        rm->top_fd = fd; /* lives as long as the call below */
    }
    return remove_children(rm, fd, depth + 1, reterr);
}

static int remove_entry(struct removal *rm, int dir_fd, const char *name, unsigned depth,
                        struct imgc_err *reterr)
{
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : imgc_fail_sys(reterr, errno, "look at '%s'", name);
    }
    if (S_ISDIR(st.st_mode) && st.st_dev == rm->dev) {
        int r = remove_inside(rm, dir_fd, name, st.st_mode, depth, reterr);
        if (r != 0) {
            return r < 0 ? r : 0;
        }
    }
    if (unlinkat(dir_fd, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT) {
        return imgc_fail_sys(reterr, errno, "remove '%s'", name);
    }
    if (S_ISDIR(st.st_mode) || st.st_nlink <= 1) {
        rm->bytes += (uint64_t)st.st_blocks * 512;
    }
    return 0;
}

int fd_remove_tree(int dir_fd, const char *name, uint64_t *ret_bytes, struct imgc_err *reterr)
{
    struct removal rm = { .top_fd = -1 };
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : imgc_fail_sys(reterr, errno, "look at '%s'", name);
    }
    rm.dev = st.st_dev;
    int r = remove_entry(&rm, dir_fd, name, 0, reterr);
    if (ret_bytes) {
        *ret_bytes += rm.bytes;
    }
    return r;
}
