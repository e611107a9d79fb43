/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views: a stack of layers in a form that can be mounted. The directory form of one layer is
 * layers/<diffid hex>/fs/<chainid hex>/, an overlayfs lower directory. It is kept by ChainID, not
 * by DiffID alone, because what it must hold depends on the layers below (implied parents,
 * symlinked parents, hard links into lower layers; reference: docs/architecture.md).
 *
 * The EROFS form is one file for the whole stack, views/<chainid hex>, an index over the tars of
 * all its layers. While it is there the layers stay and their tars stay whole: who takes data out
 * of a tar (layer.whole = 0) does so in a transaction that finds no view_layer row of the layer.
 *
 * A view is a cache: what is lost or damaged is built again.
 */
#ifndef IMGC_STORE_VIEW_H
#define IMGC_STORE_VIEW_H

#include "schema/digest.h"
#include "store/lease.h"

enum view_form { VIEW_DIRECTORY, VIEW_EROFS };

struct view {
    struct digest chain_id; /* of the stack up to and with this layer */
    struct digest diff_id;  /* of its top layer */
    enum view_form form;
    uint64_t disk_bytes;
};

enum { VIEW_MISSING = 1, VIEW_NOT_WHOLE = 2, VIEW_REFUSED = 3 };

/** @return 0; VIEW_MISSING: also where the file or directory itself was lost. */
IMGC_CHECK int view_find(struct store *s, const struct digest *chain_id, enum view_form form,
                         struct view *ret, struct imgc_err *reterr);

/** Publish the staged directory @name of the lease's directory as the directory form. Where it
 * exists already the staged one is removed. The layer must be held by the lease. */
IMGC_CHECK int view_publish_dir(struct store *s, struct lease *lease, const struct view *view,
                                const char *name, struct imgc_err *reterr);

/** The layers of an EROFS view, bottom first; the last one is view->diff_id. */
struct view_stack {
    const struct digest *diff_ids; /* borrowed */
    size_t n;
};

/** Publish the staged file @name of the lease's directory as the EROFS form. Where it exists
 * already the staged one is removed. The layers must be held by the lease, or by an image.
 * @return 0; VIEW_NOT_WHOLE: data was taken out of a layer's tar: put it back first. */
IMGC_CHECK int view_publish_erofs(struct store *s, struct lease *lease, const struct view *view,
                                  const struct view_stack *stack, const char *name,
                                  struct imgc_err *reterr);

/** Remember that the stack cannot have this form, or ask. @reason  caller frees.
 * @return 0: nothing known; VIEW_REFUSED. */
IMGC_CHECK int view_refuse(struct store *s, const struct digest *chain_id, enum view_form form,
                           const char *reason, struct imgc_err *reterr);
IMGC_CHECK int view_refusal(struct store *s, const struct digest *chain_id, enum view_form form,
                            char **reason, struct imgc_err *reterr);

/** Path of a view, for a mount. @ret caller frees. */
IMGC_CHECK int view_path(struct store *s, const struct view *view, char **ret,
                         struct imgc_err *reterr);

/** Open a view for reading. @ret_fd caller closes. */
IMGC_CHECK int view_open(struct store *s, const struct view *view, int *ret_fd,
                         struct imgc_err *reterr);

/** Forget and remove one view (found damaged); it is built again on next use.
 * @return 0; -STORE where the view has data that its layer's tar has not (store/punched.h); -INUSE
 * for an EROFS view that a container or a mount may be reading. */
IMGC_CHECK int view_remove(struct store *s, const struct view *view, struct imgc_err *reterr);

#endif
