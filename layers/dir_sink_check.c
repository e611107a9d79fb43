/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/dir_sink.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "layers/dir_sink_walk.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define COMPARE_BYTES (64u << 10)

/* What file systems can hold without clamping: ext4's and xfs's smallest range. */
#define TIME_MIN INT64_C(-2147483648)
#define TIME_MAX INT64_C(2147483647)

/* Up to here every file system can link; beyond, writing may have started a new file (EMLINK). */
#define LINKS_CERTAIN 32000

struct checker {
    const struct dir_sink_args *args;
    char *want, *got; /* COMPARE_BYTES each */
    char *value;      /* LIMIT_XATTR_BYTES */
};

static void checker_done(struct checker *c)
{
    free(c->want);
    free(c->got);
    free(c->value);
}

static void close_dirp(DIR **d)
{
    if (*d) {
        (void)closedir(*d);
    }
}

static int differs(struct imgc_err *reterr, const char *what)
{
    return imgc_fail(reterr, IMGC_E_STORE, "%s differs from the layer", what);
}

static int cmp_name(const void *key, const void *item)
{
    return strcmp(key, ((const struct dir_sink_item *)item)->name);
}

/* Whether a missing or extra name is what writing as an ordinary user leaves. */
static bool may_be_missing(const struct checker *c, const struct dir_sink_item *item)
{
    return !c->args->is_privileged && item->dentry && !item->lower &&
           (item->dentry->inode->type == ENTRY_CHAR || item->dentry->inode->type == ENTRY_BLOCK);
}

/* Names that should not be there. Missing ones are found when they are looked at. */
static int check_begin(void *arg, int fd, const struct dir_sink_items *items,
                       struct imgc_err *reterr)
{
    (void)arg;
    imgc_autoclose int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) {
        return imgc_fail_sys(reterr, errno, "open for listing");
    }
    imgc_auto(close_dirp) DIR *d = fdopendir(copy);
    if (!d) {
        return imgc_fail_sys(reterr, errno, "list");
    }
    (void)imgc_take_fd(copy);
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(d);
        if (!e) {
            return errno != 0 ? imgc_fail_sys(reterr, errno, "list") : 0;
        }
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            !bsearch(e->d_name, items->items, items->n, sizeof *items->items, cmp_name)) {
            return imgc_fail(reterr, IMGC_E_STORE, "'%s' in it is not from the layer", e->d_name);
        }
    }
}

/* What an ordinary user has written with a mode that keeps him out he cannot read again. */
static bool is_closed(const struct checker *c, int errnum)
{
    return errnum == EACCES && !c->args->is_privileged;
}

static mode_t mode_of(const struct tree_inode *inode)
{
    static const mode_t types[] = {
        [ENTRY_FILE] = S_IFREG, [ENTRY_DIR] = S_IFDIR,   [ENTRY_SYMLINK] = S_IFLNK,
        [ENTRY_CHAR] = S_IFCHR, [ENTRY_BLOCK] = S_IFBLK, [ENTRY_FIFO] = S_IFIFO,
    };
    return types[inode->type];
}

static bool has_mtime(const struct stat *st, const struct tree_inode *inode)
{
    if (inode->mtime_s < TIME_MIN || inode->mtime_s > TIME_MAX) {
        return true; /* the file system may have clamped it */
    }
    /* Zero: a file system that keeps whole seconds. */
    return st->st_mtim.tv_sec == inode->mtime_s &&
           (st->st_mtim.tv_nsec == (long)inode->mtime_ns || st->st_mtim.tv_nsec == 0);
}

static int check_stat(const struct checker *c, const struct stat *st,
                      const struct tree_inode *inode, struct imgc_err *reterr)
{
    bool is_device = inode->type == ENTRY_CHAR || inode->type == ENTRY_BLOCK;

    if ((st->st_mode & S_IFMT) != mode_of(inode)) {
        return differs(reterr, "the type of file");
    }
    if (inode->type != ENTRY_SYMLINK && (st->st_mode & 07777) != inode->mode) {
        return differs(reterr, "the mode");
    }
    if (c->args->is_privileged && (st->st_uid != inode->uid || st->st_gid != inode->gid)) {
        return differs(reterr, "the owner");
    }
    if (!has_mtime(st, inode)) {
        return differs(reterr, "the time");
    }
    if (inode->type == ENTRY_FILE && (uint64_t)st->st_size != inode->size) {
        return differs(reterr, "the size");
    }
    if (is_device && st->st_rdev != makedev(inode->major, inode->minor)) {
        return differs(reterr, "the device number");
    }
    return 0;
}

static bool has_xattr(const struct tree_inode *inode, const char *name)
{
    for (size_t i = 0; i < inode->n_xattrs; i++) {
        if (strcmp(inode->xattrs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int check_extra_xattrs(const char *path, const struct tree_inode *inode,
                              struct imgc_err *reterr)
{
    imgc_autofree char *names = malloc(LIMIT_XATTR_BYTES); /* XATTR_LIST_MAX is the same */
    if (!names) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    ssize_t len = llistxattr(path, names, LIMIT_XATTR_BYTES);
    if (len < 0) {
        return errno == ENOTSUP ? 0 : imgc_fail_sys(reterr, errno, "list its xattrs");
    }
    for (const char *n = names; n < names + len; n += strlen(n) + 1) {
        if (entry_keeps_xattr(n) && !has_xattr(inode, n)) {
            return imgc_fail(reterr, IMGC_E_STORE, "xattr '%s' is not from the layer", n);
        }
    }
    return 0;
}

/* What sinks leave out and count: all that an ordinary user may not set, and for everybody what
 * the file system or the kernel does not have. */
static bool may_lack_xattr(const struct checker *c, const struct tree_inode *inode,
                           const struct xattr *x, int errnum)
{
    bool is_special = inode->type != ENTRY_FILE && inode->type != ENTRY_DIR;

    return errnum == ENOTSUP || is_closed(c, errnum) ||
           (errnum == ENODATA &&
            (!c->args->is_privileged || (is_special && strncmp(x->name, "user.", 5) == 0)));
}

static int check_xattrs(const struct checker *c, const char *path, const struct tree_inode *inode,
                        struct imgc_err *reterr)
{
    for (size_t i = 0; i < inode->n_xattrs; i++) {
        const struct xattr *x = &inode->xattrs[i];
        ssize_t n = lgetxattr(path, x->name, c->value, LIMIT_XATTR_BYTES);
        if (n < 0 && may_lack_xattr(c, inode, x, errno)) {
            continue;
        }
        /* The kernel keeps capabilities set in a user namespace in a form of its own. */
        bool is_rewritten =
            n > 0 && !c->args->is_privileged && strcmp(x->name, "security.capability") == 0;
        if (n < 0 || (!is_rewritten && ((size_t)n != x->len ||
                                        (x->len > 0 && memcmp(c->value, x->value, x->len) != 0)))) {
            return imgc_fail(reterr, IMGC_E_STORE, "xattr '%s' differs from the layer", x->name);
        }
    }
    return check_extra_xattrs(path, inode, reterr);
}

/* Read exactly @len bytes. */
static int read_at(int fd, char *buf, size_t len, uint64_t offset, struct imgc_err *reterr)
{
    while (len > 0) {
        ssize_t n = pread(fd, buf, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return imgc_fail_sys(reterr, errno, "read");
        }
        if (n == 0) {
            return differs(reterr, "the size");
        }
        buf += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

/* Compare one run of @fd with that of the layer's tar, or with zeros where @data is NULL. */
static int check_run(const struct checker *c, int fd, struct tar_data *data, const struct extent *x,
                     struct imgc_err *reterr)
{
    if (!data) {
        memset(c->want, 0, COMPARE_BYTES);
    }
    for (uint64_t done = 0; done < x->len;) {
        size_t n = x->len - done < COMPARE_BYTES ? (size_t)(x->len - done) : COMPARE_BYTES;
        int r = read_at(fd, c->got, n, x->file_offset + done, reterr);
        if (r >= 0 && data) {
            r = tar_data_read(data, x->source_offset + done, c->want, n, reterr);
        }
        if (r < 0) {
            return r;
        }
        if (memcmp(c->want, c->got, n) != 0) {
            return differs(reterr, "the content");
        }
        done += n;
    }
    return 0;
}

static int check_hole(const struct checker *c, int fd, uint64_t start, uint64_t end,
                      struct imgc_err *reterr)
{
    const struct extent hole = { .file_offset = start, .len = end > start ? end - start : 0 };
    return check_run(c, fd, NULL, &hole, reterr);
}

static int check_content(const struct checker *c, int dir_fd, const char *name,
                         const struct tree_inode *inode, struct imgc_err *reterr)
{
    uint64_t end = 0;
    imgc_autoclose int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        return is_closed(c, errno) ? 0 : imgc_fail_sys(reterr, errno, "open");
    }
    for (size_t i = 0; i < inode->n_extents; i++) {
        const struct extent *x = &inode->extents[i];
        if (inode->layer >= c->args->n_layers || x->file_offset < end) {
            return imgc_fail(reterr, IMGC_E_LAYER, "data outside the file");
        }
        int r = check_hole(c, fd, end, x->file_offset, reterr);
        if (r >= 0) {
            r = check_run(c, fd, &c->args->layers[inode->layer], x, reterr);
        }
        if (r < 0) {
            return r;
        }
        end = x->file_offset + x->len;
    }
    return check_hole(c, fd, end, inode->size, reterr);
}

static int check_link_target(const struct checker *c, int dir_fd, const char *name,
                             const struct tree_inode *inode, struct imgc_err *reterr)
{
    ssize_t n = readlinkat(dir_fd, name, c->got, COMPARE_BYTES);
    if (n < 0) {
        return imgc_fail_sys(reterr, errno, "read link");
    }
    if ((size_t)n != strlen(inode->target) || memcmp(c->got, inode->target, (size_t)n) != 0) {
        return differs(reterr, "the target");
    }
    return 0;
}

/* By name through /proc, since links and devices have no fd to ask. */
static int check_named_xattrs(const struct checker *c, int dir_fd, const char *name,
                              const struct tree_inode *inode, struct imgc_err *reterr)
{
    char path[sizeof "/proc/self/fd//" + 10 + NAME_MAX];
    int n = snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir_fd, name);

    if (n < 0 || (size_t)n >= sizeof path) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "name over %d bytes", NAME_MAX);
    }
    return check_xattrs(c, path, inode, reterr);
}

/* Hard links: every name must lead to the same inode; its number is kept in the mark, shifted so
 * that it is never DIR_SINK_WALK_WANTED. */
static uintptr_t mark_of(const struct stat *st)
{
    return ((uintptr_t)st->st_ino << 1) + 2;
}

static int check_whiteout(const struct stat *st, struct imgc_err *reterr)
{
    bool is_one = S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
    return is_one ? 0 : differs(reterr, "the whiteout");
}

static int check_leaf(void *arg, int dir_fd, const struct dir_sink_item *item,
                      struct imgc_err *reterr)
{
    const struct checker *c = arg;
    struct stat st;

    if (fstatat(dir_fd, item->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if ((errno == ENOENT && may_be_missing(c, item)) || is_closed(c, errno)) {
            return 0;
        }
        return errno == ENOENT ? imgc_fail(reterr, IMGC_E_STORE, "missing in the directory")
                               : imgc_fail_sys(reterr, errno, "look at it");
    }
    if (!item->dentry) {
        return check_whiteout(&st, reterr);
    }
    struct tree_inode *inode = item->dentry->inode;
    if (inode->mark != DIR_SINK_WALK_WANTED && inode->mark == mark_of(&st)) {
        return 0; /* another name of what was compared already */
    }
    if (inode->mark != DIR_SINK_WALK_WANTED && c->args->is_privileged &&
        inode->nlink <= LINKS_CERTAIN) {
        return differs(reterr, "a hard link");
    }
    bool is_device = inode->type == ENTRY_CHAR || inode->type == ENTRY_BLOCK;
    if (is_device && !c->args->is_privileged && item->lower && check_whiteout(&st, reterr) == 0) {
        return 0; /* a device that could not be made, and hides what it replaces */
    }
    int r = check_stat(c, &st, inode, reterr);
    if (r >= 0 && inode->type == ENTRY_FILE) {
        r = check_content(c, dir_fd, item->name, inode, reterr);
    }
    if (r >= 0 && inode->type == ENTRY_SYMLINK) {
        r = check_link_target(c, dir_fd, item->name, inode, reterr);
    }
    if (r >= 0) {
        r = check_named_xattrs(c, dir_fd, item->name, inode, reterr);
    }
    inode->mark = mark_of(&st);
    return r;
}

static int check_open_dir(void *arg, int dir_fd, const struct dir_sink_item *item, int *ret_fd,
                          struct imgc_err *reterr)
{
    const struct checker *c = arg;
    int fd = openat(dir_fd, item->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && is_closed(c, errno)) {
        return DIR_SINK_WALK_SKIP;
    }
    if (fd < 0) {
        bool is_wrong = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
        return is_wrong ? imgc_fail(reterr, IMGC_E_STORE, "missing, or not a directory any more")
                        : imgc_fail_sys(reterr, errno, "open directory");
    }
    *ret_fd = fd;
    return 0;
}

static int check_end(void *arg, int fd, const struct tree_dentry *dir, struct imgc_err *reterr)
{
    const struct checker *c = arg;
    struct stat st;

    if (fstat(fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at it");
    }
    int r = check_stat(c, &st, dir->inode, reterr);
    return r < 0 ? r : check_named_xattrs(c, fd, ".", dir->inode, reterr);
}

static const struct dir_sink_ops check_ops = {
    .begin = check_begin,
    .open_dir = check_open_dir,
    .leaf = check_leaf,
    .end = check_end,
};

int dir_sink_check_overlay(struct tree *t, const struct dir_sink_args *args,
                           struct imgc_err *reterr)
{
    imgc_auto(checker_done) struct checker c = {
        .args = args,
        .want = malloc(COMPARE_BYTES),
        .got = malloc(COMPARE_BYTES),
        .value = malloc(LIMIT_XATTR_BYTES),
    };
    const struct dir_sink_walk walk = {
        .ops = &check_ops, .arg = &c, .root_fd = args->dir_fd, .is_overlay = true
    };

    if (!c.want || !c.got || !c.value) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return dir_sink_walk(t, &walk, reterr);
}
