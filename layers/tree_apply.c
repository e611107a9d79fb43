/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One layer onto the tree. Whiteouts only ever act on the lower view (T1 and T2 of image-spec
 * layer.md: "Whiteout files MUST only apply to resources in lower/parent layers"), so the order of
 * a layer's entries has a meaning only for replacing and for hard links.
 */
#include "layers/tree.h"

#include <stdlib.h>

#include "layers/tree_index.h"
#include "layers/tree_walk.h"
#include "layers/whiteout.h"
#include "schema/limits.h"

/* A hard link whose target was not there yet: tried once more when the layer is over. */
struct late_link {
    char *path, *target;
};

struct apply {
    struct tree *t;
    struct late_link *late;
    size_t n_late;
    uint64_t n_entries;
};

static void apply_done(struct apply *a)
{
    for (size_t i = 0; i < a->n_late; i++) {
        free(a->late[i].path);
        free(a->late[i].target);
    }
    free(a->late);
}

/* Move what @e holds into a new inode. */
static int inode_of_entry(struct tree *t, struct entry *e, struct tree_inode **ret,
                          struct imgc_err *reterr)
{
    int r = tree_node_new_inode(t, e->type, ret, reterr);

    if (r < 0) {
        return r;
    }
    struct tree_inode *i = *ret;
    i->mode = e->mode;
    i->uid = e->uid;
    i->gid = e->gid;
    i->mtime_s = e->mtime_s;
    i->mtime_ns = e->mtime_ns;
    i->size = e->size;
    i->major = e->major;
    i->minor = e->minor;
    i->target = imgc_take(e->target);
    i->extents = imgc_take(e->extents);
    i->n_extents = e->n_extents;
    i->xattrs = imgc_take(e->xattrs);
    i->n_xattrs = e->n_xattrs;
    e->n_extents = e->n_xattrs = 0;
    return 0;
}

/* Hide @d of the lower view; what this layer has put there stays. */
static int hide(struct apply *a, struct tree_dentry *d, struct imgc_err *reterr)
{
    return tree_node_is_born(a->t, d) ? 0 : tree_node_bury(a->t, d, true, reterr);
}

static int hide_children(struct apply *a, struct tree_dentry *dir, struct imgc_err *reterr)
{
    /* Once is enough, however often the layer says it: nothing of the lower view comes back. */
    if (tree_node_is_born(a->t, dir) || dir->dir->opaque == a->t->n_layers + 1) {
        return 0;
    }
    for (size_t i = tree_children(dir); i > 0; i--) {
        int r = hide(a, tree_child(dir, i - 1), reterr);
        if (r < 0) {
            return r;
        }
    }
    dir->dir->opaque = a->t->n_layers + 1;
    return 0;
}

/* The directory that a whiteout stands in, or NULL where it can hide nothing. A plain whiteout
 * finds it as any entry does. An opaque mark must not: "link/.wh..wh..opq" would empty the
 * directory that the link points to. */
static struct tree_dentry *whiteout_dir(struct apply *a, const struct whiteout *w)
{
    struct tree_dentry *dir = w->kind == WHITEOUT_OPAQUE ? tree_walk_plain(a->t, w->parent)
                                                         : tree_lookup(a->t, w->parent, true);

    return dir && dir->dir ? dir : NULL;
}

static int apply_whiteout(struct apply *a, const struct whiteout *w, struct imgc_err *reterr)
{
    struct tree_dentry *dir = w->kind == WHITEOUT_META ? NULL : whiteout_dir(a, w);

    if (!dir) {
        return 0;
    }
    if (w->kind == WHITEOUT_OPAQUE) {
        return hide_children(a, dir, reterr);
    }
    struct tree_dentry *hidden = tree_find(dir, w->name);
    return hidden ? hide(a, hidden, reterr) : 0;
}

/* The place that @path means: its directory (links followed, implied ones made) and its name. */
static int find_place(struct apply *a, struct imgc_str path, struct tree_dentry **ret_dir,
                      struct imgc_str *ret_name, struct imgc_err *reterr)
{
    struct imgc_str parent;

    (void)imgc_str_rsplit(path, '/', &parent, ret_name);
    int r = tree_walk(a->t, parent, TREE_WALK_FOLLOW | TREE_WALK_MAKE, ret_dir, reterr);
    if (r < 0) {
        return r;
    }
    if (!(*ret_dir)->dir) {
        return imgc_fail(reterr, IMGC_E_LAYER, IMGC_STR_FMT " is not a directory",
                         IMGC_STR_ARG(parent));
    }
    return 0;
}

/* Put @inode at @path, in the place of what is there: a directory that replaces a directory keeps
 * its children, anything else is a replacement. The caller holds @inode. */
static int put(struct apply *a, struct imgc_str path, struct tree_inode *inode,
               struct imgc_err *reterr)
{
    struct tree_dentry *dir = NULL;
    struct tree_dentry *added = NULL;
    struct imgc_str name;
    int r = find_place(a, path, &dir, &name, reterr);

    if (r < 0) {
        return r;
    }
    struct tree_dentry *old = tree_find(dir, name);
    if (old && old->inode == inode && tree_node_is_born(a->t, old)) {
        return 0;
    }
    if (old && old->dir && inode->type == ENTRY_DIR) {
        tree_node_set_dir(a->t, old, inode);
        return 0;
    }
    r = old ? tree_node_bury(a->t, old, false, reterr) : 0;
    return r < 0 ? r : tree_node_add(a->t, dir, name, inode, &added, reterr);
}

static int link_to(struct apply *a, struct imgc_str path, struct tree_dentry *target,
                   struct imgc_err *reterr)
{
    struct tree_inode *inode = target->inode;

    if (inode->type == ENTRY_DIR) {
        return imgc_fail(reterr, IMGC_E_LAYER, "a hard link to a directory");
    }
    /* Held, because putting the link may bury the target's name. */
    inode->refs++;
    int r = put(a, path, inode, reterr);
    inode->refs--;
    tree_node_release(inode);
    return r;
}

/* @return 0; TREE_WALK_NONE where the target is not there. */
static int try_link(struct apply *a, const char *path, const char *target, struct imgc_err *reterr)
{
    struct tree_dentry *d = NULL;
    int r = tree_walk(a->t, imgc_str_of(target), 0, &d, reterr);

    if (r == 0) {
        r = link_to(a, imgc_str_of(path), d, reterr);
    }
    return r < 0 ? imgc_context(reterr, "hard link to %s", target) : r;
}

static int keep_late(struct apply *a, struct entry *e, struct imgc_err *reterr)
{
    if ((a->n_late & (a->n_late - 1)) == 0) {
        size_t room = a->n_late ? a->n_late * 2 : 1;
        struct late_link *grown = realloc(a->late, room * sizeof *grown);
        if (!grown) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        a->late = grown;
    }
    a->late[a->n_late++] =
        (struct late_link){ .path = imgc_take(e->path), .target = imgc_take(e->target) };
    return 0;
}

static int apply_link(struct apply *a, struct entry *e, struct imgc_err *reterr)
{
    int r = try_link(a, e->path, e->target, reterr);

    return r == TREE_WALK_NONE ? keep_late(a, e, reterr) : r;
}

static int apply_root(struct apply *a, struct entry *e, struct imgc_err *reterr)
{
    struct tree_inode *inode = NULL;

    if (e->type != ENTRY_DIR) {
        return imgc_fail(reterr, IMGC_E_LAYER, "the root is not a directory");
    }
    int r = inode_of_entry(a->t, e, &inode, reterr);
    if (r < 0) {
        return r;
    }
    tree_node_set_dir(a->t, a->t->root, inode);
    return 0;
}

static int apply_entry(struct apply *a, struct entry *e, struct imgc_err *reterr)
{
    struct tree_inode *inode = NULL;
    struct whiteout w;
    int r = whiteout_classify(imgc_str_of(e->path), &w, reterr);

    if (r < 0) {
        return r;
    }
    if (w.kind != WHITEOUT_NONE) {
        return apply_whiteout(a, &w, reterr);
    }
    if (e->path[0] == '\0') {
        return apply_root(a, e, reterr);
    }
    if (e->type == ENTRY_CHAR && e->major == 0 && e->minor == 0) {
        /* overlayfs would read the node as a whiteout, so that is what it is here. */
        w.kind = WHITEOUT_NAME;
        (void)imgc_str_rsplit(imgc_str_of(e->path), '/', &w.parent, &w.name);
        return apply_whiteout(a, &w, reterr);
    }
    if (e->type == ENTRY_HARDLINK) {
        return apply_link(a, e, reterr);
    }
    if (e->type == ENTRY_SYMLINK && (!e->target || !e->target[0])) {
        return imgc_fail(reterr, IMGC_E_LAYER, "a symbolic link to nothing");
    }
    r = inode_of_entry(a->t, e, &inode, reterr);
    if (r < 0) {
        return r;
    }
    inode->refs++;
    r = put(a, imgc_str_of(e->path), inode, reterr);
    inode->refs--;
    tree_node_release(inode);
    return r;
}

static int apply_next(struct apply *a, struct source *layer, struct imgc_err *reterr)
{
    entry_auto struct entry e = ENTRY_INIT;
    int r = layer->next(layer, &e, reterr);

    if (r != 0) {
        return r;
    }
    if (++a->n_entries > LIMIT_LAYER_ENTRIES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "more than %u entries in one layer",
                         LIMIT_LAYER_ENTRIES);
    }
    r = apply_entry(a, &e, reterr);
    return r < 0 ? imgc_context(reterr, "%s", e.path && e.path[0] ? e.path : "/") : 0;
}

static int apply_late(struct apply *a, struct imgc_err *reterr)
{
    for (size_t i = 0; i < a->n_late; i++) {
        const struct late_link *l = &a->late[i];
        int r = try_link(a, l->path, l->target, reterr);
        if (r == TREE_WALK_NONE) {
            r = imgc_fail(reterr, IMGC_E_LAYER, "hard link to %s, which is not there", l->target);
        }
        if (r < 0) {
            return imgc_context(reterr, "%s", l->path);
        }
    }
    return 0;
}

int tree_apply(struct tree *t, struct source *layer, struct imgc_err *reterr)
{
    imgc_auto(apply_done) struct apply a = { .t = t };
    int r;

    tree_node_forget(t);
    t->n_made = 0;
    do {
        r = apply_next(&a, layer, reterr);
    } while (r == 0);
    if (r < 0) {
        return r;
    }
    r = apply_late(&a, reterr);
    if (r < 0) {
        return r;
    }
    t->n_layers++;
    return 0;
}
