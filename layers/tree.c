/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tree.h"

#include <stdlib.h>

#include "layers/tree_index.h"
#include "layers/tree_node.h"
#include "layers/tree_walk.h"
#include "schema/base/buf.h"
#include "schema/limits.h"

int tree_new(struct tree **ret, struct imgc_err *reterr)
{
    tree_auto struct tree *t = calloc(1, sizeof *t);
    struct tree_inode *inode = NULL;

    if (!t) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = tree_node_new_inode(t, ENTRY_DIR, &inode, reterr);
    if (r < 0) {
        return r;
    }
    r = tree_node_add(t, NULL, IMGC_STR(""), inode, &t->root, reterr);
    if (r < 0) {
        tree_node_release(inode);
        return r;
    }
    *ret = imgc_take(t);
    return 0;
}

struct tree *tree_free(struct tree *t)
{
    if (t) {
        tree_node_free(t, t->root);
        free(t);
    }
    return NULL;
}

void tree_freep(struct tree **t)
{
    *t = tree_free(*t);
}

uint32_t tree_layers(const struct tree *t)
{
    return t->n_layers;
}

uint64_t tree_entries(const struct tree *t)
{
    return t->n_entries;
}

struct tree_dentry *tree_root(struct tree *t)
{
    return t->root;
}

static void clear_marks_below(struct tree_dentry *d)
{
    d->inode->mark = 0;
    for (size_t i = 0; d->dir && i < tree_children(d); i++) {
        clear_marks_below(tree_child(d, i));
    }
}

void tree_clear_marks(struct tree *t)
{
    clear_marks_below(t->root);
}

size_t tree_children(const struct tree_dentry *dir)
{
    return dir->dir ? tree_index_count(dir->dir->children) : 0;
}

struct tree_dentry *tree_child(const struct tree_dentry *dir, size_t i)
{
    return tree_index_at(dir->dir->children, i);
}

struct tree_dentry *tree_find(const struct tree_dentry *dir, struct imgc_str name)
{
    return dir->dir ? tree_index_find(dir->dir->children, name) : NULL;
}

struct tree_dentry *tree_lookup(struct tree *t, struct imgc_str path, bool follow_last)
{
    struct tree_dentry *d = NULL;
    struct imgc_err ignored;
    int r = tree_walk(t, path, follow_last ? TREE_WALK_FOLLOW : 0, &d, &ignored);

    return r == 0 ? d : NULL;
}

size_t tree_ghosts(const struct tree_dentry *dir)
{
    return dir->dir ? tree_index_count(dir->dir->ghosts) : 0;
}

const struct tree_dentry *tree_ghost(const struct tree_dentry *dir, size_t i)
{
    return tree_index_at(dir->dir->ghosts, i);
}

/* From the root down, so that the path is written in order. */
static void add_path(struct imgc_buf *b, const struct tree_dentry *d)
{
    if (d->parent) {
        add_path(b, d->parent);
        if (b->len) {
            imgc_buf_putc(b, '/');
        }
        imgc_buf_puts(b, d->name);
    }
}

int tree_path(const struct tree_dentry *d, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b =
        IMGC_BUF_INIT((size_t)LIMIT_PATH_DEPTH * (LIMIT_NAME_BYTES + 1));

    add_path(&b, d);
    return imgc_buf_take(&b, ret, reterr);
}
