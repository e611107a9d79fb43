/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to punch: which runs of a layer's tar its directory has, too.
 */
#ifndef IMGC_LAYERS_PUNCH_COLLECT_H
#define IMGC_LAYERS_PUNCH_COLLECT_H

#include "layers/tar_data.h"
#include "layers/tree.h"

#define PUNCH_COLLECT_BLOCK_MAX (1u << 20)

struct punch_collect_args {
    struct tar_data *data; /* of the layer; borrowed */
    uint32_t layer;        /* its number in the tree: the one that was applied last */
    int view_fd;           /* its directory; borrowed */
    uint64_t block;        /* runs begin and end at multiples of this */
};

/** Add every run of the layer that was compared with a file of the directory and is the same. What
 * differs, is missing or cannot be read is left out. @return 0; -SYS; -LIMIT; -NOMEM. */
IMGC_CHECK int punch_collect(struct tree *t, const struct punch_collect_args *args,
                             struct punch_map_builder *map, struct imgc_err *reterr);

#endif
