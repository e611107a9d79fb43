/* SPDX-License-Identifier: Apache-2.0 */
/* What container.h offers for changing who runs a container, and its name. */
#include <stdio.h>

#include "schema/base/clock.h"
#include "store/container.h"
#include "store/container_name.h"
#include "store/store_handle.h"
#include "store/volume.h"

static int gone(const char *id, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_NOTFOUND, "container %.12s is gone", id);
}

/* Whether its process or its owner's lives. The caller's own claim does not count. */
static int is_busy(struct store *s, const char *id, const struct process_id *self, bool *ret,
                   struct imgc_err *reterr)
{
    struct process_id init = { .pid = 0 }, owner = { .pid = 0 };
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT init_pid, init_start, owner_pid, owner_start, boot_id, "
                          "started_ns > 0 AND finished_ns = 0 FROM container WHERE id = ?1");

    db_bind_text(&st, 1, id);
    int r = db_step(&st, reterr);
    if (r != DB_ROW) {
        return r < 0 ? r : gone(id, reterr);
    }
    init.pid = (pid_t)db_col_int(&st, 0);
    init.start_ticks = (uint64_t)db_col_int(&st, 1);
    owner.pid = (pid_t)db_col_int(&st, 2);
    owner.start_ticks = (uint64_t)db_col_int(&st, 3);
    (void)snprintf(init.boot_id, sizeof init.boot_id, "%s", db_col_text(&st, 4));
    (void)snprintf(owner.boot_id, sizeof owner.boot_id, "%s", db_col_text(&st, 4));
    bool runs = db_col_int(&st, 5) != 0 && init.pid > 0 && process_alive(&init);
    bool is_self = owner.pid == self->pid && owner.start_ticks == self->start_ticks;
    *ret = runs || (owner.pid > 0 && !is_self && process_alive(&owner));
    return 0;
}

/* The boot is the init's, too, which is dead: of an earlier boot its pid must not mean anything
 * now.
 */
static int set_owner(struct store *s, const char *id, const struct process_id *owner,
                     struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE container SET owner_pid = ?2, owner_start = ?3, boot_id = ?4, "
                          "init_pid = 0 WHERE id = ?1");

    db_bind_text(&st, 1, id);
    db_bind_int(&st, 2, owner->pid);
    db_bind_int(&st, 3, (int64_t)owner->start_ticks);
    db_bind_text(&st, 4, owner->boot_id);
    return db_run(&st, reterr);
}

int container_claim(struct store *s, const char *id, struct imgc_err *reterr)
{
    struct process_id self;
    bool busy = false;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = process_identify(0, &self, reterr);
    r = r < 0 ? r : db_begin(s->db, DB_WRITE, &tx, reterr);
    r = r < 0 ? r : is_busy(s, id, &self, &busy, reterr);
    if (r == 0 && busy) {
        return CONTAINER_BUSY;
    }
    r = r < 0 ? r : set_owner(s, id, &self, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

int container_unclaim(struct store *s, const struct container *before, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    r = r < 0 ? r : set_owner(s, before->id, &before->owner, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

/* As those of --rm do. In the transaction that deletes the row: with the flag left behind, a
 * container that stays would be swept as soon as it has ended. */
static int take_volumes_along(struct store *s, const char *id, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE container SET auto_remove = 1 WHERE id = ?1");

    db_bind_text(&st, 1, id);
    return db_run(&st, reterr);
}

int container_delete_idle(struct store *s, const char *id, bool with_volumes,
                          struct imgc_err *reterr)
{
    struct process_id self;
    bool busy = false;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = process_identify(0, &self, reterr);
    r = r < 0 ? r : db_begin(s->db, DB_WRITE, &tx, reterr);
    r = r < 0 ? r : is_busy(s, id, &self, &busy, reterr);
    if (r == 0 && busy) {
        return CONTAINER_BUSY;
    }
    r = r < 0 || !with_volumes ? r : take_volumes_along(s, id, reterr);
    r = r < 0 ? r : volume_leave(s, id, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "DELETE FROM container WHERE id = ?1");
    db_bind_text(&st, 1, id);
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

int container_release(struct store *s, const struct container *before, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "UPDATE container SET owner_pid = 0, init_pid = 0, "
               "cgroup = iif(?3 > 0, ?6, NULL), " /* what its last end could not remove */
               "started_ns = ?2, finished_ns = ?3, exit_code = iif(?4 < 0, NULL, ?4), "
               "oom_killed = ?5 WHERE id = ?1");
    db_bind_text(&st, 1, before->id);
    db_bind_int(&st, 2, before->started_ns);
    db_bind_int(&st, 3, before->finished_ns);
    db_bind_int(&st, 4, before->started_ns ? before->exit_code : -1);
    db_bind_int(&st, 5, before->oom_killed);
    db_bind_text(&st, 6, before->cgroup);
    r = db_run(&st, reterr);
    if (r == 0 && db_changes(s->db) == 0) {
        return gone(before->id, reterr);
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

int container_abandoned(struct store *s, const char *id, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE container SET owner_pid = 0, init_pid = 0, cgroup = NULL, "
                          "finished_ns = iif(started_ns > 0, ?2, 0) WHERE id = ?1");
    db_bind_text(&st, 1, id);
    db_bind_int(&st, 2, clock_now_ns());
    r = db_run(&st, reterr);
    if (r == 0 && db_changes(s->db) == 0) {
        return gone(id, reterr);
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

int container_swept(struct store *s, const char *id, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE container SET owner_pid = 0, cgroup = NULL WHERE id = ?1");
    db_bind_text(&st, 1, id);
    r = db_run(&st, reterr);
    if (r == 0 && db_changes(s->db) == 0) {
        return gone(id, reterr);
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

static int set_name(struct store *s, const char *id, const char *name, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE container SET name = ?2 WHERE id = ?1");

    db_bind_text(&st, 1, id);
    db_bind_text(&st, 2, name);
    int r = db_run(&st, reterr);
    if (r == -(int)IMGC_E_EXISTS) {
        return imgc_fail(reterr, IMGC_E_EXISTS, "the name '%s' is taken by another container",
                         name);
    }
    return r == 0 && db_changes(s->db) == 0 ? gone(id, reterr) : r;
}

int container_rename(struct store *s, const char *id, const char *name, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = container_name_check(imgc_str_of(name), reterr);
    r = r < 0 ? r : db_begin(s->db, DB_WRITE, &tx, reterr);
    r = r < 0 ? r : set_name(s, id, name, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}
