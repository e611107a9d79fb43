/* SPDX-License-Identifier: Apache-2.0 */
#include "store/container.h"
#include "store/db.h"
#include "store/store_handle.h"

int container_changed(struct store *s, const char *id, const char *spec_json, const char *cgroup,
                      struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "UPDATE container SET spec_json = ?2, cgroup = coalesce(?3, cgroup) WHERE id = ?1");
    db_bind_text(&st, 1, id);
    db_bind_text(&st, 2, spec_json);
    db_bind_text(&st, 3, cgroup);
    r = db_run(&st, reterr);
    if (r == 0 && db_changes(s->db) == 0) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "container %.12s is gone", id);
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}
