/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the EROFS sink: a file's data as chunks. A chunk is a power of two of blocks; it is a
 * hole, a contiguous run of blocks in the layer's tar, or (where the file's runs of data do not
 * fit) blocks of the image that its bytes are copied to.
 */
#ifndef IMGC_LAYERS_EROFS_CHUNK_H
#define IMGC_LAYERS_EROFS_CHUNK_H

#include "layers/erofs_out.h"
#include "layers/tree.h"

struct erofs_chunks {
    unsigned bits;          /* a chunk has 1 << bits blocks */
    uint64_t count;         /* chunks of the file; 0 for an empty one */
    uint64_t copied_blocks; /* blocks of the image that it needs */
};

/** Check the runs of a file against its size and the tar's.
 * @return 0; -LAYER (outside of the file or of the tar, overlapping); -LIMIT. */
IMGC_CHECK int erofs_chunk_check(const struct tree_inode *inode, uint64_t tar_bytes,
                                 struct imgc_err *reterr);

/** Choose the chunk size that costs the image least; the larger of two equal ones, so that a
 * contiguous file has one chunk. Pure; @inode has passed the check. */
struct erofs_chunks erofs_chunk_plan(const struct tree_inode *inode);

/** Write the chunk indexes. @device  number of the layer's tar. @copied_block  the first of the
 * blocks that erofs_chunk_copy() will write. */
IMGC_CHECK int erofs_chunk_write(const struct tree_inode *inode, const struct erofs_chunks *c,
                                 uint16_t device, uint32_t copied_block, struct erofs_out *out,
                                 struct imgc_err *reterr);

/** Write the chunks that are copied, at the position of @out (a block's start). */
IMGC_CHECK int erofs_chunk_copy(const struct tree_inode *inode, const struct erofs_chunks *c,
                                struct tar_data *tar, struct erofs_out *out,
                                struct imgc_err *reterr);

#endif
