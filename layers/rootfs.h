/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image's layers as a root file system: built into views that can be mounted, or written out.
 * Together with ingest the only part of layers/ that knows the store.
 */
#ifndef IMGC_LAYERS_ROOTFS_H
#define IMGC_LAYERS_ROOTFS_H

#include "layers/dir_sink.h"
#include "layers/rootfs_stack.h"
#include "store/image.h"
#include "store/view.h"

/**
 * What can be mounted: lower directories for overlayfs, top first. (Later: an EROFS image.)
 * An image without layers has none: whoever mounts takes the empty upper directory alone, since
 * overlayfs wants at least one lower directory.
 */
struct rootfs {
    char **lowerdirs; /* absolute paths, top first, NULL-terminated */
    size_t n_lowerdirs;
};

void rootfs_done(struct rootfs *r);
#define rootfs_auto imgc_auto(rootfs_done)

/**
 * Make sure that the view of every layer of the stack is there, building what is missing (one pass
 * over the tars from the bottom), and give the lower directories. With all views there it costs
 * one look into the index. Layers must be held by @lease or by an image. What a power loss may have
 * taken (store/sync.h) is hashed again, or built again, first.
 * @ret_report  what was written and what an ordinary user could not set; may be NULL.
 * @return 0; -STORE (a layer is missing or damaged: pull it again); -LAYER; -LIMIT; -NOSPACE; -SYS.
 */
IMGC_CHECK int rootfs_prepare(struct store *s, struct lease *lease, const struct digest *diff_ids,
                              size_t n_diff_ids, struct rootfs *ret,
                              struct dir_sink_report *ret_report, struct imgc_err *reterr);

enum { ROOTFS_UNMOUNTABLE = 1 };

/**
 * Build the views ahead of their first use, as rootfs_prepare() would. A store that cannot hold
 * them (it lies on an overlayfs, as in a container) still keeps the layers, for unpack.
 * @return 0; ROOTFS_UNMOUNTABLE, and then *reterr says why; what rootfs_prepare() returns.
 */
IMGC_CHECK int rootfs_build(struct store *s, struct lease *lease, const struct digest *diff_ids,
                            size_t n_diff_ids, struct dir_sink_report *ret_report,
                            struct imgc_err *reterr);

/**
 * Read all layers of the stack into its tree: the root file system in memory, nothing is mounted or
 * written. What a power loss may have taken is hashed again first.
 * @diff_ids  borrowed by @ret.
 * @ret       was initialised with ROOTFS_STACK_INIT; rootfs_stack_done() it on failure, too. Its
 *            open files keep the layers readable, even if the image is removed meanwhile.
 * @return    as rootfs_prepare().
 */
IMGC_CHECK int rootfs_load(struct store *s, const struct digest *diff_ids, size_t n_diff_ids,
                           struct rootfs_stack *ret, struct imgc_err *reterr);

/** Write the merged root of the stack into the empty directory @dir_fd (borrowed). */
IMGC_CHECK int rootfs_unpack(struct store *s, const struct digest *diff_ids, size_t n_diff_ids,
                             int dir_fd, struct dir_sink_report *ret_report,
                             struct imgc_err *reterr);

/** Check one layer: its tar against its DiffID. @return 0; -DIGEST; -STORE (missing). */
IMGC_CHECK int rootfs_verify_layer(struct store *s, const struct digest *diff_id,
                                   struct imgc_err *reterr);

/** Check the directory views that exist of the stack @diff_ids[0..n) against the tars: names,
 * attributes, content. @return 0; -STORE that names view and path. */
IMGC_CHECK int rootfs_verify_views(struct store *s, const struct digest *diff_ids,
                                   size_t n_diff_ids, struct imgc_err *reterr);

#endif
