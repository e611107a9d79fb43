/* SPDX-License-Identifier: Apache-2.0 */
#include "store/layer_blob.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/db.h"
#include "store/store_handle.h"

int layer_blob_add(struct store *s, const struct layer_commit *commit, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT OR REPLACE INTO layer_blob (digest, diff_id, size, media_type) "
                          "VALUES (?1, ?2, ?3, ?4)");
    db_bind_digest(&st, 1, commit->blob);
    db_bind_digest(&st, 2, commit->diff_id);
    db_bind_int(&st, 3, (int64_t)commit->blob_size);
    db_bind_text(&st, 4, commit->media_type);
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

static int add_row(struct db_stmt *st, struct layer_blob **list, size_t *n, struct imgc_err *reterr)
{
    struct layer_blob *grown = reallocarray(*list, *n + 1, sizeof *grown);

    if (!grown) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *list = grown;
    struct layer_blob *b = &grown[*n];
    *b = (struct layer_blob){ .size = db_col_size(st, 1) };
    (void)snprintf(b->media_type, sizeof b->media_type, "%s", db_col_text(st, 2));
    int r = db_col_digest(st, 0, &b->digest, reterr);
    *n += r == 0;
    return r;
}

int layer_blob_list(struct store *s, const struct digest *diff_id, struct layer_blob **ret,
                    size_t *ret_n, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;
    imgc_autofree struct layer_blob *list = NULL;
    size_t n = 0;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db,
        "SELECT digest, size, media_type FROM layer_blob WHERE diff_id = ?1 ORDER BY digest");
    db_bind_digest(&st, 1, diff_id);
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        r = add_row(&st, &list, &n, reterr);
        if (r < 0) {
            return r;
        }
    }
    if (r == 0) {
        *ret = imgc_take(list);
        *ret_n = n;
    }
    return r;
}
