/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gc.h"

#include "schema/base/process.h"
#include "store/gc_dead.h"
#include "store/gc_items.h"
#include "store/gc_rows.h"
#include "store/image.h"
#include "store/lock.h"
#include "store/partial.h"
#include "store/store_handle.h"
#include "store/trash.h"

/* Which images go before what nothing needs, and whether to keep the outcome. */
struct plan {
    const struct digest *ids;
    size_t n_ids;
    bool *removed;   /* @n_ids; NULL: not asked */
    bool all_unused; /* every image without a container */
    bool dry_run;    /* roll everything back: the same numbers by the same statements */
};

#define UNUSED(id)                                                         \
    "NOT EXISTS (SELECT 1 FROM container AS c WHERE c.image_id = " id ") " \
    "AND NOT EXISTS (SELECT 1 FROM mount AS m WHERE m.image_id = " id ")"

/* A mount of another boot is none. */
static int forget_mounts(struct store *s, struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "DELETE FROM mount WHERE boot_id <> ?1");

    process_boot_id(boot_id);
    db_bind_text(&st, 1, boot_id);
    return db_run(&st, reterr);
}

static int remove_unused(struct store *s, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "DELETE FROM image WHERE " UNUSED("image.id"));

    return db_run(&st, reterr);
}

/* Not those that something uses, perhaps since a moment ago. */
static int remove_images(struct store *s, const struct plan *plan, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "DELETE FROM image WHERE id = ?1 AND " UNUSED("?1"));

    int r = forget_mounts(s, reterr);
    if (r == 0 && plan->all_unused) {
        return remove_unused(s, reterr);
    }
    for (size_t i = 0; r == 0 && i < plan->n_ids; i++) {
        db_bind_digest(&st, 1, &plan->ids[i]);
        r = db_run(&st, reterr);
        if (plan->removed) {
            plan->removed[i] = r == 0 && db_changes(s->db) > 0;
        }
        db_rewind(&st);
    }
    return r;
}

/* Files that no row names, and still none now that nobody else writes. */
static int discard_orphans(struct store *s, const struct gc_items *orphans, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < orphans->n; i++) {
        bool has_row = true;
        r = place_has_row(s, &orphans->items[i], &has_row, reterr);
        if (r == 0 && !has_row) {
            r = trash_add(s, &orphans->items[i], reterr);
        }
    }
    return r;
}

/* The one transaction of a removal. Its commit waits for no disk: the files stay where they are
 * until it is there (store/trash.h). */
static int remove_rows(struct store *s, const struct plan *plan, const struct gc_items *orphans,
                       struct gc_report *report, struct imgc_err *reterr)
{
    gc_dead_auto struct gc_dead dead = { .n_leases = 0 };
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = gc_dead_find(s, &dead, reterr);
    if (r == 0) {
        r = db_begin(s->db, DB_WRITE, &tx, reterr);
    }
    if (r == 0) {
        r = gc_dead_drop_leases(s, &dead, reterr);
    }
    if (r == 0) {
        r = remove_images(s, plan, reterr);
    }
    if (r == 0) {
        r = gc_rows_delete(s, report, reterr);
    }
    if (r == 0) {
        r = discard_orphans(s, orphans, reterr);
    }
    if (r < 0 || plan->dry_run) {
        return r;
    }
    return db_commit(&tx, reterr);
}

static int count_orphans(struct store *s, struct gc_items *orphans, struct gc_report *report,
                         struct imgc_err *reterr)
{
    for (size_t i = 0; i < orphans->n; i++) {
        report->layers += orphans->items[i].kind == PLACE_LAYER;
        report->blobs += orphans->items[i].kind == PLACE_BLOB;
        report->views +=
            orphans->items[i].kind == PLACE_VIEW || orphans->items[i].kind == PLACE_EROFS;
    }
    return gc_items_bytes(s, orphans, &report->bytes, reterr);
}

/* Interrupted downloads that nobody goes on with at this moment. */
static int collect_downloads(struct store *s, bool dry_run, struct gc_report *report,
                             struct imgc_err *reterr)
{
    struct partial_usage usage = { .n = 0 };

    int r = dry_run ? partial_usage(s, &usage, reterr) : partial_sweep(s, 0, &usage, reterr);
    if (r == 0) {
        report->downloads += usage.n - usage.n_active;
        report->bytes += usage.reclaimable;
    }
    return r;
}

static int collect(struct store *s, const struct plan *plan, struct gc_report *ret,
                   struct imgc_err *reterr)
{
    struct gc_report report = { .bytes = 0 };
    gc_items_auto struct gc_items orphans = { .n = 0 };

    int r = gc_items_orphans(s, &orphans, reterr);
    if (r == 0) {
        r = count_orphans(s, &orphans, &report, reterr);
    }
    if (r == 0) {
        r = remove_rows(s, plan, &orphans, &report, reterr);
    }
    if (r == 0) {
        r = collect_downloads(s, plan->dry_run, &report, reterr);
    }
    if (r == 0 && !plan->dry_run) {
        r = lock_sweep(s, reterr);
    }
    if (r == 0) {
        *ret = report;
    }
    return r;
}

int gc_collect(struct store *s, bool dry_run, struct gc_report *ret, struct imgc_err *reterr)
{
    const struct plan plan = { .dry_run = dry_run };

    return collect(s, &plan, ret, reterr);
}

int gc_prune(struct store *s, const struct digest *ids, size_t n, bool *ret_removed,
             struct gc_report *ret, struct imgc_err *reterr)
{
    const struct plan plan = { .ids = ids, .n_ids = n, .removed = ret_removed };

    return collect(s, &plan, ret, reterr);
}

int gc_estimate(struct store *s, const struct digest *ids, size_t n, struct gc_report *ret,
                struct imgc_err *reterr)
{
    const struct plan plan = { .ids = ids, .n_ids = n, .dry_run = true };
    struct gc_report report = { .bytes = 0 };

    int r = collect(s, &plan, &report, reterr);
    if (r == 0) {
        r = gc_dead_stray_bytes(s, &report.bytes, reterr);
    }
    if (r == 0) {
        *ret = report;
    }
    return r;
}

int gc_remove(struct store *s, const struct digest *id, struct gc_report *ret,
              struct imgc_err *reterr)
{
    struct gc_report report = { .bytes = 0 };
    gc_rows_image_auto struct gc_rows_image image = { .n_blobs = 0 };
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r == 0) {
        r = gc_rows_find(s, id, &image, reterr);
    }
    if (r == 0) {
        r = image_delete_row(s, id, reterr);
    }
    if (r != 0) {
        return r; /* IMAGE_MISSING is the caller's */
    }
    r = gc_rows_delete_of(s, &image, &report, reterr);
    if (r == 0) {
        r = db_commit(&tx, reterr);
    }
    if (r == 0 && ret) {
        *ret = report;
    }
    return r;
}

int gc_reclaimable(struct store *s, struct gc_report *ret, struct imgc_err *reterr)
{
    static const struct plan unused = { .all_unused = true, .dry_run = true };
    static const struct gc_items no_orphans = { .n = 0 };
    struct gc_report report = { .bytes = 0 };

    int r = remove_rows(s, &unused, &no_orphans, &report, reterr);
    if (r == 0) {
        *ret = report;
    }
    return r;
}
