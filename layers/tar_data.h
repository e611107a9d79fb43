/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of the files of one layer: the one place that turns "(offset, length) in the layer's
 * tar" (struct extent) into bytes. Whoever reads extents reads them through this, because a part of
 * a tar may not be in the tar any more.
 */
#ifndef IMGC_LAYERS_TAR_DATA_H
#define IMGC_LAYERS_TAR_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/err.h"

/* Not for two threads at once. */
struct tar_data {
    int fd; /* the tar, or whatever file the extents point into; borrowed */
};

/* A file that has all its bytes. */
#define TAR_DATA_FD(a_fd) \
    {                     \
        .fd = (a_fd)      \
    }

/** Read exactly @len bytes at @offset of the tar. @return 0; -LAYER where it ends too early; -SYS.
 */
IMGC_CHECK int tar_data_read(struct tar_data *d, uint64_t offset, void *ptr, size_t len,
                             struct imgc_err *reterr);

/** Copy @len bytes at @offset of the tar to @to_offset of @to: in the kernel, sharing blocks where
 * the file system can. @return as tar_data_read(); -NOSPACE. */
IMGC_CHECK int tar_data_copy(struct tar_data *d, uint64_t offset, uint64_t len, int to,
                             uint64_t to_offset, struct imgc_err *reterr);

#endif
