/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inodes that were seen, with the path under which each was seen first: how hard links are found
 * in a directory tree. (A file of its own because <search.h> has a struct entry too.)
 */
#ifndef IMGC_LAYERS_INODE_MAP_H
#define IMGC_LAYERS_INODE_MAP_H

#include <sys/types.h>

#include "schema/base/err.h"

struct inode_map {
    void *root; /* tsearch(3) */
};

void inode_map_done(struct inode_map *m);

/** Remember (@dev, @ino) with a copy of @path, unless it is there already.
 * @ret_first  borrowed: the path it was seen under before; NULL where this is the first.
 * @return 0; -NOMEM. */
IMGC_CHECK int inode_map_see(struct inode_map *m, dev_t dev, ino_t ino, const char *path,
                             const char **ret_first, struct imgc_err *reterr);

#endif
