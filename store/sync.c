/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/process.h"
#include "store/place.h"
#include "store/store_handle.h"

#define DUE_BYTES (512L * 1024) /* half of where SQLite does it inside a commit (store/db.c) */

/* In all three tables; "synced <> 1" makes the partial indexes serve. Rows of this boot only: those
 * of another one need a proof, not a sync. Tickets of a sync that died are taken over. */
static const char *const take_sql[] = {
    "UPDATE blob SET synced = ?1 WHERE synced <> 1 AND boot_id = ?2",
    "UPDATE layer SET synced = ?1 WHERE synced <> 1 AND boot_id = ?2",
    "UPDATE view SET synced = ?1 WHERE synced <> 1 AND boot_id = ?2",
};

static const char *const mark_sql[] = {
    "UPDATE blob SET synced = 1 WHERE synced <> 1 AND boot_id = ?2 AND synced = ?1",
    "UPDATE layer SET synced = 1 WHERE synced <> 1 AND boot_id = ?2 AND synced = ?1",
    "UPDATE view SET synced = 1 WHERE synced <> 1 AND boot_id = ?2 AND synced = ?1",
};

/* @ret_changes  how many rows were changed. */
static int update(struct store *s, const char *const sql[3], int64_t ticket, int *ret_changes,
                  struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    *ret_changes = 0;
    process_boot_id(boot_id);
    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    for (size_t i = 0; r == 0 && i < 3; i++) {
        db_stmt_auto struct db_stmt st = db_prepare(s->db, sql[i]);
        db_bind_int(&st, 1, ticket);
        db_bind_text(&st, 2, boot_id);
        r = db_run(&st, reterr);
        *ret_changes += r == 0 ? db_changes(s->db) : 0;
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

static int sync_ticket(struct store *s, int64_t ticket, struct imgc_err *reterr)
{
    int n = 0;

    int r = update(s, take_sql, ticket, &n, reterr);
    if (r < 0 || n == 0) {
        return r;
    }
    if (syncfs(s->root_fd) < 0) {
        return imgc_fail_sys(reterr, errno, "sync the file system of '%s'", s->root);
    }
    return update(s, mark_sql, ticket, &n, reterr);
}

/* Rows that are there now get a ticket, and only rows that still have it afterwards are marked:
 * content that was removed and came back meanwhile has a new row, with synced = 0. */
int sync_now(struct store *s, struct imgc_err *reterr)
{
    uint64_t random = 0;

    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
        return imgc_fail_sys(reterr, errno, "get random bytes");
    }
    int r = sync_ticket(s, -1 - (int64_t)(random >> 1), reterr);
    return r < 0 ? r : db_checkpoint(s->db, reterr);
}

int sync_check(struct store *s, const struct digest *digest, bool is_layer, struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    process_boot_id(boot_id);
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, is_layer ? "SELECT 1 FROM layer WHERE diff_id = ?1 AND synced <> 1 AND "
                                     "(boot_id <> ?2 OR ?2 = '')"
                                   : "SELECT 1 FROM blob WHERE digest = ?1 AND synced <> 1 AND "
                                     "(boot_id <> ?2 OR ?2 = '')");
    db_bind_digest(&st, 1, digest);
    db_bind_text(&st, 2, boot_id);
    r = db_step(&st, reterr);
    return r < 0 ? r : r == DB_ROW ? SYNC_SUSPECT : 0;
}

int sync_proven(struct store *s, const struct digest *digest, bool is_layer,
                struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    /* What was read whole after the power came back is on the disk. */
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, is_layer ? "UPDATE layer SET synced = 1 WHERE diff_id = ?1"
                                   : "UPDATE blob SET synced = 1 WHERE digest = ?1");
    db_bind_digest(&st, 1, digest);
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

/* What is listed is whole: images that need what is lost go too, and their containers keep only
 * the name of the image. */
static const char *const lost_layer_sql[] = {
    "DELETE FROM mount WHERE image_id IN (SELECT image_id FROM image_layer WHERE diff_id = ?1)",
    ("UPDATE container SET image_id = NULL WHERE image_id IN "
     "(SELECT image_id FROM image_layer WHERE diff_id = ?1)"),
    "DELETE FROM image WHERE id IN (SELECT image_id FROM image_layer WHERE diff_id = ?1)",
    ("DELETE FROM view WHERE (chain_id, form) IN "
     "(SELECT chain_id, form FROM view_layer WHERE diff_id = ?1)"),
    "DELETE FROM layer WHERE diff_id = ?1",
    NULL,
};
static const char *const lost_blob_sql[] = {
    "DELETE FROM mount WHERE image_id IN (SELECT image_id FROM image_blob WHERE digest = ?1)",
    ("UPDATE container SET image_id = NULL WHERE image_id IN "
     "(SELECT image_id FROM image_blob WHERE digest = ?1)"),
    "DELETE FROM image WHERE id IN (SELECT image_id FROM image_blob WHERE digest = ?1)",
    "DELETE FROM blob WHERE digest = ?1",
    NULL,
};

static int drop_rows(struct store *s, const struct digest *digest, bool is_layer,
                     struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_DURABLE, &tx, reterr);
    const char *const *sql = is_layer ? lost_layer_sql : lost_blob_sql;
    for (; r == 0 && *sql; sql++) {
        db_stmt_auto struct db_stmt st = db_prepare(s->db, *sql);
        db_bind_digest(&st, 1, digest);
        r = db_run(&st, reterr);
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

int sync_lost(struct store *s, const struct digest *digest, bool is_layer, struct imgc_err *reterr)
{
    struct place place;
    lease_auto struct lease *lease = NULL;

    int r = lease_begin(s, &lease, reterr);
    if (r == 0) {
        r = drop_rows(s, digest, is_layer, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (is_layer) {
        place_layer(&place, digest);
    } else {
        place_blob(&place, digest);
    }
    return place_withdraw(s, lease, &place, 1, reterr);
}

bool sync_is_due(const struct store *s)
{
    struct stat st;

    return fstatat(s->root_fd, PATHS_INDEX "-wal", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_size >= DUE_BYTES;
}
