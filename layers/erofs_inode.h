/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the EROFS sink: one inode with what stands behind it: xattrs, a short directory or
 * symbolic link, chunk indexes.
 */
#ifndef IMGC_LAYERS_EROFS_INODE_H
#define IMGC_LAYERS_EROFS_INODE_H

#include "layers/erofs_chunk.h"
#include "layers/erofs_epoch.h"
#include "layers/erofs_format.h"
#include "layers/erofs_xattr.h"

/* What holds for the whole image. */
struct erofs_image {
    const int *tar_fds; /* borrowed */
    uint64_t *tar_bytes;
    size_t n_tars;
    struct erofs_time epoch; /* of compact inodes */
    struct erofs_xattrs xattrs;
};

/* Where an inode stands in the order of all, and what that gives it. */
struct erofs_place {
    size_t first_xattr;  /* xattrs of the inodes before it */
    uint32_t ino;        /* its number for 32-bit systems */
    uint64_t data_block; /* the first block of its own in the image's data area */
};

struct erofs_plan {
    enum erofs_layout layout;
    bool is_extended;
    uint32_t xattr_bytes;
    uint32_t head_bytes; /* inode and xattrs */
    uint32_t inline_bytes;
    uint64_t meta_bytes;  /* all that stands in the metadata area, from the inode on */
    uint64_t data_blocks; /* in the data area */
    uint64_t size;
    uint64_t nlink;
    struct erofs_chunks chunks;
};

/** Choose how the inode of @d is written. Has the same result each time.
 * @return 0; -LAYER (data outside of file or tar, a device that no directory may hold); -LIMIT. */
IMGC_CHECK int erofs_inode_plan(const struct erofs_image *image, const struct tree_dentry *d,
                                size_t first_xattr, struct erofs_plan *ret,
                                struct imgc_err *reterr);

/** The first offset from @at on where the inode may stand. */
uint64_t erofs_inode_offset(const struct erofs_plan *p, uint64_t at);

/** Write the inode and what stands behind it, at the position of @out. */
IMGC_CHECK int erofs_inode_write(const struct erofs_image *image, const struct tree_dentry *d,
                                 const struct erofs_plan *p, const struct erofs_place *place,
                                 struct erofs_out *out, struct imgc_err *reterr);

/** Write what it has in the data area, whole blocks. */
IMGC_CHECK int erofs_inode_write_data(const struct erofs_image *image, const struct tree_dentry *d,
                                      const struct erofs_plan *p, struct erofs_out *out,
                                      struct imgc_err *reterr);

#endif
