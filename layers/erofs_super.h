/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the EROFS sink: the superblock and the table of devices.
 */
#ifndef IMGC_LAYERS_EROFS_SUPER_H
#define IMGC_LAYERS_EROFS_SUPER_H

#include <stddef.h>

#include "layers/erofs_epoch.h"
#include "layers/erofs_out.h"

/* Where the device table starts: behind the superblock's block, which its checksum covers. */
#define EROFS_SUPER_END 1536u

struct erofs_super_args {
    uint64_t root_nid;
    uint64_t inodes;
    struct erofs_time epoch;
    uint32_t blocks;
    uint32_t xattr_block;
    uint16_t devices;
    const struct digest *content; /* becomes the UUID */
};

/** Write a device for each tar, at the position of @out. @tar_bytes  their sizes.
 * @return 0; -LIMIT (a tar of 2 TiB or more). */
IMGC_CHECK int erofs_super_devices(const uint64_t *tar_bytes, size_t n, struct erofs_out *out,
                                   struct imgc_err *reterr);

/** Write the superblock into @fd. */
IMGC_CHECK int erofs_super_write(int fd, const struct erofs_super_args *args,
                                 struct imgc_err *reterr);

#endif
