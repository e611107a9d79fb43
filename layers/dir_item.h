/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of a directory, opened, and what it is as an entry. For layers/dir_source.c alone.
 */
#ifndef IMGC_LAYERS_DIR_ITEM_H
#define IMGC_LAYERS_DIR_ITEM_H

#include <sys/stat.h>

#include "layers/entry.h"
#include "schema/base/cleanup.h"
#include "schema/limits.h"

/* The names of xattrs, then the value of one: as much as the kernel gives. */
#define DIR_ITEM_SCRATCH_BYTES (2 * LIMIT_XATTR_BYTES)

struct dir_item {
    int fd; /* readable for files and directories, O_PATH for the rest; -1: none */
    struct stat st;
};

void dir_item_done(struct dir_item *i);

/** Open @name in @dir_fd without following it, and never a device, whose open() may do something.
 * @is_shared  somebody else may put another file in its place meanwhile. @return 0; -SYS. */
IMGC_CHECK int dir_item_open(int dir_fd, const char *name, bool is_shared, struct dir_item *ret,
                             struct imgc_err *reterr);

/** Fill @e but for its path: type, attributes, target, extents, xattrs. @return 0; -SYS; -LIMIT;
 * -NOMEM. */
IMGC_CHECK int dir_item_read(const struct dir_item *i, struct entry *e,
                             char scratch[DIR_ITEM_SCRATCH_BYTES], struct imgc_err *reterr);

#endif
