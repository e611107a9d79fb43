/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durability without an fsync storm: new rows carry the boot id and synced = 0; a syncfs() after
 * the answer turns them to 1. After a power loss (another boot, not synced) content is suspect: it
 * is hashed again before its first use.
 */
#ifndef IMGC_STORE_SYNC_H
#define IMGC_STORE_SYNC_H

#include "schema/digest.h"
#include "store/store.h"

/** Sync the store's file system and mark what was there before as synced: a chore of the background
 * process (store/background.h). Quick where everything is. Moves the WAL into the database. */
IMGC_CHECK int sync_now(struct store *s, struct imgc_err *reterr);

enum { SYNC_SUSPECT = 1 };

/** Whether blob or layer @digest (@is_layer: a DiffID) may have been lost in a power loss.
 * @return 0; SYNC_SUSPECT. */
IMGC_CHECK int sync_check(struct store *s, const struct digest *digest, bool is_layer,
                          struct imgc_err *reterr);

/** Mark one as proven (it was hashed again and is right), or drop its row and content (it is
 * not; what needs it is then fetched or built again). */
IMGC_CHECK int sync_proven(struct store *s, const struct digest *digest, bool is_layer,
                           struct imgc_err *reterr);
IMGC_CHECK int sync_lost(struct store *s, const struct digest *digest, bool is_layer,
                         struct imgc_err *reterr);

/** Whether the WAL has grown so far that sync_now() is worth its while only for that: before a
 * command that waits would have to move it into the database, and sync twice. */
bool sync_is_due(const struct store *s);

#endif
