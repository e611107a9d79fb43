/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of the index: schema/sql/NNN_*.sql are applied in order, each in its own transaction;
 * user_version is the number of the last one.
 */
#ifndef IMGC_STORE_DB_MIGRATE_H
#define IMGC_STORE_DB_MIGRATE_H

#include "store/db.h"

enum { DB_MIGRATE_NEEDED = 1 };

/** Whether @db is an index of ours and of this program's version. @path is for the message.
 * @return 0; DB_MIGRATE_NEEDED (older, or empty); -STORE (not ours, or newer). */
IMGC_CHECK int db_migrate_check(struct db *db, const char *path, struct imgc_err *reterr);

/** Bring it to this program's version. The caller sees to it that only one process does so. */
IMGC_CHECK int db_migrate_run(struct db *db, struct imgc_err *reterr);

#endif
