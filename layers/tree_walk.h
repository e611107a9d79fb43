/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths through the tree, as openat2(RESOLVE_IN_ROOT) walks them: symlinks are followed inside the
 * root, and ".." at the root stays there. Only for the tree's own files.
 */
#ifndef IMGC_LAYERS_TREE_WALK_H
#define IMGC_LAYERS_TREE_WALK_H

#include "layers/tree_node.h"

enum {
    TREE_WALK_FOLLOW = 1 << 0, /* a final symlink is followed too */
    TREE_WALK_MAKE = 1 << 1,   /* what is missing is made, as implied directories */
};

enum { TREE_WALK_NONE = 1 };

/** Walk @path from the root.
 * @return 0; TREE_WALK_NONE (missing, not with TREE_WALK_MAKE); -LAYER (not a directory on the
 * way, too many symlinks); -LIMIT; -NOMEM. */
IMGC_CHECK int tree_walk(struct tree *t, struct imgc_str path, unsigned flags,
                         struct tree_dentry **ret, struct imgc_err *reterr);

/** Walk @path without following anything: NULL where a component is missing or no directory. */
struct tree_dentry *tree_walk_plain(struct tree *t, struct imgc_str path);

#endif
