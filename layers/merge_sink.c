/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/merge_sink.h"

#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "layers/dir_sink_inode.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define PATH_BYTES (2 * LIMIT_PATH_BYTES + 2)
#define RETRIES 128 /* openat2 answers EAGAIN while somebody renames directories on the way */
#define SET_ID_BITS 06000u
#define SPECIAL_BITS 0777u /* of a pipe or device: what it can be made with */

/* A directory that gets its attributes at the end. */
struct late_dir {
    char *path;
    struct tree_inode inode; /* owns its xattrs */
};

struct merge_sink {
    const struct merge_sink_args *args;
    struct dir_sink_args sink; /* of the writer */
    struct dir_sink_report done;
    struct dir_sink_writer writer;
    struct merge_sink_report report;
    struct late_dir *dirs;
    size_t n_dirs;
    char *parent; /* the directory that is open as parent_fd; NULL: none */
    int parent_fd;
    unsigned n_names; /* of files that were begun */
};

/* ---- places ---- */

static int open_dir(const struct merge_sink *m, const char *path, uint64_t flags, int *ret_fd)
{
    bool follows = m->args->root_fd >= 0;
    struct open_how how = { .flags = flags | O_DIRECTORY | O_CLOEXEC,
                            .resolve = RESOLVE_NO_MAGICLINKS |
                                       (follows ? RESOLVE_IN_ROOT
                                                : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS) };
    char full[2 * PATH_BYTES];

    int n = follows ? snprintf(full, sizeof full, "%s/%s", m->args->base, path)
                    : snprintf(full, sizeof full, "%s", *path ? path : ".");
    if (n < 0 || (size_t)n >= sizeof full) {
        return ENAMETOOLONG;
    }
    for (int i = 0;; i++) {
        long fd = syscall(SYS_openat2, follows ? m->args->root_fd : m->args->dir_fd, full, &how,
                          sizeof how);
        if (fd >= 0) {
            *ret_fd = (int)fd;
            return 0;
        }
        if (errno != EINTR && (errno != EAGAIN || i == RETRIES)) {
            return errno;
        }
    }
}

static int open_failed(int errnum, const char *path, struct imgc_err *reterr)
{
    if (errnum == ELOOP || errnum == EXDEV) {
        return imgc_fail(reterr, IMGC_E_EXISTS, "'%s' leads over a symbolic link", path);
    }
    return imgc_fail_sys(reterr, errnum, "open the directory '%s'", path);
}

/* An archive need not name the directories on the way. */
static int make_parents(const struct merge_sink *m, const char *path, struct imgc_err *reterr)
{
    char part[PATH_BYTES];

    for (const char *end = path; end; end = strchr(end + 1, '/')) {
        const char *next = strchr(end + 1, '/');
        size_t len = next ? (size_t)(next - path) : strlen(path);
        imgc_autoclose int fd = -1, up_fd = -1;
        (void)snprintf(part, sizeof part, "%.*s", (int)len, path);
        int e = open_dir(m, part, O_PATH, &fd);
        if (e == 0) {
            continue;
        }
        if (e != ENOENT) {
            return open_failed(e, part, reterr);
        }
        char *slash = strrchr(part, '/');
        if (slash) {
            *slash = '\0';
        }
        e = open_dir(m, slash ? part : "", O_PATH, &up_fd);
        if (e != 0) {
            return open_failed(e, part, reterr);
        }
        const char *name = slash ? slash + 1 : part;
        if (mkdirat(up_fd, name, 0755) < 0 && errno != EEXIST) {
            return imgc_fail_sys(reterr, errno, "create the directory '%s'", name);
        }
        if (fchownat(up_fd, name, m->args->uid, m->args->gid, AT_SYMLINK_NOFOLLOW) < 0 &&
            errno != EPERM && errno != EINVAL) {
            return imgc_fail_sys(reterr, errno, "set the owner of the directory '%s'", name);
        }
    }
    return 0;
}

/* Split into the directory, opened, and the name in it. */
static int find_parent(const struct merge_sink *m, const char *path, int *ret_fd,
                       const char **ret_name, struct imgc_err *reterr)
{
    const char *slash = strrchr(path, '/');
    char dir[PATH_BYTES];

    (void)snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path) : 0, path);
    *ret_name = slash ? slash + 1 : path;
    int e = open_dir(m, dir, O_PATH, ret_fd);
    if (e == ENOENT) {
        int r = make_parents(m, dir, reterr);
        if (r < 0) {
            return r;
        }
        e = open_dir(m, dir, O_PATH, ret_fd);
    }
    return e == 0 ? 0 : open_failed(e, dir, reterr);
}

/* The same, with the directory of the entry before where it is that. */
static int enter_parent(struct merge_sink *m, const char *path, const char **ret_name,
                        struct imgc_err *reterr)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (m->parent && strlen(m->parent) == len && memcmp(m->parent, path, len) == 0) {
        *ret_name = slash ? slash + 1 : path;
        return 0;
    }
    imgc_closep(&m->parent_fd);
    free(m->parent);
    m->parent = NULL;
    int r = find_parent(m, path, &m->parent_fd, ret_name, reterr);
    return r < 0 ? r : imgc_str_dup((struct imgc_str){ path, len }, &m->parent, reterr);
}

/* ---- one entry ---- */

static bool keeps_xattr(const struct merge_sink *m, const struct entry *e, const struct xattr *x)
{
    if (e->type != ENTRY_FILE && e->type != ENTRY_DIR) {
        return e->type == ENTRY_SYMLINK && m->args->keeps_all;
    }
    return m->args->keeps_all || strncmp(x->name, "user.", 5) == 0;
}

/* As it is to become. What it points to is borrowed, but for the array of xattrs. */
static int adapt(const struct merge_sink *m, const struct entry *e, struct tree_inode *ret,
                 struct imgc_err *reterr)
{
    bool is_special = e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK || e->type == ENTRY_FIFO;
    uint32_t mask = is_special ? SPECIAL_BITS : m->args->keeps_all ? 07777u : 07777u & ~SET_ID_BITS;

    *ret = (struct tree_inode){ .type = e->type,
                                .mode = e->mode & mask,
                                .uid = m->args->keeps_all ? e->uid : m->args->uid,
                                .gid = m->args->keeps_all ? e->gid : m->args->gid,
                                .mtime_s = e->mtime_s,
                                .mtime_ns = e->mtime_ns,
                                .size = e->size,
                                .major = e->major,
                                .minor = e->minor,
                                .target = e->target,
                                .extents = e->extents,
                                .n_extents = e->n_extents };
    ret->xattrs = calloc(e->n_xattrs + 1, sizeof *ret->xattrs);
    if (!ret->xattrs) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < e->n_xattrs; i++) {
        if (keeps_xattr(m, e, &e->xattrs[i])) {
            ret->xattrs[ret->n_xattrs++] = e->xattrs[i];
        }
    }
    return 0;
}

static int copy_xattr(const struct xattr *from, struct xattr *to, struct imgc_err *reterr)
{
    int r = imgc_str_dup(imgc_str_of(from->name), &to->name, reterr);

    to->value = malloc(from->len + 1);
    if (r == 0 && !to->value) {
        r = imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (r == 0) {
        memcpy(to->value, from->value, from->len);
        to->len = from->len;
    }
    return r;
}

static void late_dir_done(struct late_dir *d)
{
    free(d->path);
    for (size_t i = 0; i < d->inode.n_xattrs; i++) {
        free(d->inode.xattrs[i].name);
        free(d->inode.xattrs[i].value);
    }
    free(d->inode.xattrs);
}

static int remember_dir(struct merge_sink *m, const char *path, const struct tree_inode *inode,
                        struct imgc_err *reterr)
{
    if ((m->n_dirs & (m->n_dirs - 1)) == 0) {
        size_t room = m->n_dirs ? 2 * m->n_dirs : 1;
        struct late_dir *grown = reallocarray(m->dirs, room, sizeof *grown);
        if (!grown) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        m->dirs = grown;
    }
    struct late_dir *d = &m->dirs[m->n_dirs++]; /* from here on merge_sink_free() frees it */
    *d = (struct late_dir){ .inode = *inode };
    d->inode.n_xattrs = 0;
    d->inode.xattrs = calloc(inode->n_xattrs + 1, sizeof *d->inode.xattrs);
    if (!d->inode.xattrs) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = imgc_str_dup(imgc_str_of(path), &d->path, reterr);
    for (size_t i = 0; i < inode->n_xattrs && r == 0; i++) {
        d->inode.n_xattrs++;
        r = copy_xattr(&inode->xattrs[i], &d->inode.xattrs[i], reterr);
    }
    return r;
}

/* What has the name already. @return 0; -EXISTS. */
static int make_room(struct merge_sink *m, const char *name, bool is_dir, struct imgc_err *reterr)
{
    struct stat st;

    if (fstatat(m->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : imgc_fail_sys(reterr, errno, "look at what is there");
    }
    if (S_ISDIR(st.st_mode) == is_dir) {
        return 0;
    }
    if (!m->args->overwrite) {
        return imgc_fail(reterr, IMGC_E_EXISTS,
                         is_dir ? "a directory cannot take the place of what is there without "
                                  "--overwrite"
                                : "there is a directory, which only --overwrite replaces");
    }
    if (is_dir) {
        return unlinkat(m->parent_fd, name, 0) < 0
                   ? imgc_fail_sys(reterr, errno, "remove what is there")
                   : 0;
    }
    return fd_remove_tree(m->parent_fd, name, NULL, reterr);
}

static int add_dir(struct merge_sink *m, const char *path, const char *name,
                   const struct tree_inode *inode, struct imgc_err *reterr)
{
    if (mkdirat(m->parent_fd, name, 0700) < 0 && errno != EEXIST) {
        return imgc_fail_sys(reterr, errno, "create the directory");
    }
    return remember_dir(m, path, inode, reterr);
}

/* A mount point, such as a container's /etc/hosts, cannot be replaced: it gets the bytes. */
static int write_through(struct merge_sink *m, const char *staged, const char *name,
                         struct imgc_err *reterr)
{
    imgc_autoclose int from_fd = -1, to_fd = -1;
    struct stat from, to;

    int r =
        fd_open_at(m->parent_fd, staged, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &from_fd, reterr);
    r = r < 0 ? r
              : fd_open_at(m->parent_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0,
                           &to_fd, reterr);
    if (r < 0) {
        return r;
    }
    if (fstat(from_fd, &from) < 0 || fstat(to_fd, &to) < 0) {
        return imgc_fail_sys(reterr, errno, "look at it");
    }
    if (!S_ISREG(from.st_mode) || !S_ISREG(to.st_mode)) {
        return imgc_fail(reterr, IMGC_E_INUSE, "a mount point cannot be replaced");
    }
    if (ftruncate(to_fd, 0) < 0) {
        return imgc_fail_sys(reterr, errno, "write into the mount point");
    }
    return fd_copy_range(from_fd, 0, to_fd, 0, (uint64_t)from.st_size, reterr);
}

/* Into its place; what was made under @staged is gone after every return. */
static int publish(struct merge_sink *m, const char *staged, const char *name,
                   struct imgc_err *reterr)
{
    int r = 0;

    if (renameat(m->parent_fd, staged, m->parent_fd, name) < 0) {
        r = errno == EBUSY ? write_through(m, staged, name, reterr)
                           : imgc_fail_sys(reterr, errno, "put it in its place");
    }
    /* Also after a rename onto another name of the same file, which does nothing. */
    (void)unlinkat(m->parent_fd, staged, 0);
    return r;
}

static int make_link(struct merge_sink *m, const struct entry *e, const char *staged,
                     struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    char path[PATH_BYTES];
    const char *name;

    (void)snprintf(path, sizeof path, "%s%s%s", m->args->prefix, *m->args->prefix ? "/" : "",
                   e->target);
    int r = find_parent(m, path, &fd, &name, reterr);
    if (r < 0) {
        return r;
    }
    return linkat(fd, name, m->parent_fd, staged, 0) < 0
               ? imgc_fail_sys(reterr, errno, "link it to '%s'", e->target)
               : 0;
}

static int add_file(struct merge_sink *m, const struct entry *e, const struct tree_inode *inode,
                    const char *name, struct imgc_err *reterr)
{
    char staged[64];

    (void)snprintf(staged, sizeof staged, ".imgc-cp-%d-%u", (int)getpid(), m->n_names++);
    int r = e->type == ENTRY_HARDLINK
                ? make_link(m, e, staged, reterr)
                : dir_sink_inode_write(&m->writer, m->parent_fd, staged, inode, reterr);
    if (r == 0) {
        return publish(m, staged, name, reterr);
    }
    if (r < 0) {
        (void)unlinkat(m->parent_fd, staged, 0);
    }
    return r < 0 ? r : 0; /* a device node that may not be made is counted */
}

static int add_at(struct merge_sink *m, const char *path, const struct entry *e,
                  struct imgc_err *reterr)
{
    struct tree_inode inode;
    const char *name;

    int r = enter_parent(m, path, &name, reterr);
    r = r < 0 ? r : make_room(m, name, e->type == ENTRY_DIR, reterr);
    r = r < 0 ? r : adapt(m, e, &inode, reterr);
    if (r < 0) {
        return r;
    }
    r = e->type == ENTRY_DIR ? add_dir(m, path, name, &inode, reterr)
                             : add_file(m, e, &inode, name, reterr);
    free(inode.xattrs);
    m->report.entries += r == 0;
    return r;
}

int merge_sink_add(struct merge_sink *m, const struct entry *e, struct tar_data *data,
                   struct imgc_err *reterr)
{
    char path[PATH_BYTES];
    bool is_device = e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK;

    int n = snprintf(path, sizeof path, "%s%s%s", m->args->prefix,
                     *m->args->prefix && *e->path ? "/" : "", e->path);
    if (n < 0 || (size_t)n >= sizeof path) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a path of more than %d bytes", PATH_BYTES);
    }
    if (!*path) {
        return e->type == ENTRY_DIR ? 0 : imgc_fail(reterr, IMGC_E_LAYER, "a file without a name");
    }
    if (is_device && !m->args->keeps_all) {
        m->report.devices_skipped++;
        return 0;
    }
    m->sink.layers = data;
    m->sink.n_layers = data ? 1 : 0;
    int r = add_at(m, path, e, reterr);
    return r < 0 ? imgc_context(reterr, "'%s'", path) : 0;
}

/* ---- */

int merge_sink_new(const struct merge_sink_args *args, struct merge_sink **ret,
                   struct imgc_err *reterr)
{
    imgc_auto(merge_sink_freep) struct merge_sink *m = calloc(1, sizeof *m);

    if (!m) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    (void)umask(0);
    m->args = args;
    m->parent_fd = -1;
    m->sink = (struct dir_sink_args){ .dir_fd = -1, .is_privileged = dir_sink_privileged() };
    int r = dir_sink_inode_begin_shared(&m->writer, &m->sink, &m->done, reterr);
    if (r == 0) {
        *ret = imgc_take(m);
    }
    return r;
}

struct merge_sink *merge_sink_free(struct merge_sink *m)
{
    if (m) {
        for (size_t i = 0; i < m->n_dirs; i++) {
            late_dir_done(&m->dirs[i]);
        }
        free(m->dirs);
        free(m->parent);
        imgc_closep(&m->parent_fd);
        dir_sink_inode_done(&m->writer);
        free(m);
    }
    return NULL;
}

void merge_sink_freep(struct merge_sink **m)
{
    *m = merge_sink_free(*m);
}

int merge_sink_finish(struct merge_sink *m, struct merge_sink_report *ret, struct imgc_err *reterr)
{
    /* What is below comes first: it changes the times of what is above. */
    for (size_t i = m->n_dirs; i-- > 0;) {
        const struct late_dir *d = &m->dirs[i];
        imgc_autoclose int fd = -1;
        int e = open_dir(m, d->path, O_RDONLY, &fd);
        if (e == ENOENT) {
            continue; /* somebody has removed it meanwhile */
        }
        int r = e ? open_failed(e, d->path, reterr)
                  : dir_sink_inode_finish_dir(&m->writer, fd, &d->inode, false, reterr);
        if (r < 0) {
            return imgc_context(reterr, "'%s'", d->path);
        }
    }
    *ret = m->report;
    ret->devices_skipped += m->done.devices_skipped;
    ret->owners_skipped = m->done.owners_skipped;
    ret->xattrs_skipped = m->done.xattrs_skipped;
    return 0;
}
