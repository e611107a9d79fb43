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
/* More than a tree of the caller's own. */
struct dir_source_args {
    int dir_fd;       /* borrowed */
    const char *name; /* one component below it: begin there, a directory or not; "": with dir_fd */
    bool crosses;     /* go into whatever is mounted below */
    bool is_shared; /* somebody else changes it meanwhile: what is gone when its turn comes is left
                       out; no device is opened, whatever takes a file's place; of what is mounted
                       below, what holds files and lets no device be used is gone into */
    const char *const *closed; /* paths of directories that are not gone into, NULL-terminated; or
                                  NULL; borrowed */
    const char *overlay;       /* it is the upper directory of an overlay whose own xattrs begin so
                                  ("trusted.overlay."); NULL: of none; borrowed */
};

/* What overlayfs noted on a file of an upper directory. */
enum {
    DIR_SOURCE_OPAQUE = 1u << 0,   /* nothing below the directory shows through */
    DIR_SOURCE_WHITEOUT = 1u << 1, /* what has this name below is gone */
    DIR_SOURCE_PARTIAL = 1u << 2,  /* only together with a file below it is a whole one */
};

/** The same. What @name is called is not told: the first entry has the path "". */
IMGC_CHECK int dir_source_new_of(const struct dir_source_args *args, struct dir_source **ret,
                                 struct imgc_err *reterr);
struct dir_source *dir_source_free(struct dir_source *d);
void dir_source_freep(struct dir_source **d);
struct source *dir_source_entries(struct dir_source *d);

/** The notes (DIR_SOURCE_*) on the entry that was returned last: 0 without args.overlay. */
unsigned dir_source_notes(const struct dir_source *d);

/** Open the file of the entry that was returned last, for reading its extents. @ret_fd caller
 * closes. @return 0; -SYS. */
IMGC_CHECK int dir_source_open(struct dir_source *d, int *ret_fd, struct imgc_err *reterr);

#endif
