/* SPDX-License-Identifier: Apache-2.0 */
#include "store/recover.h"

#include <errno.h>

#include "schema/base/fd.h"
#include "schema/base/process.h"
#include "store/lock.h"
#include "store/store_handle.h"
#include "store/sync.h"
#include "store/trash.h"

/* A blob or layer that may be damaged. */
struct suspect {
    struct digest digest;
    bool is_layer;
};

static const char list_sql[] = "SELECT digest, 0 FROM blob WHERE synced <> 1 AND boot_id <> ?1 "
                               "UNION ALL "
                               "SELECT diff_id, 1 FROM layer WHERE synced <> 1 AND boot_id <> ?1";

/* ?1 this boot */
static const char views_sql[] = "DELETE FROM view WHERE synced <> 1 AND boot_id <> ?1 "
                                "RETURNING form, chain_id, diff_id";
static const char any_view_sql[] = "SELECT 1 FROM view WHERE synced <> 1 AND boot_id <> ?1";

/* @ret  of struct suspect. */
static int list(struct store *s, const char *boot_id, struct imgc_buf *ret, bool *ret_has_view,
                struct imgc_err *reterr)
{
    int r;
    struct imgc_str all;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(s->db, list_sql);
    db_stmt_auto struct db_stmt view = db_prepare(s->db, any_view_sql);
    db_bind_text(&st, 1, boot_id);
    db_bind_text(&view, 1, boot_id);
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        struct suspect suspect = { .is_layer = db_col_int(&st, 1) != 0 };
        r = db_col_digest(&st, 0, &suspect.digest, reterr);
        if (r < 0) {
            return r;
        }
        imgc_buf_add(ret, &suspect, sizeof suspect);
    }
    if (r == 0) {
        r = db_step(&view, reterr);
        *ret_has_view = r == DB_ROW;
    }
    return r < 0 ? r : imgc_buf_finish(ret, &all, reterr);
}

static int discard_view(struct store *s, struct db_stmt *row, struct imgc_err *reterr)
{
    struct place place;
    struct digest chain_id, diff_id;

    int r = db_col_digest(row, 1, &chain_id, reterr);
    if (r == 0) {
        r = db_col_digest(row, 2, &diff_id, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (strcmp(db_col_text(row, 0), "directory") == 0) {
        place_view(&place, &diff_id, &chain_id);
    } else {
        place_erofs(&place, &chain_id);
    }
    return trash_add(s, &place, reterr);
}

static int drop_views(struct store *s, const char *boot_id, struct imgc_err *reterr)
{
    int r;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(s->db, views_sql);
    db_bind_text(&st, 1, boot_id);
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        r = discard_view(s, &st, reterr);
        if (r < 0) {
            return r;
        }
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

/* @ret  whether the file is there and its content is right. */
static int examine(struct store *s, const struct suspect *suspect, bool *ret,
                   struct imgc_err *reterr)
{
    char path[PATHS_MAX];
    struct digest got;
    imgc_autoclose int fd = -1;

    *ret = false;
    (void)(suspect->is_layer ? paths_layer_tar(&suspect->digest, path)
                             : paths_blob(&suspect->digest, path));
    int r = fd_open_at(s->root_fd, path, O_RDONLY | O_NOFOLLOW, 0, &fd, reterr);
    if (r < 0) {
        return reterr->sys == ENOENT || reterr->sys == ENOTDIR ? 0 : r;
    }
    r = digest_of_fd(suspect->digest.alg, fd, &got, reterr);
    if (r == 0) {
        *ret = digest_eq(&suspect->digest, &got);
    }
    return r;
}

/* Under its lock: of several commands that are the first ones after the power loss, one hashes. */
static int prove(struct store *s, const struct suspect *suspect, struct imgc_err *reterr)
{
    lock_auto struct lock lock = LOCK_INIT;
    bool is_right = false;

    int r = lock_take(s, &suspect->digest, true, &lock, reterr);
    if (r == 0) {
        r = sync_check(s, &suspect->digest, suspect->is_layer, reterr);
    }
    if (r != SYNC_SUSPECT) {
        return r;
    }
    r = examine(s, suspect, &is_right, reterr);
    if (r < 0) {
        return r;
    }
    return is_right ? sync_proven(s, &suspect->digest, suspect->is_layer, reterr)
                    : sync_lost(s, &suspect->digest, suspect->is_layer, reterr);
}

int recover_run(struct store *s, struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    bool has_view = false;
    imgc_autobuf struct imgc_buf suspects = IMGC_BUF_INIT(SIZE_MAX / 2);

    process_boot_id(boot_id);
    if (boot_id[0] == '\0') {
        return 0; /* which boot this is cannot be said: each use is proven */
    }
    int r = list(s, boot_id, &suspects, &has_view, reterr);
    if (r == 0 && has_view) {
        r = drop_views(s, boot_id, reterr);
    }
    for (size_t at = 0; r == 0 && at < suspects.len; at += sizeof(struct suspect)) {
        struct suspect suspect;
        memcpy(&suspect, suspects.ptr + at, sizeof suspect);
        r = prove(s, &suspect, reterr);
    }
    return r;
}
