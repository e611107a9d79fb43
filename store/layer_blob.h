/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compressed blobs that a layer is known as: it came as one of them, or went out as one.
 */
#ifndef IMGC_STORE_LAYER_BLOB_H
#define IMGC_STORE_LAYER_BLOB_H

#include "schema/digest.h"
#include "store/layer.h"

struct layer_blob {
    struct digest digest;
    uint64_t size;        /* bytes */
    char media_type[256]; /* "" where it was not said */
};

/** Note that what @commit names (all of it) unpacks to its layer, which must be here.
 * @return 0; -NOTFOUND (no such layer); as db_step(). */
IMGC_CHECK int layer_blob_add(struct store *s, const struct layer_commit *commit,
                              struct imgc_err *reterr);

/** All of a layer's, by digest. @ret caller frees; NULL for none. */
IMGC_CHECK int layer_blob_list(struct store *s, const struct digest *diff_id,
                               struct layer_blob **ret, size_t *ret_n, struct imgc_err *reterr);

#endif
