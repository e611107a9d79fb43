/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the directory sink: what of a tree a directory has to hold, and the way through it.
 * Writing and checking are two sets of operations on the same walk, so they cannot disagree about
 * what belongs into an overlay layer.
 */
#ifndef IMGC_LAYERS_DIR_SINK_WALK_H
#define IMGC_LAYERS_DIR_SINK_WALK_H

#include "layers/tree.h"

/* tree_inode.mark while a walk lasts: 0, DIR_SINK_WALK_WANTED, or what the operations put there
 * for an inode that is wanted (never one of these two values). */
#define DIR_SINK_WALK_WANTED ((uintptr_t)1)

/* One name in a directory that is written. */
struct dir_sink_item {
    const char *name;                /* borrowed from the tree */
    struct tree_dentry *dentry;      /* NULL: a whiteout */
    const struct tree_dentry *lower; /* what the layers below have under this name, where the
                                        dentry replaces it; else NULL. Overlay only */
};

/* All names of one directory, in byte order. */
struct dir_sink_items {
    struct dir_sink_item *items;
    size_t n;
};

enum { DIR_SINK_WALK_SKIP = 1 };

struct dir_sink_ops {
    /** Before the children of a directory: @fd is it. May be NULL. */
    int (*begin)(void *arg, int fd, const struct dir_sink_items *items, struct imgc_err *reterr);
    /** Make or open the child directory @item in @dir_fd. @ret_fd  the walk closes it.
     * @return 0; DIR_SINK_WALK_SKIP: leave out all that is in it, and no end() either. */
    int (*open_dir)(void *arg, int dir_fd, const struct dir_sink_item *item, int *ret_fd,
                    struct imgc_err *reterr);
    /** Anything that is no directory, whiteouts included. */
    int (*leaf)(void *arg, int dir_fd, const struct dir_sink_item *item, struct imgc_err *reterr);
    /** After all children of @dir, deepest first; the root comes last. */
    int (*end)(void *arg, int fd, const struct tree_dentry *dir, struct imgc_err *reterr);
};

struct dir_sink_walk {
    const struct dir_sink_ops *ops;
    void *arg;
    int root_fd;             /* borrowed */
    struct tree_dentry *top; /* where to begin; NULL: the root */
    bool is_overlay; /* only what the layer applied last changed, with whiteouts; else everything */
};

/** Walk depth first, in byte order. Errors get the path in front. Few fds are open at a time,
 * however deep it goes. @return 0; -LIMIT for a tree deeper than LIMIT_PATH_DEPTH; -NOMEM; -SYS;
 * what an operation returns. */
IMGC_CHECK int dir_sink_walk(struct tree *t, const struct dir_sink_walk *walk,
                             struct imgc_err *reterr);

/** Put "'PATH': " in front of the error. @return as imgc_context(). */
int dir_sink_walk_context(const struct tree_dentry *dir, const char *name, struct imgc_err *reterr);

#endif
