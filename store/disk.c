/* SPDX-License-Identifier: Apache-2.0 */
#include "store/disk.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fd.h"

struct linked {
    ino_t ino;
    uint64_t bytes;
};

/* A directory on the way down, with the directories in it. */
struct level {
    ino_t ino;
    char **dirs;
    size_t n_dirs, next;
};

enum { DISK_LOST = 1 }; /* the way back up is gone */

struct walk {
    dev_t dev;
    int fd; /* of the innermost level */
    struct level *levels;
    size_t n_levels;
    uint64_t bytes;
    struct linked *linked; /* files with more than one name */
    size_t n, room;
};

static void level_done(struct level *l)
{
    for (size_t i = 0; i < l->n_dirs; i++) {
        free(l->dirs[i]);
    }
    free(l->dirs);
}

static void walk_done(struct walk *w)
{
    imgc_closep(&w->fd);
    while (w->n_levels > 0) {
        level_done(&w->levels[--w->n_levels]);
    }
    free(w->levels);
    free(w->linked);
}

static int note_linked(struct walk *w, const struct stat *st, struct imgc_err *reterr)
{
    if (w->n == w->room) {
        size_t room = w->room ? w->room * 2 : 64;
        struct linked *p = reallocarray(w->linked, room, sizeof *p);
        if (!p) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        w->linked = p;
        w->room = room;
    }
    w->linked[w->n++] = (struct linked){ st->st_ino, (uint64_t)st->st_blocks * 512 };
    return 0;
}

/* Count one name. @ret_is_dir  whether there is more to count below it. */
static int count(struct walk *w, int dir_fd, const char *name, bool *ret_is_dir,
                 struct imgc_err *reterr)
{
    struct stat st;

    *ret_is_dir = false;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : imgc_fail_sys(reterr, errno, "look at '%s'", name);
    }
    if (w->dev == 0) {
        w->dev = st.st_dev;
    }
    if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
        return note_linked(w, &st, reterr);
    }
    w->bytes += (uint64_t)st.st_blocks * 512;
    *ret_is_dir = S_ISDIR(st.st_mode) && st.st_dev == w->dev;
    return 0;
}

static int push_dir(struct level *l, const char *name, struct imgc_err *reterr)
{
    char **dirs = reallocarray(l->dirs, l->n_dirs + 1, sizeof *dirs);

    if (!dirs) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    l->dirs = dirs;
    int r = imgc_str_dup(imgc_str_of(name), &dirs[l->n_dirs], reterr);
    if (r == 0) {
        l->n_dirs++;
    }
    return r;
}

/* Count what is in w->fd, and note its directories in @l. */
static int list(struct walk *w, struct level *l, struct imgc_err *reterr)
{
    int fd = openat(w->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    int r = 0;

    if (!d) {
        r = imgc_fail_sys(reterr, errno, "list directory");
        imgc_closep(&fd);
        return r;
    }
    while (r == 0) {
        bool is_dir = false;
        errno = 0;
        const struct dirent *e = readdir(d);
        if (!e) {
            r = errno ? imgc_fail_sys(reterr, errno, "list directory") : 0;
            break;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        r = count(w, dirfd(d), e->d_name, &is_dir, reterr);
        if (r == 0 && is_dir) {
            r = push_dir(l, e->d_name, reterr);
        }
    }
    (void)closedir(d);
    return r;
}

/* Go from w->fd down into @name, and list it. One that is gone, or (for an ordinary user) closed
 * by its own mode, is passed by. */
static int descend(struct walk *w, int dir_fd, const char *name, struct imgc_err *reterr)
{
    struct stat st;

    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == EACCES ? 0
                                                  : imgc_fail_sys(reterr, errno, "open '%s'", name);
    }
    imgc_closep(&w->fd);
    w->fd = fd;
    if (fstat(fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at '%s'", name);
    }
    struct level *levels = reallocarray(w->levels, w->n_levels + 1, sizeof *levels);
    if (!levels) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    w->levels = levels;
    levels[w->n_levels] = (struct level){ .ino = st.st_ino };
    return list(w, &levels[w->n_levels++], reterr);
}

/* Back to the parent, believed only where ".." leads there: a running container may move its
 * directories meanwhile, and then what is left is not counted. */
static int ascend(struct walk *w, struct imgc_err *reterr)
{
    struct stat st;

    level_done(&w->levels[--w->n_levels]);
    if (w->n_levels == 0) {
        return 0;
    }
    int fd = openat(w->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    imgc_closep(&w->fd);
    w->fd = fd;
    if (fd < 0 || fstat(fd, &st) < 0) {
        return errno == ENOENT || errno == EACCES ? DISK_LOST
                                                  : imgc_fail_sys(reterr, errno, "open '..'");
    }
    return st.st_dev == w->dev && st.st_ino == w->levels[w->n_levels - 1].ino ? 0 : DISK_LOST;
}

/* Only one directory is open at a time, and nothing recurses: a process in a container can nest
 * directories without end. */
static int walk_tree(struct walk *w, int dir_fd, const char *name, struct imgc_err *reterr)
{
    bool is_dir = false;

    int r = count(w, dir_fd, name, &is_dir, reterr);
    if (r == 0 && is_dir) {
        r = descend(w, dir_fd, name, reterr);
    }
    while (r == 0 && w->n_levels > 0) {
        struct level *l = &w->levels[w->n_levels - 1];
        r = l->next < l->n_dirs ? descend(w, w->fd, l->dirs[l->next++], reterr) : ascend(w, reterr);
    }
    return r < 0 ? r : 0;
}

static int by_inode(const void *a, const void *b)
{
    ino_t x = ((const struct linked *)a)->ino, y = ((const struct linked *)b)->ino;

    return (x > y) - (x < y);
}

int disk_tree_bytes(int dir_fd, const char *path, uint64_t *bytes, struct imgc_err *reterr)
{
    imgc_auto(walk_done) struct walk w = { .fd = -1 };

    int r = walk_tree(&w, dir_fd, path, reterr);
    if (r < 0) {
        return r;
    }
    if (w.n > 0) {
        qsort(w.linked, w.n, sizeof *w.linked, by_inode);
    }
    for (size_t i = 0; i < w.n; i++) {
        if (i == 0 || w.linked[i].ino != w.linked[i - 1].ino) {
            w.bytes += w.linked[i].bytes;
        }
    }
    *bytes += w.bytes;
    return 0;
}
