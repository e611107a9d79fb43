/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one adapter to SQLite: nobody else sees SQLITE_* or sqlite3.h. A connection belongs to one
 * store handle and may be used by its threads; every use stands inside a transaction, which holds
 * the connection's mutex, so that the transactions of two threads never mix.
 *
 * Statements are sticky: a failure to prepare or bind is kept and comes out of db_step().
 */
#ifndef IMGC_STORE_DB_H
#define IMGC_STORE_DB_H

#include <stdint.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"
#include "schema/digest.h"

struct db;
struct sqlite3_stmt;

/** Open the existing file @path (empty, or an index) and set up the connection. Writers wait 10 s
 * for one another. @ret caller closes. @return 0; -STORE where it is no database; -SYS. */
IMGC_CHECK int db_open(const char *path, struct db **ret, struct imgc_err *reterr);
struct db *db_close(struct db *db);
void db_closep(struct db **db);
#define db_auto imgc_auto(db_closep)

enum db_mode {
    DB_READ,   /* one snapshot; waits for nobody */
    DB_WRITE,  /* takes SQLite's write lock at once */
    DB_DURABLE /* as DB_WRITE, and the commit is on disk when it returns */
};

struct db_tx {
    struct db *db; /* NULL: none open */
    enum db_mode mode;
};

#define DB_TX_INIT \
    {              \
        .db = NULL \
    }

/** Begin a transaction; it is rolled back by db_end() unless committed. Does not nest. */
IMGC_CHECK int db_begin(struct db *db, enum db_mode mode, struct db_tx *ret,
                        struct imgc_err *reterr);
IMGC_CHECK int db_commit(struct db_tx *tx, struct imgc_err *reterr);
void db_end(struct db_tx *tx); /* idempotent */
#define db_tx_auto imgc_auto(db_end)

struct db_stmt {
    struct sqlite3_stmt *h;
    struct db *db;
    struct imgc_err err; /* of prepare or bind; code 0: none */
};

/** Prepare one statement. Finish it with db_stmt_done(). */
struct db_stmt db_prepare(struct db *db, const char *sql);
void db_stmt_done(struct db_stmt *st);
#define db_stmt_auto imgc_auto(db_stmt_done)

/** Bind parameter @i (from 1). Text is copied; NULL and an unset digest bind NULL. */
void db_bind_int(struct db_stmt *st, int i, int64_t v);
void db_bind_text(struct db_stmt *st, int i, const char *z);
void db_bind_str(struct db_stmt *st, int i, struct imgc_str s);
void db_bind_digest(struct db_stmt *st, int i, const struct digest *d);

enum { DB_ROW = 1 };

/** Next row. @return 0 at the end; DB_ROW; -EXISTS for a broken UNIQUE or PRIMARY KEY, -NOTFOUND
 * for a broken FOREIGN KEY; -NOSPACE; -STORE; -SYS. */
IMGC_CHECK int db_step(struct db_stmt *st, struct imgc_err *reterr);

/** Run to the end; rows are dropped. */
IMGC_CHECK int db_run(struct db_stmt *st, struct imgc_err *reterr);

/** Rewind for another round of binding and stepping. */
void db_rewind(struct db_stmt *st);

/** Rows that the last statement changed. */
int db_changes(struct db *db);

/** Column @i (from 0) of the current row. */
int64_t db_col_int(struct db_stmt *st, int i);
uint64_t db_col_size(struct db_stmt *st, int i);    /* negative numbers read as 0 */
const char *db_col_text(struct db_stmt *st, int i); /* borrowed until the next step; never NULL */
bool db_col_is_null(struct db_stmt *st, int i);
/** Copy a text column. @ret caller frees; NULL where the column is. */
IMGC_CHECK int db_col_dup(struct db_stmt *st, int i, char **ret, struct imgc_err *reterr);
/** A digest column. @return 0; -STORE where it is none. */
IMGC_CHECK int db_col_digest(struct db_stmt *st, int i, struct digest *ret,
                             struct imgc_err *reterr);

/** Run SQL without parameters, several statements too. For migrations and PRAGMAs. */
IMGC_CHECK int db_exec(struct db *db, const char *sql, struct imgc_err *reterr);

/** The single number that @sql gives (0 without a row), outside of any transaction. */
IMGC_CHECK int db_number(struct db *db, const char *sql, int64_t *ret, struct imgc_err *reterr);

/** Move the WAL into the database file and cut it, both on disk afterwards. Gives up silently
 * where readers keep it busy. */
IMGC_CHECK int db_checkpoint(struct db *db, struct imgc_err *reterr);

#endif
