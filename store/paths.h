/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of things inside the store directory, relative to its root (docs/store-format.md).
 */
#ifndef IMGC_STORE_PATHS_H
#define IMGC_STORE_PATHS_H

#include "schema/digest.h"

#define PATHS_INDEX "imgc.db"
#define PATHS_LAYERS "layers"
#define PATHS_CONTAINERS "containers"
#define PATHS_TMP "tmp"
#define PATHS_TRASH_NAME "trash" /* no lease has this id: it is not hexadecimal */
#define PATHS_TRASH PATHS_TMP "/" PATHS_TRASH_NAME
#define PATHS_LOCKS "locks"
#define PATHS_PARTIAL "partial"
#define PATHS_BACKGROUND "background"
#define PATHS_VIEWS "views"
#define PATHS_VOLUMES "volumes"

#define PATHS_MAX 320 /* the longest is a view of two sha512 digests: 7 + 128 + 4 + 128 and NUL */

/** Every directory of a store, parents first; NULL ends the list. */
extern const char *const paths_skeleton[];

/** "blobs/sha256/<hex>". Returns @out. */
const char *paths_blob(const struct digest *digest, char out[PATHS_MAX]);

/** "layers/<diffid hex>", and in it "tar", "entries" and "fs". The algorithm shows in the length.
 */
const char *paths_layer(const struct digest *diff_id, char out[PATHS_MAX]);
const char *paths_layer_tar(const struct digest *diff_id, char out[PATHS_MAX]);
const char *paths_layer_entries(const struct digest *diff_id, char out[PATHS_MAX]);

/** "layers/<diffid hex>/fs/<chainid hex>". */
const char *paths_view(const struct digest *diff_id, const struct digest *chain_id,
                       char out[PATHS_MAX]);

/** "views/<chainid hex>": the EROFS form. */
const char *paths_erofs(const struct digest *chain_id, char out[PATHS_MAX]);

/** "containers/<id>". */
const char *paths_container(const char *id, char out[PATHS_MAX]);

/** "tmp/<lease id>". */
const char *paths_lease(const char *lease_id, char out[PATHS_MAX]);

/** "locks/<alg>-<hex>". */
const char *paths_lock(const struct digest *digest, char out[PATHS_MAX]);

/** "partial/<alg>-<hex>"; and the digest of such a name without its directory, @return whether it
 * is one. */
const char *paths_partial(const struct digest *digest, char out[PATHS_MAX]);
bool paths_parse_partial(const char *name, struct digest *ret);

#endif
