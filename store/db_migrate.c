/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db_migrate.h"

#include <stdio.h>

#include "schema/embed.h"

#define APPLICATION_ID 0x696d6763 /* "imgc" */

/* The number in front of "001_init.sql". */
static int64_t number_of(const struct embed *migration)
{
    return strtol(migration->name, NULL, 10);
}

static int64_t newest(void)
{
    int64_t n = 0;

    for (const struct embed *m = sql_embedded; m->name; m++) {
        n = number_of(m);
    }
    return n;
}

int db_migrate_check(struct db *db, const char *path, struct imgc_err *reterr)
{
    int64_t application = 0, version = 0, tables = 0;

    int r = db_number(db, "PRAGMA application_id", &application, reterr);
    if (r < 0) {
        return r;
    }
    r = db_number(db, "PRAGMA user_version", &version, reterr);
    if (r < 0) {
        return r;
    }
    if (application == 0) {
        r = db_number(db, "SELECT count(*) FROM sqlite_schema", &tables, reterr);
        /* Another process may have made them since: then its mark came with them. */
        r = r < 0 || tables == 0 ? r : db_number(db, "PRAGMA application_id", &application, reterr);
        if (r < 0) {
            return r;
        }
    }
    if (application != APPLICATION_ID && (application != 0 || tables != 0)) {
        return imgc_fail(reterr, IMGC_E_STORE, "'%s' is a database, but not imgc's", path);
    }
    if (version > newest()) {
        return imgc_fail(reterr, IMGC_E_STORE,
                         "'%s' has version %lld, this imgc knows up to %lld: use a newer imgc",
                         path, (long long)version, (long long)newest());
    }
    return version < newest() ? DB_MIGRATE_NEEDED : 0;
}

static int apply(struct db *db, const struct embed *migration, struct imgc_err *reterr)
{
    char pragmas[96];
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(db, DB_DURABLE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    r = db_exec(db, migration->text, reterr);
    if (r < 0) {
        return r;
    }
    (void)snprintf(pragmas, sizeof pragmas, "PRAGMA application_id=%d; PRAGMA user_version=%lld",
                   APPLICATION_ID, (long long)number_of(migration));
    r = db_exec(db, pragmas, reterr);
    if (r < 0) {
        return r;
    }
    return db_commit(&tx, reterr);
}

int db_migrate_run(struct db *db, struct imgc_err *reterr)
{
    int64_t version = 0;

    int r = db_exec(db, "PRAGMA journal_mode=WAL", reterr);
    if (r < 0) {
        return r;
    }
    r = db_number(db, "PRAGMA user_version", &version, reterr);
    for (const struct embed *m = sql_embedded; r >= 0 && m->name; m++) {
        if (number_of(m) > version) {
            r = apply(db, m, reterr);
            if (r < 0) {
                return imgc_context(reterr, "apply %s to the index", m->name);
            }
        }
    }
    return r;
}
