/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changed between two trees, as `docker diff` and `podman diff` tell it: names that were
 * added, changed or deleted.
 *
 * - A directory with a change below it is changed too, but for the root. The time of a directory
 * alone is no change: every name that comes or goes sets it.
 * - What is below an added directory is added; a deleted directory stands for all that was in it.
 * - A name whose type changed is changed; what is below a new directory in its place is added.
 * - Contents are equal without being read where they are the same run of the same layer.
 */
#ifndef IMGC_LAYERS_DIFF_H
#define IMGC_LAYERS_DIFF_H

#include "layers/tar_data.h"
#include "layers/tree.h"
#include "schema/digest.h"

enum diff_kind { DIFF_ADDED, DIFF_CHANGED, DIFF_DELETED };

/* What of a changed name is another. */
enum {
    DIFF_BELOW = 1u << 0, /* something in the directory */
    DIFF_TYPE = 1u << 1,
    DIFF_MODE = 1u << 2,
    DIFF_OWNER = 1u << 3,
    DIFF_MTIME = 1u << 4,
    DIFF_SIZE = 1u << 5,
    DIFF_CONTENT = 1u << 6, /* of the same size */
    DIFF_TARGET = 1u << 7,
    DIFF_DEVICE = 1u << 8,
    DIFF_XATTRS = 1u << 9,
    DIFF_LINKS = 1u << 10, /* names that were links to one file are not any more, or now are */
};

struct diff_change {
    enum diff_kind kind;
    unsigned what;                  /* CHANGED: DIFF_* */
    const struct tree_dentry *from; /* NULL: ADDED */
    const struct tree_dentry *to;   /* NULL: DELETED */
};

struct diff {
    struct diff_change *changes; /* parents first, then by the bytes of their names */
    size_t n, room;
};

#define DIFF_INIT       \
    {                   \
        .changes = NULL \
    }
void diff_done(struct diff *d);
#define diff_auto imgc_auto(diff_done)

/* One of the two. */
struct diff_side {
    struct tree *tree;       /* its marks are used; its dentries stay borrowed by the changes */
    struct tar_data *layers; /* by tree_inode.layer */
    const struct digest *diff_ids; /* the same; extents of equal ones mean the same bytes */
};

/** Compare two trees, which are not the same object.
 * @ret  was initialised with DIFF_INIT; diff_done() it on failure, too.
 * @return 0; what tar_data_read() returns; -NOMEM. */
IMGC_CHECK int diff_trees(const struct diff_side *from, const struct diff_side *to,
                          struct diff *ret, struct imgc_err *reterr);

#endif
