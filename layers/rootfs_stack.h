/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer tars of a stack, and the tree as far as they are applied. rootfs_load() applies all.
 */
#ifndef IMGC_LAYERS_ROOTFS_STACK_H
#define IMGC_LAYERS_ROOTFS_STACK_H

#include "layers/tar_data.h"
#include "layers/tree.h"
#include "store/layer.h"
#include "store/punched.h"

struct rootfs_stack {
    /* What the caller may choose before rootfs_stack_open(). */
    struct lease *lease; /* borrowed: entry lists that are missing are made anew with it; NULL: the
                            tars of such layers are read, and that is all */
    bool tars_only;      /* read the tars even where there are lists: for whoever verifies */

    struct store *store;           /* borrowed */
    const struct digest *diff_ids; /* borrowed */
    struct punched_layer *files;
    int *fds;              /* of the tars, borrowed from files; they may have holes */
    struct tar_data *data; /* what is in them: dir_sink_args.layers */
    size_t n;
    size_t n_applied;
    struct tree *tree;
};

#define ROOTFS_STACK_INIT \
    {                     \
        .n = 0            \
    }
void rootfs_stack_done(struct rootfs_stack *stack);
#define rootfs_stack_auto imgc_auto(rootfs_stack_done)

/** Open the tars; nothing is read yet. @ret was initialised; done() it on failure, too.
 * @return 0; -STORE that names a missing layer; -LIMIT over LIMIT_LAYERS. */
IMGC_CHECK int rootfs_stack_open(struct store *s, const struct digest *diff_ids, size_t n,
                                 struct rootfs_stack *ret, struct imgc_err *reterr);

/** Open one layer: @files and @data were initialised, and the caller done()s both; @files must stay
 * where it is as long as @data. A layer with runs in @data->map is not whole.
 * @return 0; -STORE that names a missing layer. */
IMGC_CHECK int rootfs_stack_open_layer(struct store *s, const struct digest *diff_id,
                                       struct punched_layer *files, struct tar_data *data,
                                       struct imgc_err *reterr);

/** Apply the next layer from the bottom, from its entry list (layers/entry_list.h) or its tar.
 * There must be one. */
IMGC_CHECK int rootfs_stack_apply(struct rootfs_stack *stack, struct imgc_err *reterr);

/** "layer N of M (DIGEST): " in front of the error; @i counts from 0. */
int rootfs_stack_context(const struct digest *diff_ids, size_t i, size_t n,
                         struct imgc_err *reterr);

/** Fail with -STORE: the layer is not here. */
int rootfs_stack_missing(const struct digest *diff_id, struct imgc_err *reterr);

#endif
