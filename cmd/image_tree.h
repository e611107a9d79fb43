/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "IMAGE[:PATH]" on the command line: an image's root file system as a tree, and a path in it.
 */
#ifndef IMGC_CMD_IMAGE_TREE_H
#define IMGC_CMD_IMAGE_TREE_H

#include "cmd/app.h"
#include "layers/rootfs.h"

struct image_tree {
    char *name; /* as it was loaded; NULL: nothing is */
    struct image image;
    struct rootfs_stack stack;
};

#define IMAGE_TREE_INIT \
    {                   \
        .name = NULL    \
    }
void image_tree_done(struct image_tree *t);
#define image_tree_auto imgc_auto(image_tree_done)

/**
 * Split "IMAGE[:PATH]" at the first ':' that a '/' follows: an image's name may have a port and a
 * tag, but never that.
 * @ret_image  caller frees.
 * @ret_path   borrows from @arg; NULL where there is no PATH.
 * @return     0; -USAGE for no IMAGE; -NOMEM.
 */
IMGC_CHECK int image_tree_split(const char *arg, char **ret_image, const char **ret_path,
                                struct imgc_err *reterr);

/** Load the local image @name, unless it is the one that is loaded. @return 0; -NOTFOUND; what
 * rootfs_load() returns. */
IMGC_CHECK int image_tree_load(struct app *app, const char *name, struct image_tree *t,
                               struct imgc_err *reterr);

/** Find @path, following links inside of the root, a final one too; one that leads nowhere is
 * found itself. @return 0; -SYS where there is none. */
IMGC_CHECK int image_tree_find(struct image_tree *t, const char *path, struct tree_dentry **ret,
                               struct imgc_err *reterr);

#endif
