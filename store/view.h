/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views: a stack of layers in a form that can be mounted. The directory form of one layer is
 * layers/<diffid hex>/fs/<chainid hex>/, an overlayfs lower directory. It is kept by ChainID, not
 * by DiffID alone, because what it must hold depends on the layers below (implied parents,
 * symlinked parents, hard links into lower layers; reference: docs/architecture.md).
 */
#ifndef IMGC_STORE_VIEW_H
#define IMGC_STORE_VIEW_H

#include "schema/digest.h"
#include "store/lease.h"

enum view_form { VIEW_DIRECTORY /* later: VIEW_EROFS */ };

struct view {
    struct digest chain_id; /* of the stack up to and with this layer */
    struct digest diff_id;  /* of its top layer */
    enum view_form form;
    uint64_t disk_bytes;
};

enum { VIEW_MISSING = 1 };

/** @return 0; VIEW_MISSING. */
IMGC_CHECK int view_find(struct store *s, const struct digest *chain_id, enum view_form form,
                         struct view *ret, struct imgc_err *reterr);

/** Publish the staged directory @name of the lease's directory as the directory form. Where it
 * exists already the staged one is removed. The layer must be held by the lease. */
IMGC_CHECK int view_publish_dir(struct store *s, struct lease *lease, const struct view *view,
                                const char *name, struct imgc_err *reterr);

/** Path of a directory view, for a mount. @ret caller frees. */
IMGC_CHECK int view_path(struct store *s, const struct view *view, char **ret,
                         struct imgc_err *reterr);

/** Open a directory view. @ret_fd caller closes. */
IMGC_CHECK int view_open(struct store *s, const struct view *view, int *ret_fd,
                         struct imgc_err *reterr);

/** Forget and remove one view (found damaged); it is built again on next use. */
IMGC_CHECK int view_remove(struct store *s, const struct view *view, struct imgc_err *reterr);

#endif
