/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of a directory tree (import of a directory): sorted, hard links found by inode, sparse
 * files by SEEK_DATA, xattrs and file capabilities kept. Sockets are left out. It does not cross
 * into other file systems, and never follows a link.
 */
#ifndef IMGC_LAYERS_DIR_SOURCE_H
#define IMGC_LAYERS_DIR_SOURCE_H

#include "layers/source.h"

struct dir_source;

/** @dir_fd  borrowed; the root of the tree. The first entry is the root itself, path "". */
IMGC_CHECK int dir_source_new(int dir_fd, struct dir_source **ret, struct imgc_err *reterr);
struct dir_source *dir_source_free(struct dir_source *d);
void dir_source_freep(struct dir_source **d);
struct source *dir_source_entries(struct dir_source *d);

/** Open the file of the entry that was returned last, for reading its extents. @ret_fd caller
 * closes. @return 0; -SYS. */
IMGC_CHECK int dir_source_open(struct dir_source *d, int *ret_fd, struct imgc_err *reterr);

#endif
