/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gc_dead.h"

#include <stdio.h>

#include "schema/base/process.h"
#include "store/container.h"
#include "store/disk.h"
#include "store/gc_items.h"
#include "store/mounted.h"
#include "store/store_handle.h"
#include "store/trash.h"

void gc_dead_done(struct gc_dead *d)
{
    free(d->leases);
    free(d->stray);
    free(d->containers);
    *d = (struct gc_dead){ .n_leases = 0 };
}

/* @list with one more element of @size bytes, holding @text; NULL: no memory. */
static void *append(void *list, size_t n, size_t size, const char *text)
{
    char *p = reallocarray(list, n + 1, size);
    if (p) {
        (void)snprintf(p + n * size, size, "%s", text);
    }
    return p;
}

#define APPEND(list, n, text, reterr)                                \
    __extension__({                                                  \
        void *p_ = append((list), (n), sizeof *(list), (text));      \
        if (p_) {                                                    \
            (list) = p_;                                             \
            (n)++;                                                   \
        }                                                            \
        p_ ? 0 : imgc_fail((reterr), IMGC_E_NOMEM, "out of memory"); \
    })

static int note_stray(void *arg, const char *name, struct imgc_err *reterr)
{
    struct gc_dead *d = arg;

    if (strcmp(name, PATHS_TRASH_NAME) == 0) {
        d->has_trash = true;
        return 0;
    }
    return APPEND(d->stray, d->n_stray, name, reterr);
}

static void remove_stray(struct gc_dead *d, const char *name)
{
    for (size_t i = 0; i < d->n_stray; i++) {
        if (strcmp(d->stray[i], name) == 0) {
            memmove(d->stray[i], d->stray[d->n_stray - 1], sizeof *d->stray);
            d->n_stray--;
            return;
        }
    }
}

static void owner_from_row(struct db_stmt *st, int i, struct process_id *ret)
{
    ret->pid = (pid_t)db_col_int(st, i);
    ret->start_ticks = (uint64_t)db_col_int(st, i + 1);
    (void)snprintf(ret->boot_id, sizeof ret->boot_id, "%s", db_col_text(st, i + 2));
}

static int find_leases(struct store *s, struct gc_dead *d, struct imgc_err *reterr)
{
    int r;
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT id, pid, start_ticks, boot_id FROM lease");

    while ((r = db_step(&st, reterr)) == DB_ROW) {
        struct process_id owner;
        owner_from_row(&st, 1, &owner);
        if (process_alive(&owner)) {
            remove_stray(d, db_col_text(&st, 0));
            continue;
        }
        r = APPEND(d->leases, d->n_leases, db_col_text(&st, 0), reterr);
        if (r < 0) {
            return r;
        }
    }
    return r;
}

static int find_containers(struct store *s, struct gc_dead *d, struct imgc_err *reterr)
{
    int r;
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT id, owner_pid, owner_start, boot_id, init_pid, init_start, "
                          "boot_id FROM container WHERE auto_remove = 1 "
                          "AND (owner_pid > 0 OR started_ns > 0) " /* else it waits for start */
                          "AND cgroup IS NULL"); /* else its row leads to what is to go first */

    while ((r = db_step(&st, reterr)) == DB_ROW) {
        struct process_id owner, init;
        owner_from_row(&st, 1, &owner);
        owner_from_row(&st, 4, &init);
        if (process_alive(&owner) || (init.pid > 0 && process_alive(&init))) {
            continue;
        }
        r = APPEND(d->containers, d->n_containers, db_col_text(&st, 0), reterr);
        if (r < 0) {
            return r;
        }
    }
    return r;
}

int gc_dead_find(struct store *s, struct gc_dead *ret, struct imgc_err *reterr)
{
    gc_dead_auto struct gc_dead d = { .n_leases = 0 };

    /* tmp/ before the leases: a lease's row is there before its directory and goes after it, so
     * whatever was listed and has no row now belongs to nobody. */
    int r = gc_items_list_dir(s, PATHS_TMP, note_stray, &d, reterr);
    if (r < 0) {
        return r;
    }
    db_tx_auto struct db_tx tx = DB_TX_INIT;
    r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r == 0) {
        r = find_leases(s, &d, reterr);
    }
    if (r == 0) {
        r = find_containers(s, &d, reterr);
    }
    if (r == 0) {
        *ret = d;
        d = (struct gc_dead){ .n_leases = 0 };
    }
    return r;
}

int gc_dead_drop_leases(struct store *s, const struct gc_dead *d, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "DELETE FROM lease WHERE id = ?1");

    for (size_t i = 0; i < d->n_leases; i++) {
        db_bind_text(&st, 1, d->leases[i]);
        int r = db_run(&st, reterr);
        if (r < 0) {
            return r;
        }
        db_rewind(&st);
    }
    return 0;
}

static int stray_bytes(struct store *s, const struct gc_dead *d, uint64_t *bytes,
                       struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < d->n_stray; i++) {
        char path[PATHS_MAX];
        (void)snprintf(path, sizeof path, PATHS_TMP "/%s", d->stray[i]);
        r = disk_tree_bytes(s->root_fd, path, bytes, reterr);
    }
    return r;
}

int gc_dead_stray_bytes(struct store *s, uint64_t *bytes, struct imgc_err *reterr)
{
    gc_dead_auto struct gc_dead d = { .n_leases = 0 };

    int r = gc_dead_find(s, &d, reterr);
    return r < 0 ? r : stray_bytes(s, &d, bytes, reterr);
}

static int drop_leases(struct store *s, const struct gc_dead *d, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r == 0) {
        r = gc_dead_drop_leases(s, d, reterr);
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

/* Whether the trash is to be emptied, or something of this boot to be synced. */
static int find_work(struct store *s, bool *ret, struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    process_boot_id(boot_id);
    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT EXISTS (SELECT 1 FROM trash) OR "
                          "EXISTS (SELECT 1 FROM blob WHERE synced <> 1 AND boot_id = ?1) OR "
                          "EXISTS (SELECT 1 FROM layer WHERE synced <> 1 AND boot_id = ?1) OR "
                          "EXISTS (SELECT 1 FROM view WHERE synced <> 1 AND boot_id = ?1)");
    db_bind_text(&st, 1, boot_id);
    r = db_step(&st, reterr);
    *ret = r == DB_ROW && db_col_int(&st, 0) != 0;
    return r < 0 ? r : 0;
}

static int sweep(struct store *s, const struct gc_dead *d, struct imgc_err *reterr)
{
    struct imgc_err ignored; /* what cannot be moved now (another sweeps it, a mount) stays */

    for (size_t i = 0; i < d->n_stray; i++) {
        (void)!trash_take_stray(s, d->stray[i], &ignored);
    }
    int r = d->n_leases > 0 ? drop_leases(s, d, reterr) : 0;
    for (size_t i = 0; r == 0 && i < d->n_containers; i++) {
        (void)!container_discard(s, d->containers[i], &ignored);
    }
    return r < 0 ? r : mounted_sweep(s, reterr);
}

int gc_sweep(struct store *s, bool measure, struct gc_swept *ret, struct imgc_err *reterr)
{
    struct gc_swept swept = { .bytes = 0 };
    gc_dead_auto struct gc_dead d = { .n_leases = 0 };

    int r = gc_dead_find(s, &d, reterr);
    if (r == 0 && measure) {
        r = stray_bytes(s, &d, &swept.bytes, reterr);
    }
    if (r == 0) {
        r = sweep(s, &d, reterr);
    }
    if (r == 0) {
        r = find_work(s, &swept.has_work, reterr);
    }
    if (r == 0) {
        swept.has_work = swept.has_work || d.has_trash || d.n_stray > 0;
        *ret = swept;
    }
    return r;
}
