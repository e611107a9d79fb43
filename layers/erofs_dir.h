/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the EROFS sink: a directory's content. Blocks of entries with their names behind
 * them, in byte order over all blocks, "." and ".." among them, for the kernel searches them by
 * halves.
 */
#ifndef IMGC_LAYERS_EROFS_DIR_H
#define IMGC_LAYERS_EROFS_DIR_H

#include "layers/erofs_out.h"
#include "layers/tree.h"

struct erofs_dir_size {
    uint64_t bytes;   /* the last block counts as far as it is used */
    uint64_t subdirs; /* children that are directories */
};

struct erofs_dir_size erofs_dir_size(const struct tree_dentry *dir);

/** Write it; the last block is not filled up. The mark of every inode is its nid. */
IMGC_CHECK int erofs_dir_write(const struct tree_dentry *dir, struct erofs_out *out,
                               struct imgc_err *reterr);

#endif
