/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>

#define BUSY_MS 10000
/* 1 MiB of WAL: the first process to open the index reads the WAL once (under 1 ms for this). */
#define CHECKPOINT_PAGES "256"

struct db {
    sqlite3 *h;
    pthread_mutex_t mutex; /* held from db_begin() to db_end() */
};

/* What the caller should know of a failed call, as one of our codes. */
static int fail_with(struct imgc_err *reterr, sqlite3 *h, int rc)
{
    int sys = h ? sqlite3_system_errno(h) : 0;
    const char *text = h ? sqlite3_errmsg(h) : sqlite3_errstr(rc);
    const char *path = h ? sqlite3_db_filename(h, "main") : NULL;

    path = path ? path : "the index";
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return imgc_fail_sys(reterr, ENOSPC, "write '%s'", path);
    case SQLITE_NOMEM:
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        (void)imgc_fail(reterr, IMGC_E_SYS, "another imgc has kept '%s' locked for over %d s", path,
                        BUSY_MS / 1000);
        reterr->sys = EBUSY;
        return -(int)reterr->code;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        if (sys != 0) {
            return imgc_fail_sys(reterr, sys, "access '%s'", path);
        }
        return imgc_fail_sys(reterr, EIO, "access '%s' (%s)", path, text);
    case SQLITE_READONLY:
        return imgc_fail_sys(reterr, EROFS, "write '%s'", path);
    case SQLITE_CONSTRAINT:
        if (rc == SQLITE_CONSTRAINT_FOREIGNKEY) {
            return imgc_fail(reterr, IMGC_E_NOTFOUND, "what the entry refers to is not there");
        }
        if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY) {
            return imgc_fail(reterr, IMGC_E_EXISTS, "the entry exists");
        }
        return imgc_fail(reterr, IMGC_E_STORE, "'%s': %s", path, text);
    default: /* CORRUPT, NOTADB, SCHEMA, a table that is missing... */
        return imgc_fail(reterr, IMGC_E_STORE, "'%s' is damaged or no index of imgc: %s", path,
                         text);
    }
}

static int db_fail(struct db *db, struct imgc_err *reterr)
{
    return fail_with(reterr, db->h, sqlite3_extended_errcode(db->h));
}

static int configure(struct db *db, struct imgc_err *reterr)
{
    static const struct {
        int op, value;
    } switches[] = {
        { SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
        { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
        { SQLITE_DBCONFIG_DEFENSIVE, 1 },
        /* Else the last process to close pays for two fsync()s: the background process does. */
        { SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
    };

    (void)sqlite3_busy_timeout(db->h, BUSY_MS);
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        if (sqlite3_db_config(db->h, switches[i].op, switches[i].value, NULL) != SQLITE_OK) {
            return db_fail(db, reterr);
        }
    }
    return db_exec(db, "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=" CHECKPOINT_PAGES,
                   reterr);
}

/* Before its first use in a process; later it refuses, and that is right too. A command reads some
 * dozen pages: those that SQLite would prepare in advance are as many page faults, and nobody asks
 * it how much memory it uses. */
static void configure_library(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int db_open(const char *path, struct db **ret, struct imgc_err *reterr)
{
    configure_library();
    db_auto struct db *db = calloc(1, sizeof *db);
    if (!db) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    pthread_mutexattr_t attr;
    (void)pthread_mutexattr_init(&attr);
    (void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    (void)pthread_mutex_init(&db->mutex, &attr);
    (void)pthread_mutexattr_destroy(&attr);

    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(path, &db->h, flags, NULL);
    if (rc != SQLITE_OK) {
        return fail_with(reterr, db->h, rc);
    }
    if (sqlite3_db_readonly(db->h, "main") == 1) {
        return imgc_fail_sys(reterr, EROFS, "write '%s'", path);
    }
    int r = configure(db, reterr);
    if (r < 0) {
        return r;
    }
    *ret = imgc_take(db);
    return 0;
}

struct db *db_close(struct db *db)
{
    if (db) {
        (void)sqlite3_close_v2(db->h);
        (void)pthread_mutex_destroy(&db->mutex);
        free(db);
    }
    return NULL;
}

void db_closep(struct db **db)
{
    *db = db_close(*db);
}

int db_exec(struct db *db, const char *sql, struct imgc_err *reterr)
{
    return sqlite3_exec(db->h, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(db, reterr);
}

int db_begin(struct db *db, enum db_mode mode, struct db_tx *ret, struct imgc_err *reterr)
{
    if (!db) { /* the connection could not be opened again after a fork */
        return imgc_fail(reterr, IMGC_E_STORE, "the index is closed");
    }
    /* EDEADLK here means a transaction inside a transaction: a defect of ours. */
    if (pthread_mutex_lock(&db->mutex) != 0) {
        assert(!"nested transaction");
        return imgc_fail(reterr, IMGC_E_STORE, "nested transaction");
    }
    int r = 0;
    if (mode == DB_DURABLE) {
        r = db_exec(db, "PRAGMA synchronous=FULL", reterr);
    }
    if (r == 0) {
        r = db_exec(db, mode == DB_READ ? "BEGIN" : "BEGIN IMMEDIATE", reterr);
    }
    if (r < 0) {
        (void)sqlite3_exec(db->h, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
        (void)pthread_mutex_unlock(&db->mutex);
        return r;
    }
    ret->db = db;
    ret->mode = mode;
    return 0;
}

int db_commit(struct db_tx *tx, struct imgc_err *reterr)
{
    int r = db_exec(tx->db, "COMMIT", reterr);

    db_end(tx);
    return r;
}

void db_end(struct db_tx *tx)
{
    struct db *db = tx->db;

    if (!db) {
        return;
    }
    if (!sqlite3_get_autocommit(db->h)) {
        (void)sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
    }
    if (tx->mode == DB_DURABLE) {
        (void)sqlite3_exec(db->h, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
    }
    tx->db = NULL;
    (void)pthread_mutex_unlock(&db->mutex);
}

struct db_stmt db_prepare(struct db *db, const char *sql)
{
    struct db_stmt st = { .db = db };

    if (sqlite3_prepare_v2(db->h, sql, -1, &st.h, NULL) != SQLITE_OK) {
        (void)db_fail(db, &st.err);
    }
    return st;
}

void db_stmt_done(struct db_stmt *st)
{
    (void)sqlite3_finalize(st->h);
    st->h = NULL;
}

static void bound(struct db_stmt *st, int rc)
{
    if (rc != SQLITE_OK && st->err.code == IMGC_OK) {
        (void)db_fail(st->db, &st->err);
    }
}

void db_bind_int(struct db_stmt *st, int i, int64_t v)
{
    if (st->h) {
        bound(st, sqlite3_bind_int64(st->h, i, v));
    }
}

void db_bind_text(struct db_stmt *st, int i, const char *z)
{
    if (st->h) {
        bound(st, sqlite3_bind_text(st->h, i, z, -1, SQLITE_TRANSIENT));
    }
}

void db_bind_str(struct db_stmt *st, int i, struct imgc_str s)
{
    if (st->h) {
        const char *ptr = s.len ? s.ptr : "";
        bound(st, sqlite3_bind_text64(st->h, i, ptr, s.len, SQLITE_TRANSIENT, SQLITE_UTF8));
    }
}

void db_bind_digest(struct db_stmt *st, int i, const struct digest *d)
{
    char text[DIGEST_TEXT_MAX];

    db_bind_text(st, i, d && digest_is_set(d) ? digest_text(d, text) : NULL);
}

int db_step(struct db_stmt *st, struct imgc_err *reterr)
{
    if (st->err.code != IMGC_OK) {
        *reterr = st->err;
        return -(int)st->err.code;
    }
    switch (sqlite3_step(st->h)) {
    case SQLITE_ROW:
        return DB_ROW;
    case SQLITE_DONE:
        return 0;
    default:
        return db_fail(st->db, reterr);
    }
}

int db_run(struct db_stmt *st, struct imgc_err *reterr)
{
    int r;

    do {
        r = db_step(st, reterr);
    } while (r == DB_ROW);
    return r;
}

void db_rewind(struct db_stmt *st)
{
    if (st->h) {
        (void)sqlite3_reset(st->h);
        (void)sqlite3_clear_bindings(st->h);
    }
}

int db_changes(struct db *db)
{
    return sqlite3_changes(db->h);
}

int64_t db_col_int(struct db_stmt *st, int i)
{
    return sqlite3_column_int64(st->h, i);
}

uint64_t db_col_size(struct db_stmt *st, int i)
{
    int64_t v = sqlite3_column_int64(st->h, i);

    return v < 0 ? 0 : (uint64_t)v;
}

const char *db_col_text(struct db_stmt *st, int i)
{
    const void *z = sqlite3_column_text(st->h, i);

    return z ? z : "";
}

bool db_col_is_null(struct db_stmt *st, int i)
{
    return sqlite3_column_type(st->h, i) == SQLITE_NULL;
}

int db_col_dup(struct db_stmt *st, int i, char **ret, struct imgc_err *reterr)
{
    if (db_col_is_null(st, i)) {
        *ret = NULL;
        return 0;
    }
    return imgc_str_dup(imgc_str_of(db_col_text(st, i)), ret, reterr);
}

int db_col_digest(struct db_stmt *st, int i, struct digest *ret, struct imgc_err *reterr)
{
    const char *text = db_col_text(st, i);

    if (digest_parse(imgc_str_of(text), ret, reterr) < 0) {
        return imgc_fail(reterr, IMGC_E_STORE, "the index is damaged: '%s' is no digest", text);
    }
    return 0;
}

int db_number(struct db *db, const char *sql, int64_t *ret, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(db, sql);
    int r = db_step(&st, reterr);

    if (r >= 0) {
        *ret = r == DB_ROW ? db_col_int(&st, 0) : 0;
    }
    return r < 0 ? r : 0;
}

int db_checkpoint(struct db *db, struct imgc_err *reterr)
{
    /* The first waits for the disk, and writers go on meanwhile; the second locks them out, but
     * then it has little left to write. */
    (void)sqlite3_wal_checkpoint_v2(db->h, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    int rc = sqlite3_wal_checkpoint_v2(db->h, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

    return rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY ? 0 : db_fail(db, reterr);
}
