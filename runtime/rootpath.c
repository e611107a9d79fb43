/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/rootpath.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "schema/limits.h"

#define PATH_BYTES (LIMIT_PATH_BYTES + 1)
#define RETRIES 128 /* openat2 answers EAGAIN while somebody renames directories on the way */

/* @return an fd, or -errno. */
static int open_in_root(int root_fd, const char *path, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };

    for (int i = 0;; i++) {
        long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
        if (fd >= 0) {
            return (int)fd;
        }
        if (errno != EINTR && (errno != EAGAIN || i == RETRIES)) {
            return -errno;
        }
    }
}

static int open_failed(int errnum, const char *path, struct imgc_err *reterr)
{
    if (errnum == ENOSYS) {
        return imgc_fail(reterr, IMGC_E_HOST, "this host lacks openat2 (Linux 5.6 or later)");
    }
    return imgc_fail_sys(reterr, errnum, "open '%s' in the container's root", path);
}

int rootpath_open(int root_fd, const char *path, uint64_t flags, int *ret_fd,
                  struct imgc_err *reterr)
{
    int fd = open_in_root(root_fd, path, flags);
    if (fd == -ENOENT || fd == -ENOTDIR) {
        return ROOTPATH_MISSING;
    }
    if (fd < 0) {
        return open_failed(-fd, path, reterr);
    }
    *ret_fd = fd;
    return 0;
}

/* One component below a held directory; somebody else creating it first is fine. */
static int create_one(int parent_fd, const char *name, bool is_dir, struct imgc_err *reterr)
{
    if (is_dir) {
        if (mkdirat(parent_fd, name, 0755) < 0 && errno != EEXIST) {
            return imgc_fail_sys(reterr, errno, "create directory '%s' in the container's root",
                                 name);
        }
        return 0;
    }
    int fd = openat(parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        return errno == EEXIST
                   ? 0
                   : imgc_fail_sys(reterr, errno, "create file '%s' in the container's root", name);
    }
    (void)close(fd);
    return 0;
}

/* Where "PREFIX" dangles: put the text of that link in front of the rest of the path, so that the
 * walk creates what it points to. The kernel still resolves every ".." of it inside the root. */
static int follow_dangling(int link_fd, char path[PATH_BYTES], size_t prefix_len,
                           struct imgc_err *reterr)
{
    char target[PATH_BYTES], joined[2 * PATH_BYTES];

    ssize_t n = readlinkat(link_fd, "", target, sizeof target - 1);
    if (n < 0) {
        return imgc_fail_sys(reterr, errno, "read link '%s'", path);
    }
    target[n] = '\0';

    size_t parent_len = prefix_len;
    while (parent_len > 0 && path[parent_len - 1] != '/') {
        parent_len--;
    }
    int len = snprintf(joined, sizeof joined, "%.*s%s%s", target[0] == '/' ? 0 : (int)parent_len,
                       path, target, path + prefix_len);
    if (len < 0 || (size_t)len >= PATH_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a path over %d bytes behind link '%s'",
                         LIMIT_PATH_BYTES, path);
    }
    memcpy(path, joined, (size_t)len + 1);
    return 0;
}

struct walk {
    int root_fd;
    bool is_dir;
    char path[PATH_BYTES];
    unsigned links; /* dangling links followed so far */
};

enum { WALK_AGAIN = 1 };

/* Open the prefix of w->path that ends at @end, creating its last component where it is missing.
 * @return 0 with *ret_fd; WALK_AGAIN where the path was rewritten; negative. */
static int walk_step(struct walk *w, int parent_fd, size_t start, size_t end, int *ret_fd,
                     struct imgc_err *reterr)
{
    char prefix[PATH_BYTES];
    bool last = w->path[end] == '\0';
    bool want_dir = !last || w->is_dir;

    memcpy(prefix, w->path, end);
    prefix[end] = '\0';

    int fd = open_in_root(w->root_fd, prefix, O_PATH | (last ? 0u : O_DIRECTORY));
    if (fd == -ENOENT) {
        imgc_autoclose int link_fd =
            openat(parent_fd, prefix + start, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (link_fd >= 0) {
            if (++w->links > LIMIT_SYMLINKS) {
                return imgc_fail(reterr, IMGC_E_LIMIT, "over %d links behind '%s'", LIMIT_SYMLINKS,
                                 w->path);
            }
            int r = follow_dangling(link_fd, w->path, end, reterr);
            return r < 0 ? r : WALK_AGAIN;
        }
        int r = create_one(parent_fd, prefix + start, want_dir, reterr);
        if (r < 0) {
            return r;
        }
        fd = open_in_root(w->root_fd, prefix, O_PATH | (last ? 0u : O_DIRECTORY));
    }
    if (fd < 0) {
        return open_failed(-fd, prefix, reterr);
    }
    *ret_fd = fd;
    return 0;
}

/* One pass over w->path from its first component. */
static int walk_pass(struct walk *w, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int dir_fd = open_in_root(w->root_fd, "/", O_PATH | O_DIRECTORY);
    if (dir_fd < 0) {
        return open_failed(-dir_fd, "/", reterr);
    }
    for (size_t start = 0, end;; start = end) {
        start += strspn(w->path + start, "/");
        end = start + strcspn(w->path + start, "/");
        if (start == end) {
            break;
        }
        int fd = -1;
        int r = walk_step(w, dir_fd, start, end, &fd, reterr);
        if (r != 0) {
            return r;
        }
        imgc_closep(&dir_fd);
        dir_fd = fd;
    }
    *ret_fd = imgc_take_fd(dir_fd);
    return 0;
}

int rootpath_create(int root_fd, const char *path, bool is_dir, int *ret_fd,
                    struct imgc_err *reterr)
{
    int fd = open_in_root(root_fd, path, O_PATH);
    if (fd >= 0) {
        *ret_fd = fd;
        return 0;
    }
    if (fd != -ENOENT) {
        return open_failed(-fd, path, reterr);
    }

    struct walk w = { .root_fd = root_fd, .is_dir = is_dir };
    size_t len = strlen(path);
    if (len >= sizeof w.path) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a path over %d bytes", LIMIT_PATH_BYTES);
    }
    memcpy(w.path, path, len + 1);

    int r;
    do {
        r = walk_pass(&w, ret_fd, reterr);
    } while (r == WALK_AGAIN);
    return r;
}

int rootpath_system_dir(int root_fd, const char *name, int *ret_fd, struct imgc_err *reterr)
{
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

    int fd = openat(root_fd, name, flags);
    if (fd < 0 && errno == ENOENT) {
        int r = create_one(root_fd, name, true, reterr);
        if (r < 0) {
            return r;
        }
        fd = openat(root_fd, name, flags);
    }
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        return imgc_fail(reterr, IMGC_E_LAYER, "'/%s' of the image is not a directory", name);
    }
    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "open '/%s' in the container's root", name);
    }
    *ret_fd = fd;
    return 0;
}
