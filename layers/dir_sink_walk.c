/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/dir_sink_walk.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "schema/limits.h"

/* A directory deeper than this is closed while its child is worked on, and opened again through
 * "..": a tree may be LIMIT_PATH_DEPTH deep, and a process often has 1024 fds in all. */
#define OPEN_DIRS_MAX 64

static void items_done(struct dir_sink_items *items)
{
    free(items->items);
}

int dir_sink_walk_context(const struct tree_dentry *dir, const char *name, struct imgc_err *reterr)
{
    struct imgc_err ignored;
    imgc_autofree char *path = NULL;

    if (tree_path(dir, &path, &ignored) < 0) {
        return imgc_context(reterr, "'%s'", name);
    }
    if (*path == '\0' && *name == '\0') {
        return imgc_context(reterr, "'/'");
    }
    return imgc_context(reterr, "'%s%s%s'", path, *path != '\0' && *name != '\0' ? "/" : "", name);
}

/* Every inode that has a name written by the layer on top: with one new name all names are wanted,
 * since a hard link cannot reach into a lower layer. */
static int mark_inodes(struct tree_dentry *dir, uint32_t top, bool all, unsigned depth,
                       struct imgc_err *reterr)
{
    if (depth > LIMIT_PATH_DEPTH) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "directories nested deeper than %d",
                         LIMIT_PATH_DEPTH);
    }
    if (all || dir->layer == top) {
        dir->inode->mark = DIR_SINK_WALK_WANTED;
    }
    for (size_t i = 0; i < tree_children(dir); i++) {
        struct tree_dentry *d = tree_child(dir, i);
        if (d->inode->type == ENTRY_DIR) {
            int r = mark_inodes(d, top, all, depth + 1, reterr);
            if (r < 0) {
                return r;
            }
        } else if (all || d->layer == top) {
            d->inode->mark = DIR_SINK_WALK_WANTED;
        }
    }
    return 0;
}

/* Every directory with something wanted or something removed in it. Depth is bounded by now. */
static void mark_dirs(struct tree_dentry *dir)
{
    if (tree_ghosts(dir) > 0) {
        dir->inode->mark = DIR_SINK_WALK_WANTED;
    }
    for (size_t i = 0; i < tree_children(dir); i++) {
        struct tree_dentry *d = tree_child(dir, i);
        if (d->inode->type == ENTRY_DIR) {
            mark_dirs(d);
        }
        if (d->inode->mark != 0) {
            dir->inode->mark = DIR_SINK_WALK_WANTED;
        }
    }
}

static const struct tree_dentry *find_ghost(const struct tree_dentry *dir, const char *name)
{
    size_t low = 0, high = tree_ghosts(dir);

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct tree_dentry *g = tree_ghost(dir, mid);
        int cmp = strcmp(g->name, name);
        if (cmp == 0) {
            return g;
        }
        if (cmp < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return NULL;
}

/* What the layers below have as @name in @dir, where the new one replaces it. @lower is what @dir
 * itself replaces: its children would shine through, since no directory is ever made opaque. */
static const struct tree_dentry *find_lower(const struct tree_dentry *dir,
                                            const struct tree_dentry *lower, const char *name)
{
    const struct tree_dentry *ghost = find_ghost(dir, name);

    if (!ghost && lower) {
        ghost = tree_find(lower, imgc_str_of(name));
    }
    return ghost;
}

static int cmp_items(const void *a, const void *b)
{
    const struct dir_sink_item *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static const struct tree_dentry *lower_dir(const struct tree_dentry *lower)
{
    return lower && lower->inode->type == ENTRY_DIR ? lower : NULL;
}

/* A whiteout is made only where the layers below have the name: in a directory that is not merged
 * with a lower one, overlayfs would list it. */
static void add_whiteouts(const struct tree_dentry *dir, const struct tree_dentry *lower,
                          struct dir_sink_items *items)
{
    size_t n_children = items->n;

    for (size_t i = 0; i < tree_ghosts(dir); i++) {
        const char *name = tree_ghost(dir, i)->name;
        if (!tree_find(dir, imgc_str_of(name))) {
            items->items[items->n++] = (struct dir_sink_item){ .name = name };
        }
    }
    for (size_t i = 0; lower && i < tree_children(lower); i++) {
        const char *name = tree_child(lower, i)->name;
        if (!tree_find(dir, imgc_str_of(name)) && !find_ghost(dir, name)) {
            items->items[items->n++] = (struct dir_sink_item){ .name = name };
        }
    }
    if (items->n > n_children) {
        qsort(items->items, items->n, sizeof *items->items, cmp_items);
    }
}

static int list_items(const struct tree_dentry *dir, const struct tree_dentry *lower,
                      bool is_overlay, struct dir_sink_items *ret, struct imgc_err *reterr)
{
    size_t max = tree_children(dir);

    if (is_overlay) {
        max += tree_ghosts(dir) + (lower ? tree_children(lower) : 0);
    }
    ret->items = calloc(max > 0 ? max : 1, sizeof *ret->items);
    if (!ret->items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < tree_children(dir); i++) {
        struct tree_dentry *d = tree_child(dir, i);
        if (d->inode->mark != 0) {
            ret->items[ret->n++] = (struct dir_sink_item){
                .name = d->name,
                .dentry = d,
                .lower = is_overlay ? find_lower(dir, lower, d->name) : NULL,
            };
        }
    }
    if (is_overlay) {
        add_whiteouts(dir, lower, ret);
    }
    return 0;
}

/* A directory that is closed for now: which one it was. */
struct parked {
    bool is_parked;
    dev_t dev;
    ino_t ino;
};

static int park(int *dir_fd, struct parked *ret, struct imgc_err *reterr)
{
    struct stat st;

    if (fstat(*dir_fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at its directory");
    }
    *ret = (struct parked){ .is_parked = true, .dev = st.st_dev, .ino = st.st_ino };
    imgc_closep(dir_fd);
    return 0;
}

/* ".." is the only name here that is not the tree's own: believe it only where it leads back. */
static int unpark(int child_fd, const struct parked *parked, int *dir_fd, struct imgc_err *reterr)
{
    struct stat st;
    int r = fd_open_at(child_fd, "..", O_RDONLY | O_DIRECTORY, 0, dir_fd, reterr);

    if (r < 0) {
        return r;
    }
    if (fstat(*dir_fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at its directory");
    }
    if (st.st_dev != parked->dev || st.st_ino != parked->ino) {
        return imgc_fail(reterr, IMGC_E_STORE, "somebody else moved the directory");
    }
    return 0;
}

static int walk_children(const struct dir_sink_walk *w, int *dir_fd, const struct tree_dentry *dir,
                         const struct tree_dentry *lower, unsigned depth, struct imgc_err *reterr);

static int walk_dir(const struct dir_sink_walk *w, int *parent_fd, const struct dir_sink_item *item,
                    unsigned depth, struct imgc_err *reterr)
{
    const struct tree_dentry *dir = item->dentry;
    struct parked parked = { .is_parked = false };
    imgc_autoclose int fd = -1;

    int r = w->ops->open_dir(w->arg, *parent_fd, item, &fd, reterr);
    if (r == DIR_SINK_WALK_SKIP) {
        return 0;
    }
    if (r >= 0 && depth > OPEN_DIRS_MAX) {
        r = park(parent_fd, &parked, reterr);
    }
    if (r < 0) {
        return dir_sink_walk_context(dir, "", reterr);
    }
    r = walk_children(w, &fd, dir, lower_dir(item->lower), depth, reterr);
    if (r < 0) {
        return r;
    }
    /* Back up before end(), which may forbid an ordinary user to search the directory. */
    if (parked.is_parked) {
        r = unpark(fd, &parked, parent_fd, reterr);
    }
    if (r >= 0) {
        r = w->ops->end(w->arg, fd, dir, reterr);
    }
    return r < 0 ? dir_sink_walk_context(dir, "", reterr) : 0;
}

static int walk_children(const struct dir_sink_walk *w, int *dir_fd, const struct tree_dentry *dir,
                         const struct tree_dentry *lower, unsigned depth, struct imgc_err *reterr)
{
    imgc_auto(items_done) struct dir_sink_items items = { .items = NULL };
    int r = list_items(dir, lower, w->is_overlay, &items, reterr);

    if (r >= 0 && w->ops->begin) {
        r = w->ops->begin(w->arg, *dir_fd, &items, reterr);
    }
    if (r < 0) {
        return dir_sink_walk_context(dir, "", reterr);
    }
    for (size_t i = 0; i < items.n; i++) {
        const struct dir_sink_item *item = &items.items[i];
        if (item->dentry && item->dentry->inode->type == ENTRY_DIR) {
            r = walk_dir(w, dir_fd, item, depth + 1, reterr);
        } else {
            r = w->ops->leaf(w->arg, *dir_fd, item, reterr);
            if (r < 0) {
                (void)dir_sink_walk_context(dir, item->name, reterr);
            }
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int dir_sink_walk(struct tree *t, const struct dir_sink_walk *walk, struct imgc_err *reterr)
{
    struct tree_dentry *root = walk->top ? walk->top : tree_root(t);
    uint32_t layers = tree_layers(t);

    tree_clear_marks(t);
    /* With no layer at all there is no top one; nothing but the root exists then. */
    int r = mark_inodes(root, layers > 0 ? layers - 1 : 0, !walk->is_overlay, 0, reterr);
    if (r < 0) {
        return r;
    }
    mark_dirs(root);

    imgc_autoclose int fd = fcntl(walk->root_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "duplicate the directory's fd");
    }
    r = walk_children(walk, &fd, root, NULL, 0, reterr);
    if (r < 0) {
        return r;
    }
    r = walk->ops->end(walk->arg, fd, root, reterr);
    return r < 0 ? dir_sink_walk_context(root, "", reterr) : 0;
}
