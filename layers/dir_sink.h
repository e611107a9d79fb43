/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tree to directory: the whole merged root (`imgc unpack`), or the top layer's changes alone as an
 * overlayfs lower directory. Safe against hostile layers because the tree has no links to follow:
 * every directory is made and opened by fd, one component at a time, in a directory that nobody
 * else sees yet.
 *
 * Overlay form: whiteouts are character devices 0/0; a directory that replaces another hides the
 * lower children one by one with whiteouts, so no overlay xattr is ever needed and the same
 * directory serves mounts with and without userxattr. An inode with a new name is written under
 * all its names (copy-up), so that hard links over layers stay hard links.
 *
 * Source: kernel overlayfs.rst "whiteouts and opaque directories".
 */
#ifndef IMGC_LAYERS_DIR_SINK_H
#define IMGC_LAYERS_DIR_SINK_H

#include "layers/tar_data.h"
#include "layers/tree.h"

/* What could not be done as an ordinary user (or in a container) and was done in another way. */
struct dir_sink_report {
    uint64_t entries;
    uint64_t devices_skipped; /* device nodes that may not be made here */
    uint64_t owners_skipped;  /* entries whose owner could not be set */
    uint64_t xattrs_skipped;  /* xattrs that may not be set, or that the file system lacks */
    uint64_t links_copied;    /* hard links written as files of their own: the file system allows
                                 no more links, or the first name cannot be reached any more */
};

/** Whether this process may set any owner, device node and xattr: root's capabilities in the user
 * namespace that has all ids. What dir_sink_args.is_privileged is normally set to. */
bool dir_sink_privileged(void);

struct dir_sink_args {
    struct tar_data *layers; /* data of each layer, by tree_inode.layer; borrowed */
    size_t n_layers;
    int dir_fd;              /* the empty target directory; borrowed */
    struct tree_dentry *top; /* dir_sink_root(): a directory of the tree, to write only what is in
                                it, with its own attributes; NULL: the root */
    bool no_devices;         /* leave device nodes out, and count them as skipped */
    bool is_privileged; /* failing to set owner, device or privileged xattr is an error (root with
                           all it needs), else it is counted in the report */
    bool is_own;        /* everything is to belong to this process's user; other owners are counted
                           in the report */
};

/** Write the merged root. Order per entry: create, data, owner, xattrs, mode, times; directory
 * times last, deepest first. Nobody but the caller can look into the directory until its root gets
 * its mode at the very end. @return 0; -SYS or -NOSPACE with the path; -LAYER; -LIMIT. */
IMGC_CHECK int dir_sink_root(struct tree *t, const struct dir_sink_args *args,
                             struct dir_sink_report *ret, struct imgc_err *reterr);

/** Write what the layer that was applied last changed, as an overlayfs lower directory. Its root
 * always gets the attributes of the tree's root. @return as dir_sink_root(). */
IMGC_CHECK int dir_sink_overlay(struct tree *t, const struct dir_sink_args *args,
                                struct dir_sink_report *ret, struct imgc_err *reterr);

/** Compare a directory that dir_sink_overlay() wrote with what it would write now: names, types,
 * attributes, and content byte by byte. Used by verify. @return 0; -STORE that names the first
 * difference. */
IMGC_CHECK int dir_sink_check_overlay(struct tree *t, const struct dir_sink_args *args,
                                      struct imgc_err *reterr);

#endif
