/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to rootfs: the EROFS view of a stack, found and built.
 */
#ifndef IMGC_LAYERS_ROOTFS_EROFS_H
#define IMGC_LAYERS_ROOTFS_EROFS_H

#include "layers/rootfs.h"

/** The view that is there and can be trusted. @return 0; VIEW_MISSING. */
IMGC_CHECK int rootfs_erofs_find(const struct rootfs_args *args, struct rootfs *ret,
                                 struct imgc_err *reterr);

/** Build it, unless somebody else did meanwhile. The layers are proven.
 * @return 0; -LIMIT: the form cannot hold these layers; what rootfs_prepare() returns. */
IMGC_CHECK int rootfs_erofs_build(const struct rootfs_args *args, struct rootfs *ret,
                                  struct imgc_err *reterr);

/** Compare the view, where there is one, with what would be written now from @stack, which has
 * all layers applied. One that differs is removed, where nobody has it mounted: it is built again
 * when it is needed. @return 0; -STORE. */
IMGC_CHECK int rootfs_erofs_verify(struct store *s, struct rootfs_stack *stack,
                                   const struct digest *chain_id, struct imgc_err *reterr);

#endif
