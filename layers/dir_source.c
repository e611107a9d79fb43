/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/dir_source.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "layers/dir_item.h"
#include "layers/inode_map.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

/* A directory that is being read: one name after another, in byte order. */
struct level {
    int fd;
    char *path; /* from the root; "" for the root */
    char **names;
    size_t n_names, next;
};

struct dir_source {
    struct source source; /* first: a source of ours is a dir_source */
    int root_fd;          /* borrowed */
    char *root_name;      /* below it, or "" */
    bool is_shared, crosses;
    const char *const *closed; /* or NULL */
    const char *overlay;       /* or NULL */
    unsigned notes;            /* of the entry that was returned last */
    dev_t root_dev;
    uint64_t root_mount;  /* of one that is shared */
    struct level *levels; /* innermost last */
    size_t n_levels;
    struct inode_map seen; /* of files with several names */
    int file_fd;           /* of the entry that was returned last; -1 where that is no file */
    uint64_t n_entries;
    bool has_begun;
    char scratch[DIR_ITEM_SCRATCH_BYTES];
};

static void level_done(struct level *l)
{
    imgc_closep(&l->fd);
    free(l->path);
    for (size_t i = 0; i < l->n_names; i++) {
        free(l->names[i]);
    }
    free(l->names);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(struct level *l, const char *name, struct imgc_err *reterr)
{
    if (l->n_names >= LIMIT_LAYER_ENTRIES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "more than %u names in one directory",
                         LIMIT_LAYER_ENTRIES);
    }
    if (!l->names || (l->n_names & (l->n_names - 1)) == 0) {
        size_t room = l->n_names ? l->n_names * 2 : 1;
        char **grown = realloc(l->names, room * sizeof *grown);
        if (!grown) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        l->names = grown;
    }
    l->names[l->n_names] = strdup(name);
    if (!l->names[l->n_names]) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    l->n_names++;
    return 0;
}

static int add_names(struct level *l, DIR *dir, struct imgc_err *reterr)
{
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(dir); /* NOLINT(concurrency-mt-unsafe): own stream */
        if (!e) {
            return errno ? imgc_fail_sys(reterr, errno, "cannot read the directory") : 0;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        int r = add_name(l, e->d_name, reterr);
        if (r < 0) {
            return r;
        }
    }
}

static int read_names(struct level *l, struct imgc_err *reterr)
{
    int fd = openat(l->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        int r = imgc_fail_sys(reterr, errno, "cannot read the directory");
        imgc_closep(&fd);
        return r;
    }
    int r = add_names(l, dir, reterr);
    (void)closedir(dir);
    if (l->n_names > 1) {
        qsort(l->names, l->n_names, sizeof *l->names, by_bytes);
    }
    return r;
}

/* Go into the directory @path; takes @take_fd also on failure. */
static int enter(struct dir_source *d, int take_fd, const char *path, struct imgc_err *reterr)
{
    struct level *grown = realloc(d->levels, (d->n_levels + 1) * sizeof *grown);

    if (grown) {
        d->levels = grown;
    }
    char *copy = grown ? strdup(path) : NULL;
    if (!copy) {
        imgc_closep(&take_fd);
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    /* From here on it is one of the levels, which dir_source_free() frees. */
    struct level *l = &d->levels[d->n_levels++];
    *l = (struct level){ .fd = take_fd, .path = copy };
    if (d->n_levels > LIMIT_PATH_DEPTH + 1) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "directories nested more than %d deep",
                         LIMIT_PATH_DEPTH);
    }
    return read_names(l, reterr);
}

enum { LINK_FIRST = 1, NAME_SKIP };

/* Make @e a hard link where its inode was returned before. @return 0; LINK_FIRST. */
static int find_link(struct dir_source *d, const struct dir_item *i, struct entry *e,
                     struct imgc_err *reterr)
{
    const char *first = NULL;
    int r = inode_map_see(&d->seen, i->st.st_dev, i->st.st_ino, e->path, &first, reterr);

    if (r < 0) {
        return r;
    }
    if (!first) {
        return LINK_FIRST;
    }
    e->type = ENTRY_HARDLINK;
    return imgc_str_dup(imgc_str_of(first), &e->target, reterr);
}

static int join(const char *dir, const char *name, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);

    imgc_buf_puts(&b, dir);
    if (b.len && name[0]) {
        imgc_buf_putc(&b, '/');
    }
    imgc_buf_puts(&b, name);
    return imgc_buf_take(&b, ret, reterr);
}

/* File systems that show what the kernel or another process says. */
static const unsigned long shows[] = {
    PROC_SUPER_MAGIC,   SYSFS_MAGIC,    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
    DEVPTS_SUPER_MAGIC, DEBUGFS_MAGIC,  TRACEFS_MAGIC,      SECURITYFS_MAGIC,
    BPF_FS_MAGIC,       EFIVARFS_MAGIC, BINFMTFS_MAGIC,     0x19800202 /* mqueue */,
};

/* A volume is; /proc, and /dev with its devices, are not. */
static bool holds_files(int fd)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0 || !(fs.f_flags & ST_NODEV)) {
        return false;
    }
    for (size_t i = 0; i < sizeof shows / sizeof *shows; i++) {
        if ((unsigned long)fs.f_type == shows[i]) {
            return false;
        }
    }
    return true;
}

static uint64_t mount_of(int fd)
{
    struct statx st = { .stx_mnt_id = 0 };

    return statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) == 0 ? st.stx_mnt_id : 0;
}

static bool is_entered(const struct dir_source *d, const struct dir_item *i, const char *path)
{
    for (const char *const *p = d->closed; p && *p; p++) {
        if (strcmp(*p, path) == 0) {
            return false;
        }
    }
    return d->crosses     ? true
           : d->is_shared ? mount_of(i->fd) == d->root_mount || holds_files(i->fd)
                          : i->st.st_dev == d->root_dev;
}

/* overlayfs links all its whiteouts to one inode; they are no names of one file. */
static bool is_whiteout(const struct dir_source *d, const struct stat *st)
{
    return d->overlay && S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static const struct {
    const char *name;
    const char *value; /* NULL: any */
    unsigned note;
} notes[] = {
    { "opaque", "y", DIR_SOURCE_OPAQUE },
    { "whiteout", NULL, DIR_SOURCE_WHITEOUT },
    { "redirect", NULL, DIR_SOURCE_PARTIAL },
    { "metacopy", NULL, DIR_SOURCE_PARTIAL },
};

static int read_notes(struct dir_source *d, const struct dir_item *i, struct imgc_err *reterr)
{
    char path[sizeof "/proc/self/fd/" + 3 * sizeof i->fd], name[LIMIT_NAME_BYTES + 1];

    if (!S_ISREG(i->st.st_mode) && !S_ISDIR(i->st.st_mode)) {
        d->notes = is_whiteout(d, &i->st) ? DIR_SOURCE_WHITEOUT : 0;
        return 0;
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", i->fd);
    for (size_t k = 0; k < sizeof notes / sizeof *notes; k++) {
        (void)snprintf(name, sizeof name, "%s%s", d->overlay, notes[k].name);
        ssize_t n = getxattr(path, name, d->scratch, sizeof d->scratch);
        if (n < 0 && errno != ENODATA && errno != ENOTSUP) {
            return imgc_fail_sys(reterr, errno, "cannot read the xattr %s", name);
        }
        const char *want = notes[k].value;
        if (n >= 0 &&
            (!want || imgc_str_eq((struct imgc_str){ d->scratch, (size_t)n }, imgc_str_of(want)))) {
            d->notes |= notes[k].note;
        }
    }
    return 0;
}

/* Fill @e from the opened @i; go into it where it is a directory of this file system. */
static int take_item(struct dir_source *d, struct dir_item *i, struct entry *e,
                     struct imgc_err *reterr)
{
    d->notes = 0;
    int noted = d->overlay ? read_notes(d, i, reterr) : 0;
    if (noted < 0) {
        return noted;
    }
    if (!S_ISDIR(i->st.st_mode) && i->st.st_nlink > 1 && !is_whiteout(d, &i->st)) {
        int r = find_link(d, i, e, reterr);
        if (r != LINK_FIRST) {
            return r;
        }
    }
    int r = dir_item_read(i, e, d->scratch, reterr);
    if (r < 0) {
        return r;
    }
    if (e->type == ENTRY_DIR && is_entered(d, i, e->path)) {
        r = enter(d, imgc_take_fd(i->fd), e->path, reterr);
    } else if (e->type == ENTRY_FILE) {
        d->file_fd = imgc_take_fd(i->fd);
    }
    return r;
}

static bool is_left_out(const struct dir_source *d, const struct stat *st)
{
    /* A file of another file system is a mount point: the host's, not the tree's. An overlay shows
     * the device numbers of its layers, so of one that is shared nothing follows from them. */
    return S_ISSOCK(st->st_mode) ||
           (!d->is_shared && !d->crosses && !S_ISDIR(st->st_mode) && st->st_dev != d->root_dev);
}

static int read_name(struct dir_source *d, int dir_fd, const char *dir, const char *name,
                     struct entry *e, struct imgc_err *reterr)
{
    imgc_auto(dir_item_done) struct dir_item i = { .fd = -1 };
    int r = join(dir, name, &e->path, reterr);

    if (r == 0) {
        const char *opened = name[0] ? name : d->root_name[0] && !d->has_begun ? d->root_name : ".";
        r = dir_item_open(dir_fd, opened, d->is_shared, &i, reterr);
    }
    if (r < 0 && d->is_shared && d->has_begun && reterr->sys == ENOENT) {
        return NAME_SKIP;
    }
    if (r == 0 && !d->has_begun) {
        d->has_begun = true;
        d->root_dev = i.st.st_dev;
        d->root_mount = d->is_shared ? mount_of(i.fd) : 0;
    }
    if (r == 0) {
        r = is_left_out(d, &i.st) ? NAME_SKIP : take_item(d, &i, e, reterr);
    }
    return r < 0 ? imgc_context(reterr, "%s/%s", dir, name) : r;
}

/* @return 0; SOURCE_END; NAME_SKIP. */
static int step(struct dir_source *d, struct entry *e, struct imgc_err *reterr)
{
    if (!d->has_begun) {
        return read_name(d, d->root_fd, "", "", e, reterr);
    }
    if (d->n_levels == 0) {
        return SOURCE_END;
    }
    struct level *l = &d->levels[d->n_levels - 1];
    if (l->next == l->n_names) {
        level_done(l);
        d->n_levels--;
        return NAME_SKIP;
    }
    if (++d->n_entries > LIMIT_LAYER_ENTRIES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "more than %u entries", LIMIT_LAYER_ENTRIES);
    }
    /* Copies, because going into a directory may move the levels. */
    int dir_fd = l->fd;
    const char *dir = l->path;
    const char *name = l->names[l->next++];
    return read_name(d, dir_fd, dir, name, e, reterr);
}

static int dir_source_next(struct source *src, struct entry *ret, struct imgc_err *reterr)
{
    struct dir_source *d = (struct dir_source *)src;
    int r;

    imgc_closep(&d->file_fd);
    d->file_fd = -1;
    do {
        entry_auto struct entry e = ENTRY_INIT;
        r = step(d, &e, reterr);
        if (r == 0) {
            *ret = e;
            e = (struct entry)ENTRY_INIT;
        }
    } while (r == NAME_SKIP);
    return r;
}

int dir_source_new_of(const struct dir_source_args *args, struct dir_source **ret,
                      struct imgc_err *reterr)
{
    imgc_auto(dir_source_freep) struct dir_source *d = calloc(1, sizeof *d);

    if (!d) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    d->source.next = dir_source_next;
    d->root_fd = args->dir_fd;
    d->is_shared = args->is_shared;
    d->crosses = args->crosses;
    d->closed = args->closed;
    d->overlay = args->overlay;
    d->file_fd = -1;
    int r = imgc_str_dup(imgc_str_of(args->name), &d->root_name, reterr);
    if (r == 0) {
        *ret = imgc_take(d);
    }
    return r;
}

int dir_source_new(int dir_fd, struct dir_source **ret, struct imgc_err *reterr)
{
    const struct dir_source_args args = { .dir_fd = dir_fd, .name = "" };

    return dir_source_new_of(&args, ret, reterr);
}

struct dir_source *dir_source_free(struct dir_source *d)
{
    if (!d) {
        return NULL;
    }
    for (size_t i = 0; i < d->n_levels; i++) {
        level_done(&d->levels[i]);
    }
    free(d->levels);
    free(d->root_name);
    inode_map_done(&d->seen);
    imgc_closep(&d->file_fd);
    free(d);
    return NULL;
}

void dir_source_freep(struct dir_source **d)
{
    *d = dir_source_free(*d);
}

struct source *dir_source_entries(struct dir_source *d)
{
    return &d->source;
}

unsigned dir_source_notes(const struct dir_source *d)
{
    return d->notes;
}

int dir_source_open(struct dir_source *d, int *ret_fd, struct imgc_err *reterr)
{
    int fd = fcntl(d->file_fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "cannot open the file again");
    }
    *ret_fd = fd;
    return 0;
}
