/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts that a tree is made of: making, naming, burying and freeing dentries and inodes. Only
 * for the tree's own files; what the parts mean is in layers/tree.h.
 *
 * "Born": a dentry that the layer being applied has made (dentry->born == tree->n_layers). A born
 * directory has only born children and no ghosts; everything else is the lower view.
 */
#ifndef IMGC_LAYERS_TREE_NODE_H
#define IMGC_LAYERS_TREE_NODE_H

#include "layers/tree.h"

struct tree_dir {
    struct tree_dentry *children; /* layers/tree_index.h */
    struct tree_dentry *ghosts;   /* the same */
    struct tree_inode *below;     /* attributes before this layer set others, or NULL */
    uint32_t below_layer;         /* the layer that had set those */
    uint32_t opaque;              /* 1 + the layer that was last opaque here; 0: none was */

    /* List of the directories that have something of the lower view to forget. */
    struct tree_dentry *dirty_prev, *dirty_next;
    bool is_dirty;
};

struct tree {
    struct tree_dentry *root;
    struct tree_dentry *dirty;
    uint32_t n_layers; /* applied before: the index of the one that is being applied */
    uint64_t n_entries;
    uint64_t n_made; /* dentries that this layer made */
};

/** Whether the layer being applied has made @d. */
bool tree_node_is_born(const struct tree *t, const struct tree_dentry *d);

/** An inode of @type with the attributes of an implied directory, held by nobody.
 * @return 0; -NOMEM. */
IMGC_CHECK int tree_node_new_inode(struct tree *t, enum entry_type type, struct tree_inode **ret,
                                   struct imgc_err *reterr);

/** Free @i where nobody holds it. Accepts NULL. */
void tree_node_release(struct tree_inode *i);

/** Add the name @name of @inode to @parent, which has no child of that name; NULL makes a root.
 * @return 0; -LIMIT (too many, too deep); -NOMEM. */
IMGC_CHECK int tree_node_add(struct tree *t, struct tree_dentry *parent, struct imgc_str name,
                             struct tree_inode *inode, struct tree_dentry **ret,
                             struct imgc_err *reterr);

/** Give the directory @d the attributes of @inode, remembering those of the lower view. */
void tree_node_set_dir(struct tree *t, struct tree_dentry *d, struct tree_inode *inode);

/**
 * Take @d out of its directory. What is of the lower view becomes a ghost there; what this layer
 * made is freed, or with @keep_own stays in a new directory of the same name. Not for the root.
 * @return 0; -NOMEM.
 */
IMGC_CHECK int tree_node_bury(struct tree *t, struct tree_dentry *d, bool keep_own,
                              struct imgc_err *reterr);

/** Free all ghosts: the lower view is now the view. */
void tree_node_forget(struct tree *t);

/** Free @d, which is in no index, with all below it, ghosts too. Accepts NULL. */
void tree_node_free(struct tree *t, struct tree_dentry *d);

#endif
