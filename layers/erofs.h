/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tree to EROFS: a metadata-only file system image of the merged root. File data stays in the
 * layers' tars; each tar is one device of the image, in the order of the layers, bottom first. The
 * kernel mounts image and tars together (Linux 6.12 and later), and nothing is unpacked.
 *
 * Block size 512, the alignment of data in a tar. A file's inode is chunk-based and points into its
 * layer's tar. Data that cannot be pointed at (a sparse file whose runs are not aligned) is copied
 * into the image. Deterministic: the same layers give the same bytes.
 *
 * Source: Linux Documentation/filesystems/erofs.rst, fs/erofs/erofs_fs.h.
 */
#ifndef IMGC_LAYERS_EROFS_H
#define IMGC_LAYERS_EROFS_H

#include "layers/tree.h"

struct erofs_args {
    const int *layer_fds; /* tar of each layer, by tree_inode.layer; borrowed */
    size_t n_layer_fds;   /* the number of devices */
    int image_fd;         /* the empty image file, open for reading and writing; borrowed */
};

struct erofs_report {
    uint64_t inodes;
    uint64_t image_bytes;
    uint64_t copied_bytes; /* of file data, which could not be pointed at */
};

/**
 * Write the image of the merged root. Reads the tree several times and needs no memory that grows
 * with it, but for xattrs; leaves the number of each inode in its mark.
 *
 * @ret     may be NULL.
 * @return  0; -LIMIT (a layer is beyond what the format holds; the message says what, and the
 *          directory form has no such limit); -LAYER (a tar is shorter than its entries say;
 *          a device number, link or capability that the directory form would refuse, too);
 *          -NOSPACE; -SYS; -NOMEM.
 */
IMGC_CHECK int erofs_write(struct tree *t, const struct erofs_args *args, struct erofs_report *ret,
                           struct imgc_err *reterr);

#endif
