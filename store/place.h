/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving things into their place and out of it: the renames of the two protocols in store/store.h.
 * A rename happens only inside a write transaction, and out of its place only goes what has no row.
 */
#ifndef IMGC_STORE_PLACE_H
#define IMGC_STORE_PLACE_H

#include "schema/volume_name.h"
#include "store/lease.h"
#include "store/paths.h"

enum place_kind { PLACE_BLOB, PLACE_LAYER, PLACE_VIEW, PLACE_EROFS, PLACE_CONTAINER, PLACE_VOLUME };

#define PLACE_KEY_MAX VOLUME_NAME_MAX /* the longest: more than DIGEST_TEXT_MAX */

/** Something with a row and a path. */
struct place {
    enum place_kind kind;
    char key[PLACE_KEY_MAX]; /* primary key of its row: digest, DiffID, ChainID, id or name */
    char path[PATHS_MAX];    /* under the root */
};

void place_blob(struct place *p, const struct digest *digest);
void place_layer(struct place *p, const struct digest *diff_id);
void place_view(struct place *p, const struct digest *diff_id, const struct digest *chain_id);
void place_erofs(struct place *p, const struct digest *chain_id);
void place_container(struct place *p, const char *id);
void place_volume(struct place *p, const char *name);

/** "blob", "layer", "view", "erofs", "container", "volume"; and back (what is none: a blob, whose
 * key it is not). */
const char *place_kind_name(enum place_kind kind);
enum place_kind place_kind_of(const char *name);

/** The path of the layer in whose directory the view @p is. @return false: @p is no view. */
bool place_layer_of(const struct place *p, char out[PATHS_MAX]);

/** renameat(), also of a directory that its owner may not write to. @return 0 or an errno. */
int place_rename(int from_fd, const char *from, int to_fd, const char *to);

/** Inside a transaction: whether @p has a row. */
IMGC_CHECK int place_has_row(struct store *s, const struct place *p, bool *ret,
                             struct imgc_err *reterr);

/** Inside a write transaction: rename the staged @name of the lease's directory to @p. An orphan
 * that stands there (a crash left it) goes into the lease's directory. The row is the caller's. */
IMGC_CHECK int place_publish(struct store *s, struct lease *l, const char *name,
                             const struct place *p, struct imgc_err *reterr);

/** Move those of @items that have no row (any more) into the lease's directory, in transactions of
 * its own; what is not there is fine. Their space is freed when the lease ends. */
IMGC_CHECK int place_withdraw(struct store *s, struct lease *l, const struct place *items, size_t n,
                              struct imgc_err *reterr);

#endif
