/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gc.h"

#include "store/container.h"
#include "store/disk.h"
#include "store/gc_dead.h"
#include "store/gc_items.h"
#include "store/lock.h"
#include "store/store_handle.h"

/* What to do before collecting, and whether to keep the outcome. */
struct plan {
    const struct digest *ids; /* images to remove first */
    size_t n_ids;
    bool all_unused; /* remove every image without a container first */
    bool dry_run;    /* roll everything back: the same numbers by the same statements */
};

static const char *const remove_sql[] = {
    "DELETE FROM container WHERE image_id = ?1",
    "DELETE FROM mount WHERE image_id = ?1",
    "DELETE FROM image WHERE id = ?1",
};

static int remove_images(struct store *s, const struct plan *plan, struct imgc_err *reterr)
{
    if (plan->all_unused) {
        db_stmt_auto struct db_stmt st =
            db_prepare(s->db, "DELETE FROM image WHERE NOT EXISTS "
                              "(SELECT 1 FROM container AS c WHERE c.image_id = image.id) "
                              "AND NOT EXISTS (SELECT 1 FROM mount AS m "
                              "WHERE m.image_id = image.id)");
        return db_run(&st, reterr);
    }
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof remove_sql / sizeof *remove_sql; i++) {
        db_stmt_auto struct db_stmt st = db_prepare(s->db, remove_sql[i]);
        for (size_t j = 0; r == 0 && j < plan->n_ids; j++) {
            db_bind_digest(&st, 1, &plan->ids[j]);
            r = db_run(&st, reterr);
            db_rewind(&st);
        }
    }
    return r;
}

/* Views first: those of a layer that goes would go with its row, uncounted, and an EROFS view keeps
 * its layers. That one is of use only to images of exactly its stack. */
static const struct kind {
    enum place_kind place;
    const char *sql; /* gives key, disk and, of a view, its layer */
} kinds[] = {
    { PLACE_VIEW,
      "DELETE FROM view WHERE form = 'directory' AND NOT EXISTS (SELECT 1 FROM image_layer AS u "
      "WHERE u.diff_id = view.diff_id AND u.chain_id = view.chain_id) AND NOT EXISTS "
      "(SELECT 1 FROM lease_item AS h WHERE h.kind = 'layer' AND h.digest = view.diff_id) "
      "RETURNING chain_id, disk, diff_id" },
    { PLACE_EROFS,
      "DELETE FROM view WHERE form = 'erofs' AND NOT EXISTS (SELECT 1 FROM image_layer AS u "
      "WHERE u.chain_id = view.chain_id AND NOT EXISTS (SELECT 1 FROM image_layer AS above "
      "WHERE above.image_id = u.image_id AND above.position = u.position + 1)) AND NOT EXISTS "
      "(SELECT 1 FROM lease_item AS h WHERE h.kind = 'layer' AND h.digest = view.diff_id) "
      "RETURNING chain_id, disk" },
    { PLACE_LAYER,
      "DELETE FROM layer WHERE NOT EXISTS (SELECT 1 FROM image_layer AS u "
      "WHERE u.diff_id = layer.diff_id) AND NOT EXISTS "
      "(SELECT 1 FROM view_layer AS v WHERE v.diff_id = layer.diff_id) AND NOT EXISTS "
      "(SELECT 1 FROM lease_item AS h WHERE h.kind = 'layer' AND h.digest = layer.diff_id) "
      "RETURNING diff_id, disk" },
    { PLACE_BLOB,
      "DELETE FROM blob WHERE NOT EXISTS (SELECT 1 FROM image_blob AS u "
      "WHERE u.digest = blob.digest) AND NOT EXISTS "
      "(SELECT 1 FROM lease_item AS h WHERE h.kind = 'blob' AND h.digest = blob.digest) "
      "RETURNING digest, disk" },
};

static int note_row(const struct kind *kind, struct db_stmt *st, struct gc_items *items,
                    struct gc_report *report, struct imgc_err *reterr)
{
    struct place place;
    struct digest key, diff_id;

    int r = db_col_digest(st, 0, &key, reterr);
    if (r < 0) {
        return r;
    }
    switch (kind->place) {
    case PLACE_VIEW:
        r = db_col_digest(st, 2, &diff_id, reterr);
        if (r < 0) {
            return r;
        }
        place_view(&place, &diff_id, &key);
        report->views++;
        break;
    case PLACE_EROFS:
        place_erofs(&place, &key);
        report->views++;
        break;
    case PLACE_LAYER:
        place_layer(&place, &key);
        report->layers++;
        break;
    default:
        place_blob(&place, &key);
        report->blobs++;
        break;
    }
    report->bytes += db_col_size(st, 1);
    return gc_items_add(items, &place, reterr);
}

static int delete_rows(struct store *s, const struct kind *kind, struct gc_items *items,
                       struct gc_report *report, struct imgc_err *reterr)
{
    int r;
    db_stmt_auto struct db_stmt st = db_prepare(s->db, kind->sql);

    while ((r = db_step(&st, reterr)) == DB_ROW) {
        r = note_row(kind, &st, items, report, reterr);
        if (r < 0) {
            return r;
        }
    }
    return r;
}

/* Rows without a file, and without a cost. */
static int delete_refusals(struct store *s, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "DELETE FROM view_refusal WHERE NOT EXISTS (SELECT 1 FROM image_layer "
                          "AS u WHERE u.chain_id = view_refusal.chain_id)");
    return db_run(&st, reterr);
}

/* The first of the two transactions of removing. It is on disk before the second begins: a power
 * loss must not bring back rows whose files are gone. */
static int collect_rows(struct store *s, const struct plan *plan, struct gc_items *items,
                        struct gc_report *report, struct imgc_err *reterr)
{
    gc_dead_auto struct gc_dead dead = { .n_leases = 0 };
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = gc_dead_find(s, &dead, reterr);
    if (r == 0) {
        r = db_begin(s->db, plan->dry_run ? DB_WRITE : DB_DURABLE, &tx, reterr);
    }
    if (r == 0) {
        r = gc_dead_drop_leases(s, &dead, reterr);
    }
    if (r == 0) {
        r = remove_images(s, plan, reterr);
    }
    for (size_t i = 0; r == 0 && i < sizeof kinds / sizeof *kinds; i++) {
        r = delete_rows(s, &kinds[i], items, report, reterr);
    }
    if (r == 0) {
        r = delete_refusals(s, reterr);
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

static int estimate(struct store *s, const struct plan *plan, struct gc_report *ret,
                    struct imgc_err *reterr)
{
    struct gc_report report = { .bytes = 0 };
    gc_items_auto struct gc_items items = { .n = 0 }, orphans = { .n = 0 };

    /* Orphans first: afterwards the files of what was collected would be among them. */
    int r = gc_items_orphans(s, &orphans, reterr);
    if (r == 0) {
        r = count_orphans(s, &orphans, &report, reterr);
    }
    if (r == 0) {
        r = collect_rows(s, plan, &items, &report, reterr);
    }
    if (r == 0) {
        *ret = report;
    }
    return r;
}

static int collect(struct store *s, struct gc_report *ret, struct imgc_err *reterr)
{
    static const struct plan plan = { .dry_run = false };
    struct gc_report report = { .bytes = 0 };
    gc_items_auto struct gc_items items = { .n = 0 }, orphans = { .n = 0 };
    lease_auto struct lease *lease = NULL;

    int r = gc_items_orphans(s, &orphans, reterr);
    if (r == 0) {
        r = count_orphans(s, &orphans, &report, reterr);
    }
    if (r == 0) {
        r = collect_rows(s, &plan, &items, &report, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (items.n + orphans.n > 0) {
        r = lease_begin(s, &lease, reterr);
        if (r == 0) {
            r = place_withdraw(s, lease, orphans.items, orphans.n, reterr);
        }
        if (r == 0) {
            r = place_withdraw(s, lease, items.items, items.n, reterr);
        }
    }
    if (r == 0) {
        r = lock_sweep(s, reterr);
    }
    if (r == 0) {
        *ret = report;
    }
    return r;
}

int gc_collect(struct store *s, bool dry_run, struct gc_report *ret, struct imgc_err *reterr)
{
    static const struct plan plan = { .dry_run = true };

    return dry_run ? estimate(s, &plan, ret, reterr) : collect(s, ret, reterr);
}

int gc_estimate(struct store *s, const struct digest *ids, size_t n, struct gc_report *ret,
                struct imgc_err *reterr)
{
    struct plan plan = { .ids = ids, .n_ids = n, .dry_run = true };

    return estimate(s, &plan, ret, reterr);
}

static int number(struct store *s, const char *sql, uint64_t *ret, struct imgc_err *reterr)
{
    int64_t n = 0;

    int r = db_number(s->db, sql, &n, reterr);
    *ret = n < 0 ? 0 : (uint64_t)n;
    return r;
}

static int usage_of_images(struct store *s, struct gc_usage *u, struct imgc_err *reterr)
{
    const struct {
        uint64_t *ret;
        const char *sql;
    } numbers[] = {
        { &u->images, "SELECT count(*) FROM image" },
        { &u->images_used, "SELECT count(DISTINCT image_id) FROM container" },
        { &u->images_bytes, "SELECT coalesce((SELECT sum(disk) FROM layer), 0) + "
                            "coalesce((SELECT sum(disk) FROM view), 0) + "
                            "coalesce((SELECT sum(disk) FROM blob), 0)" },
    };
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    for (size_t i = 0; r == 0 && i < sizeof numbers / sizeof *numbers; i++) {
        r = number(s, numbers[i].sql, numbers[i].ret, reterr);
    }
    return r;
}

static int usage_of_containers(struct store *s, struct gc_usage *u, struct imgc_err *reterr)
{
    container_list_auto struct container_list list = { .n = 0 };

    int r = container_list(s, &list, reterr);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        char path[PATHS_MAX];
        uint64_t bytes = 0;
        r = disk_tree_bytes(s->root_fd, paths_container(list.items[i].id, path), &bytes, reterr);
        u->containers++;
        u->containers_bytes += bytes;
        if (list.items[i].status == CONTAINER_RUNNING) {
            u->containers_running++;
        } else {
            u->containers_reclaimable += bytes;
        }
    }
    return r;
}

int gc_usage(struct store *s, struct gc_usage *ret, struct imgc_err *reterr)
{
    static const struct plan unused = { .all_unused = true, .dry_run = true };
    struct gc_usage u = { .images = 0 };
    struct gc_report report = { .bytes = 0 };
    gc_items_auto struct gc_items orphans = { .n = 0 }, items = { .n = 0 };

    int r = usage_of_images(s, &u, reterr);
    if (r == 0) {
        r = usage_of_containers(s, &u, reterr);
    }
    if (r == 0) {
        r = collect_rows(s, &unused, &items, &report, reterr);
    }
    if (r == 0) {
        r = gc_items_orphans(s, &orphans, reterr);
    }
    if (r == 0) {
        r = gc_items_bytes(s, &orphans, &u.leaked_bytes, reterr);
    }
    if (r == 0) {
        r = gc_dead_stray_bytes(s, &u.leaked_bytes, reterr);
    }
    if (r == 0) {
        u.images_reclaimable = report.bytes;
        *ret = u;
    }
    return r;
}
