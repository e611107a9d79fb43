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

struct walk {
    dev_t dev;
    uint64_t bytes;
    struct linked *linked; /* files with more than one name */
    size_t n, room;
};

static void walk_done(struct walk *w)
{
    free(w->linked);
}

static void closedirp(DIR **d)
{
    if (*d) {
        (void)closedir(*d);
    }
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

static int walk_entry(struct walk *w, int dir_fd, const char *name, struct imgc_err *reterr);

static int walk_children(struct walk *w, int take_fd, struct imgc_err *reterr)
{
    imgc_auto(closedirp) DIR *d = fdopendir(take_fd);
    if (!d) {
        int saved = errno;
        (void)close(take_fd);
        return imgc_fail_sys(reterr, saved, "list directory");
    }
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(d);
        if (!e) {
            return errno ? imgc_fail_sys(reterr, errno, "list directory") : 0;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        int r = walk_entry(w, dirfd(d), e->d_name, reterr);
        if (r < 0) {
            return r;
        }
    }
}

static int walk_entry(struct walk *w, int dir_fd, const char *name, struct imgc_err *reterr)
{
    struct stat st;

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
    if (!S_ISDIR(st.st_mode) || st.st_dev != w->dev) {
        return 0;
    }
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        /* Gone, or (as an ordinary user) a directory that its own mode closes. */
        return errno == ENOENT || errno == EACCES ? 0
                                                  : imgc_fail_sys(reterr, errno, "open '%s'", name);
    }
    return walk_children(w, fd, reterr);
}

static int by_inode(const void *a, const void *b)
{
    ino_t x = ((const struct linked *)a)->ino, y = ((const struct linked *)b)->ino;

    return (x > y) - (x < y);
}

int disk_tree_bytes(int dir_fd, const char *path, uint64_t *bytes, struct imgc_err *reterr)
{
    imgc_auto(walk_done) struct walk w = { .dev = 0 };

    int r = walk_entry(&w, dir_fd, path, reterr);
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
