/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tree_node.h"

#include <assert.h>
#include <stdlib.h>

#include "layers/tree_index.h"
#include "schema/limits.h"

bool tree_node_is_born(const struct tree *t, const struct tree_dentry *d)
{
    return d->born == t->n_layers;
}

int tree_node_new_inode(struct tree *t, enum entry_type type, struct tree_inode **ret,
                        struct imgc_err *reterr)
{
    struct tree_inode *i = calloc(1, sizeof *i);

    if (!i) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    i->type = type;
    i->mode = 0755;
    i->layer = t->n_layers;
    *ret = i;
    return 0;
}

void tree_node_release(struct tree_inode *i)
{
    if (!i || i->refs) {
        return;
    }
    free(i->target);
    free(i->extents);
    for (size_t k = 0; k < i->n_xattrs; k++) {
        free(i->xattrs[k].name);
        free(i->xattrs[k].value);
    }
    free(i->xattrs);
    free(i);
}

/* Put @d into the list of its inode's names, behind the first, which stays the first. */
static void add_name(struct tree_dentry *d)
{
    struct tree_inode *i = d->inode;

    d->prev_name = i->names;
    d->next_name = i->names ? i->names->next_name : NULL;
    if (d->next_name) {
        d->next_name->prev_name = d;
    }
    if (i->names) {
        i->names->next_name = d;
    } else {
        i->names = d;
    }
    i->nlink++;
    d->is_named = true;
}

static void drop_name(struct tree *t, struct tree_dentry *d)
{
    if (!d->is_named) {
        return;
    }
    if (d->prev_name) {
        d->prev_name->next_name = d->next_name;
    } else {
        d->inode->names = d->next_name;
    }
    if (d->next_name) {
        d->next_name->prev_name = d->prev_name;
    }
    d->prev_name = d->next_name = NULL;
    d->inode->nlink--;
    d->is_named = false;
    t->n_entries -= d->depth > 0;
}

static void set_inode(struct tree_dentry *d, struct tree_inode *inode)
{
    d->inode = inode;
    inode->refs++;
    add_name(d);
}

static void make_dirty(struct tree *t, struct tree_dentry *d)
{
    if (d->dir->is_dirty) {
        return;
    }
    d->dir->is_dirty = true;
    d->dir->dirty_prev = NULL;
    d->dir->dirty_next = t->dirty;
    if (t->dirty) {
        t->dirty->dir->dirty_prev = d;
    }
    t->dirty = d;
}

static void make_clean(struct tree *t, struct tree_dentry *d)
{
    if (!d->dir->is_dirty) {
        return;
    }
    if (d->dir->dirty_prev) {
        d->dir->dirty_prev->dir->dirty_next = d->dir->dirty_next;
    } else {
        t->dirty = d->dir->dirty_next;
    }
    if (d->dir->dirty_next) {
        d->dir->dirty_next->dir->dirty_prev = d->dir->dirty_prev;
    }
    d->dir->is_dirty = false;
}

/* A dentry in no directory, which holds @inode. */
static int new_dentry(struct tree *t, struct imgc_str name, uint32_t depth,
                      struct tree_inode *inode, struct tree_dentry **ret, struct imgc_err *reterr)
{
    if (depth > LIMIT_PATH_DEPTH) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "directories nested more than %d deep",
                         LIMIT_PATH_DEPTH);
    }
    if (++t->n_made > LIMIT_LAYER_ENTRIES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "more than %u entries in one layer",
                         LIMIT_LAYER_ENTRIES);
    }
    struct tree_dentry *d = calloc(1, sizeof *d + name.len + 1);
    bool is_dir = inode->type == ENTRY_DIR;
    struct tree_dir *dir = is_dir ? calloc(1, sizeof *dir) : NULL;
    if (!d || (is_dir && !dir)) {
        free(d);
        free(dir);
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    d->name = (char *)(d + 1);
    if (name.len) {
        memcpy(d->name, name.ptr, name.len);
    }
    d->dir = dir;
    d->depth = depth;
    d->born = d->layer = t->n_layers;
    set_inode(d, inode);
    t->n_entries += depth > 0;
    *ret = d;
    return 0;
}

static void put_into(struct tree_dentry *parent, struct tree_dentry *d)
{
    d->parent = parent;
    tree_index_add(&parent->dir->children, d);
}

int tree_node_add(struct tree *t, struct tree_dentry *parent, struct imgc_str name,
                  struct tree_inode *inode, struct tree_dentry **ret, struct imgc_err *reterr)
{
    struct tree_dentry *d = NULL;
    int r = new_dentry(t, name, parent ? parent->depth + 1 : 0, inode, &d, reterr);

    if (r < 0 || !d) {
        return r;
    }
    if (parent) {
        put_into(parent, d);
    }
    *ret = d;
    return 0;
}

/* Let go of the inode that @d has now. */
static struct tree_inode *take_inode(struct tree *t, struct tree_dentry *d)
{
    struct tree_inode *i = d->inode;

    t->n_entries += d->is_named && d->depth > 0; /* the name stays: only its inode changes */
    drop_name(t, d);
    i->refs--;
    d->inode = NULL;
    return i;
}

void tree_node_set_dir(struct tree *t, struct tree_dentry *d, struct tree_inode *inode)
{
    struct tree_inode *old = take_inode(t, d);

    if (!tree_node_is_born(t, d) && d->layer != t->n_layers) {
        d->dir->below = old;
        d->dir->below_layer = d->layer;
        make_dirty(t, d);
    } else {
        tree_node_release(old);
    }
    set_inode(d, inode);
    d->layer = t->n_layers;
}

static void free_index(struct tree *t, struct tree_dentry *n)
{
    if (n) {
        free_index(t, n->left);
        free_index(t, n->right);
        tree_node_free(t, n);
    }
}

void tree_node_free(struct tree *t, struct tree_dentry *d)
{
    if (!d) {
        return;
    }
    if (d->dir) {
        make_clean(t, d);
        free_index(t, d->dir->children);
        free_index(t, d->dir->ghosts);
        tree_node_release(d->dir->below);
        free(d->dir);
    }
    drop_name(t, d);
    d->inode->refs--;
    tree_node_release(d->inode);
    free(d);
}

void tree_node_forget(struct tree *t)
{
    while (t->dirty) {
        struct tree_dentry *d = t->dirty;
        make_clean(t, d);
        free_index(t, d->dir->ghosts);
        d->dir->ghosts = NULL;
        tree_node_release(d->dir->below);
        d->dir->below = NULL;
    }
}

/* Give @d back the attributes of the lower view; those of this layer are returned. */
static struct tree_inode *restore_below(struct tree *t, struct tree_dentry *d)
{
    struct tree_inode *newer = take_inode(t, d);

    set_inode(d, imgc_take(d->dir->below));
    d->layer = d->dir->below_layer;
    return newer;
}

/* Make the directory that goes on with what this layer made in @old, once: with the attributes
 * that this layer gave, else those of an implied directory. */
static int make_successor(struct tree *t, struct tree_dentry *old, struct tree_dentry **ret,
                          struct imgc_err *reterr)
{
    struct tree_inode *inode = NULL;

    if (*ret) {
        return 0;
    }
    int r = tree_node_new_inode(t, ENTRY_DIR, &inode, reterr);
    if (r < 0 || !inode) {
        return r;
    }
    r = new_dentry(t, imgc_str_of(old->name), old->depth, inode, ret, reterr);
    if (r < 0 || !*ret) {
        tree_node_release(inode);
        return r;
    }
    if (old->dir->below) {
        tree_node_release(take_inode(t, *ret));
        set_inode(*ret, restore_below(t, old));
    }
    return 0;
}

static int bury_dir(struct tree *t, struct tree_dentry *old, bool keep_own,
                    struct tree_dentry **ret_own, struct imgc_err *reterr);

/* What this layer made of the child @c of @old: it leaves @old, for *own or for nothing. */
static int bury_child(struct tree *t, struct tree_dentry *old, struct tree_dentry *c, bool keep_own,
                      struct tree_dentry **own, struct imgc_err *reterr)
{
    struct tree_dentry *kept = NULL;
    int r = 0;

    if (tree_node_is_born(t, c)) {
        tree_index_remove(&old->dir->children, c);
        kept = c;
    } else if (c->dir) {
        r = bury_dir(t, c, keep_own, &kept, reterr);
    } else {
        drop_name(t, c);
    }
    if (r == 0 && kept && keep_own) {
        r = make_successor(t, old, own, reterr);
    }
    if (r < 0 || !*own) {
        tree_node_free(t, kept);
    } else if (kept) {
        put_into(*own, kept);
    }
    return r;
}

/* Turn the directory @old back into what it was in the lower view, and into no name of its inode.
 * With @keep_own, *ret_own is a new dentry with what this layer made of it, or NULL. */
static int bury_dir(struct tree *t, struct tree_dentry *old, bool keep_own,
                    struct tree_dentry **ret_own, struct imgc_err *reterr)
{
    struct tree_dentry *own = NULL;
    int r = 0;

    if (old->dir->below && keep_own) {
        r = make_successor(t, old, &own, reterr);
    }
    for (size_t i = tree_index_count(old->dir->children); r == 0 && i > 0; i--) {
        r = bury_child(t, old, tree_index_at(old->dir->children, i - 1), keep_own, &own, reterr);
    }
    if (r < 0) {
        tree_node_free(t, own);
        return r;
    }
    while (old->dir->ghosts) {
        struct tree_dentry *g = old->dir->ghosts;
        tree_index_remove(&old->dir->ghosts, g);
        put_into(old, g);
    }
    if (old->dir->below) {
        tree_node_release(restore_below(t, old));
    }
    make_clean(t, old);
    drop_name(t, old);
    *ret_own = own;
    return 0;
}

int tree_node_bury(struct tree *t, struct tree_dentry *d, bool keep_own, struct imgc_err *reterr)
{
    struct tree_dentry *parent = d->parent;
    struct tree_dentry *own = NULL;

    assert(parent);
    if (tree_node_is_born(t, d)) {
        assert(!keep_own);
        tree_index_remove(&parent->dir->children, d);
        tree_node_free(t, d);
        return 0;
    }
    if (d->dir) {
        int r = bury_dir(t, d, keep_own, &own, reterr);
        if (r < 0) {
            return r;
        }
    } else {
        drop_name(t, d);
    }
    tree_index_remove(&parent->dir->children, d);
    tree_index_add(&parent->dir->ghosts, d);
    make_dirty(t, parent);
    if (own) {
        put_into(parent, own);
    }
    return 0;
}
