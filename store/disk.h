/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tree costs on disk.
 */
#ifndef IMGC_STORE_DISK_H
#define IMGC_STORE_DISK_H

#include <stdint.h>

#include "schema/base/err.h"

/** Add the disk bytes (st_blocks) of @path under @dir_fd, with everything below it on the same file
 * system, to *@bytes: what fd_remove_tree() would free. Files with several links count once. A
 * missing path is 0, and so is what goes away meanwhile. */
IMGC_CHECK int disk_tree_bytes(int dir_fd, const char *path, uint64_t *bytes,
                               struct imgc_err *reterr);

#endif
