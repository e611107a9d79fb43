/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root file system in memory. Layers are applied one after another, bottom first; whiteouts,
 * opaque directories, replaced entries, hard links, implied and symlinked parents are all decided
 * here, on the merged view. Sinks read the result.
 *
 * A dentry is a name in a directory; an inode is what it names. Hard links are dentries that share
 * an inode. Nothing here touches a file system.
 *
 * Source: OCI image-spec v1.1, layer.md "Applying Changesets", "Whiteouts", "Hardlinks".
 */
#ifndef IMGC_LAYERS_TREE_H
#define IMGC_LAYERS_TREE_H

#include "layers/source.h"

struct tree_inode {
    enum entry_type type; /* never ENTRY_HARDLINK */
    uint32_t mode, uid, gid;
    int64_t mtime_s;
    uint32_t mtime_ns;
    uint64_t size;
    uint32_t major, minor;
    char *target; /* SYMLINK */
    struct extent *extents;
    size_t n_extents;
    struct xattr *xattrs;
    size_t n_xattrs;
    uint32_t layer;            /* index of the layer whose tar holds the extents */
    uint32_t nlink;            /* dentries that name it */
    struct tree_dentry *names; /* first of them, by dentry->next_name */
    uintptr_t mark; /* free for one sink at a time; zero it before use with tree_clear_marks() */
    uint32_t refs;  /* the tree's own: dentries and ghosts that hold it */
};

struct tree_dentry {
    char *name;                 /* "" for the root */
    struct tree_dentry *parent; /* NULL for the root */
    struct tree_inode *inode;
    struct tree_dentry *next_name; /* next dentry of the same inode */
    uint32_t layer;       /* index of the last layer that wrote this name or, for a directory, its
                             attributes */
    struct tree_dir *dir; /* children and ghosts; directories only */

    /* The tree's own. */
    uint32_t born;                 /* index of the layer that made this dentry */
    uint32_t depth;                /* components of its path; 0 for the root */
    struct tree_dentry *prev_name; /* dentry of the same inode before it; NULL for the first */
    struct tree_dentry *left;      /* layers/tree_index.h */
    struct tree_dentry *right;
    size_t weight;
    bool is_named; /* in inode->names; a ghost is not */
};

struct tree; /* opaque: root, layer count, totals */

IMGC_CHECK int tree_new(struct tree **ret, struct imgc_err *reterr);
struct tree *tree_free(struct tree *t);
void tree_freep(struct tree **t);
#define tree_auto imgc_auto(tree_freep)

/**
 * Apply one layer on top. On failure the tree is not usable any more (free it).
 * @return 0; -LAYER with the entry's path; -LIMIT; what the source returns.
 */
IMGC_CHECK int tree_apply(struct tree *t, struct source *layer, struct imgc_err *reterr);

uint32_t tree_layers(const struct tree *t);  /* how many were applied */
uint64_t tree_entries(const struct tree *t); /* dentries, without the root */
struct tree_dentry *tree_root(struct tree *t);
void tree_clear_marks(struct tree *t);

/** Children in byte order of their names: tree_child(dir, 0 .. tree_children(dir) - 1). */
size_t tree_children(const struct tree_dentry *dir);
struct tree_dentry *tree_child(const struct tree_dentry *dir, size_t i);

/** Child by name, or NULL. */
struct tree_dentry *tree_find(const struct tree_dentry *dir, struct imgc_str name);

/**
 * Look a path up from the root, following symlinks inside the root ('..' at the root stays there).
 * @follow_last  whether a final symlink is followed too.
 * @return the dentry, or NULL (missing, not a directory on the way, too many symlinks).
 */
struct tree_dentry *tree_lookup(struct tree *t, struct imgc_str path, bool follow_last);

/**
 * Ghosts: what the layer applied last removed or replaced in @dir, as it stood in the layers below.
 * They live until the next tree_apply(). The overlay sink makes whiteouts from them. A ghost's own
 * children are those of the lower view. Byte order, one per name.
 */
size_t tree_ghosts(const struct tree_dentry *dir);
const struct tree_dentry *tree_ghost(const struct tree_dentry *dir, size_t i);

/** Path from the root, without a leading '/', for messages. @ret caller frees. */
IMGC_CHECK int tree_path(const struct tree_dentry *d, char **ret, struct imgc_err *reterr);

#endif
