/* SPDX-License-Identifier: Apache-2.0 */
#include "store/id_range.h"

#include "store/store_handle.h"

/* The lowest of @from where @count IDs begin of which nobody has one. Rows come by their start, and
 * may overlap. */
static int find_free(struct store *s, enum id_range_kind kind, const struct id_range *from,
                     uint32_t count, uint64_t *ret, struct imgc_err *reterr)
{
    uint64_t at = from->start, end = (uint64_t)from->start + from->count;
    int r;
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT start, count FROM id_range WHERE kind = ?1 ORDER BY start");

    db_bind_int(&st, 1, kind);
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        uint64_t taken = (uint64_t)db_col_int(&st, 0), n = (uint64_t)db_col_int(&st, 1);
        if (taken >= at + count) {
            break;
        }
        if (taken + n > at) {
            at = taken + n;
        }
    }
    *ret = at + count <= end ? at : UINT64_MAX;
    return r < 0 ? r : 0;
}

static int insert(struct store *s, const char *container_id, enum id_range_kind kind,
                  struct id_range range, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT OR IGNORE INTO id_range (container_id, kind, start, count) "
                          "VALUES (?1, ?2, ?3, ?4)");

    db_bind_text(&st, 1, container_id);
    db_bind_int(&st, 2, kind);
    db_bind_int(&st, 3, range.start);
    db_bind_int(&st, 4, range.count);
    return db_run(&st, reterr);
}

int id_range_take(struct store *s, const struct id_range_wish *wish, uint32_t *ret_start,
                  struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;
    uint64_t start = UINT64_MAX;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    for (size_t i = 0; i < wish->n && r == 0 && start == UINT64_MAX; i++) {
        r = find_free(s, wish->kind, &wish->from[i], wish->count, &start, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (start == UINT64_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "no %u %s IDs in one piece are free", wish->count,
                         wish->kind == ID_RANGE_UID ? "user" : "group");
    }
    r = insert(s, wish->container_id, wish->kind, (struct id_range){ (uint32_t)start, wish->count },
               reterr);
    r = r < 0 ? r : db_commit(&tx, reterr);
    if (r == 0) {
        *ret_start = (uint32_t)start;
    }
    return r;
}

int id_range_note(struct store *s, const char *container_id, enum id_range_kind kind,
                  struct id_range range, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    r = r < 0 ? r : insert(s, container_id, kind, range, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}
