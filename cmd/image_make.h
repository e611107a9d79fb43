/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new image of layers that are in the store: its config, its manifest, and the views that it is
 * mounted by (`import`, `commit`).
 */
#ifndef IMGC_CMD_IMAGE_MAKE_H
#define IMGC_CMD_IMAGE_MAKE_H

#include "cmd/app.h"
#include "cmd/options.h"
#include "schema/config.h"
#include "schema/ref.h"
#include "store/lease.h"

struct image_make_args {
    struct app *app;                   /* all borrowed */
    struct lease *lease;               /* of whoever ingested layers */
    const struct image_config *config; /* whole, with the layers' DiffIDs */
    struct imgc_str before; /* text of the config that it was made from; empty: of none */
    const struct ref *ref;  /* name for it; NULL: none */
};

/** Apply the `-c` instructions @changes to @c, and check what cannot be run. @return 0; -USAGE. */
IMGC_CHECK int image_make_change(struct image_config *c, const struct option_list *changes,
                                 struct imgc_err *reterr);

/** Build the views of its layers now, so that the first run is as quick as the second; then let it
 * be seen. @ret_id  its ID. @return 0; -STORE (a layer is gone); what rootfs_build() and
 * image_add() return. */
IMGC_CHECK int image_make(const struct image_make_args *args, struct digest *ret_id,
                          struct imgc_err *reterr);

#endif
