/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image's layers as a root file system: built into views that can be mounted, or written out.
 * Together with ingest the only part of layers/ that knows the store.
 */
#ifndef IMGC_LAYERS_ROOTFS_H
#define IMGC_LAYERS_ROOTFS_H

#include "layers/dir_sink.h"
#include "layers/rootfs_form.h"
#include "layers/rootfs_stack.h"
#include "store/image.h"
#include "store/view.h"

/**
 * What can be mounted: an EROFS image with the layers' tars as its devices, or lower directories
 * for overlayfs. All paths are absolute, all lists NULL-terminated.
 * An image without layers has an empty list of directories: whoever mounts takes the empty upper
 * directory alone, since overlayfs wants at least one lower directory.
 */
struct rootfs {
    char *image;      /* EROFS form; else NULL */
    char **devices;   /* EROFS form: the tars, bottom first; else NULL */
    char **lowerdirs; /* directory form: top first; else NULL */
    size_t n_lowerdirs;
};

void rootfs_done(struct rootfs *r);
#define rootfs_auto imgc_auto(rootfs_done)

struct rootfs_args {
    struct store *store;           /* all borrowed */
    struct lease *lease;           /* holds the layers; NULL: an image does, and one is begun
                                      where something has to be built */
    const struct digest *diff_ids; /* of the stack, bottom first */
    size_t n_diff_ids;
    enum rootfs_form form; /* what the user asks for */
};

struct rootfs_report {
    struct dir_sink_report written; /* what was, and what an ordinary user could not set */
    /* Why the stack has the other form than this host's: told when that is found, then remembered.
     * Else "". */
    char fallback[IMGC_ERR_MSG_MAX];
};

/**
 * Make sure that the views of the stack are there, building what is missing (one pass over the
 * layers from the bottom), and say where. With all views there it costs a look into the index.
 * What a power loss may have taken (store/sync.h) is hashed again, or built again, first. Layers
 * that EROFS cannot hold have the directory form, unless ROOTFS_EROFS is asked for.
 * @ret_report  may be NULL.
 * @return 0; -HOST (ROOTFS_EROFS that this host does not do, or a store that cannot hold
 *         directories); -STORE (a layer is missing or damaged: pull it again); -LAYER; -LIMIT;
 *         -NOSPACE; -SYS.
 */
IMGC_CHECK int rootfs_prepare(const struct rootfs_args *args, struct rootfs *ret,
                              struct rootfs_report *ret_report, struct imgc_err *reterr);

enum { ROOTFS_UNMOUNTABLE = 1 };

/**
 * Build the views ahead of their first use, as rootfs_prepare() would. A store that cannot hold
 * them (it lies on an overlayfs, as in a container) still keeps the layers, for unpack.
 * @return 0; ROOTFS_UNMOUNTABLE, and then *reterr says why; what rootfs_prepare() returns.
 */
IMGC_CHECK int rootfs_build(const struct rootfs_args *args, struct rootfs_report *ret_report,
                            struct imgc_err *reterr);

/**
 * Read all layers of the stack into its tree: the root file system in memory, nothing is mounted or
 * written. What a power loss may have taken is hashed again first.
 * @diff_ids  borrowed by @ret.
 * @ret       was initialised with ROOTFS_STACK_INIT; rootfs_stack_done() it on failure, too. Its
 *            open files keep the layers readable, even if the image is removed meanwhile (but for
 *            data that only a directory has: that goes when it is unlinked).
 * @return    as rootfs_prepare().
 */
IMGC_CHECK int rootfs_load(struct store *s, const struct digest *diff_ids, size_t n_diff_ids,
                           struct rootfs_stack *ret, struct imgc_err *reterr);

/** Write the merged root of the stack into the empty directory @dir_fd (borrowed).
 * @is_own  everything is to belong to this process's user (dir_sink.h). */
IMGC_CHECK int rootfs_unpack(const struct rootfs_args *args, int dir_fd, bool is_own,
                             struct dir_sink_report *ret_report, struct imgc_err *reterr);

/** Check one layer: its tar against its DiffID. @return 0; -DIGEST; -STORE (missing). */
IMGC_CHECK int rootfs_verify_layer(struct store *s, const struct digest *diff_id,
                                   struct imgc_err *reterr);

/** Check the views that exist of the stack @diff_ids[0..n) against the tars: of directories names,
 * attributes, content; an EROFS image byte by byte. @return 0; -STORE that names view and path. */
IMGC_CHECK int rootfs_verify_views(struct store *s, const struct digest *diff_ids,
                                   size_t n_diff_ids, struct imgc_err *reterr);

#endif
