/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was removed and still has its files. A removal is one transaction: the rows go and each
 * leaves a row in the table "trash". Nothing on the disk is touched before the commit is there
 * (the removal is then *settled*): a power loss may take back an unsettled one, with its files in
 * their places. Then what has no row again is renamed into tmp/trash/, and unlinked there.
 *
 * The settling, renaming and unlinking are a chore of the background process; a kill at any
 * instruction leaves the rest to the next one.
 */
#ifndef IMGC_STORE_TRASH_H
#define IMGC_STORE_TRASH_H

#include "store/db.h"
#include "store/place.h"

/** Inside the write transaction that deletes the row of @p, or that found it without one. */
IMGC_CHECK int trash_add(struct store *s, const struct place *p, struct imgc_err *reterr);

/** Inside a transaction: whether @p, or the layer that it is a view of, waits to be unlinked. */
IMGC_CHECK int trash_has(struct store *s, const struct place *p, bool *ret,
                         struct imgc_err *reterr);

/** Begin the write transaction that publishes @p. Where it was removed a moment ago that is settled
 * first: a power loss must not bring back the old row, which may say "synced", for the new file. */
IMGC_CHECK int trash_begin_publish(struct store *s, const struct place *p, struct db_tx *ret,
                                   struct imgc_err *reterr);

/** Rename the entry @name of tmp/ into tmp/trash/. Missing is fine. */
IMGC_CHECK int trash_take_stray(struct store *s, const char *name, struct imgc_err *reterr);

/** The chore: settle, rename and unlink all that was removed. Not for two processes at once. */
IMGC_CHECK int trash_empty(struct store *s, struct imgc_err *reterr);

#endif
