/* SPDX-License-Identifier: Apache-2.0 */
#include "store/mounted.h"

#include "schema/base/clock.h"
#include "schema/base/process.h"
#include "store/store_handle.h"

void mounted_done(struct mounted *m)
{
    free(m->path);
    m->path = NULL;
}

void mounted_list_done(struct mounted_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        mounted_done(&list->items[i]);
    }
    free(list->items);
    *list = (struct mounted_list){ .n = 0 };
}

int mounted_add(struct store *s, const struct digest *image_id, const char *path,
                struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT OR REPLACE INTO mount (image_id, path, boot_id, mounted_ns) "
                          "VALUES (?1, ?2, ?3, ?4)");
    process_boot_id(boot_id);
    db_bind_digest(&st, 1, image_id);
    db_bind_text(&st, 2, path);
    db_bind_text(&st, 3, boot_id);
    db_bind_int(&st, 4, clock_now_ns());
    r = db_run(&st, reterr);
    if (r == -(int)IMGC_E_NOTFOUND) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "the image is gone");
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

static int from_row(struct db_stmt *st, struct mounted *ret, struct imgc_err *reterr)
{
    int r = db_col_digest(st, 0, &ret->image_id, reterr);
    return r < 0 ? r : db_col_dup(st, 1, &ret->path, reterr);
}

int mounted_find(struct store *s, const struct digest *image_id, struct mounted *ret,
                 struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT image_id, path FROM mount WHERE image_id = ?1 AND boot_id = ?2");
    process_boot_id(boot_id);
    db_bind_digest(&st, 1, image_id);
    db_bind_text(&st, 2, boot_id);
    r = db_step(&st, reterr);
    if (r != DB_ROW) {
        return r < 0 ? r : MOUNTED_NOT;
    }
    return from_row(&st, ret, reterr);
}

int mounted_remove(struct store *s, const struct digest *image_id, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "DELETE FROM mount WHERE image_id = ?1");
    db_bind_digest(&st, 1, image_id);
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

static int collect(struct db_stmt *st, struct mounted_list *list, struct imgc_err *reterr)
{
    int r;

    while ((r = db_step(st, reterr)) == DB_ROW) {
        struct mounted *p = reallocarray(list->items, list->n + 1, sizeof *p);
        if (!p) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        list->items = p;
        p[list->n] = (struct mounted){ .path = NULL };
        r = from_row(st, &p[list->n++], reterr);
        if (r < 0) {
            return r;
        }
    }
    return r;
}

int mounted_list(struct store *s, struct mounted_list *ret, struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    mounted_list_auto struct mounted_list list = { .n = 0 };
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT image_id, path FROM mount WHERE boot_id = ?1 "
                          "ORDER BY mounted_ns, image_id");
    process_boot_id(boot_id);
    db_bind_text(&st, 1, boot_id);
    r = collect(&st, &list, reterr);
    if (r == 0) {
        *ret = list;
        list = (struct mounted_list){ .n = 0 };
    }
    return r;
}

static int has_stale(struct store *s, const char *boot_id, bool *ret, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT 1 FROM mount WHERE boot_id <> ?1 LIMIT 1");
    db_bind_text(&st, 1, boot_id);
    r = db_step(&st, reterr);
    *ret = r == DB_ROW;
    return r < 0 ? r : 0;
}

int mounted_sweep(struct store *s, struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    bool stale = false;

    process_boot_id(boot_id);
    int r = has_stale(s, boot_id, &stale, reterr);
    if (r < 0 || !stale) {
        return r;
    }
    db_tx_auto struct db_tx tx = DB_TX_INIT;
    r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "DELETE FROM mount WHERE boot_id <> ?1");
    db_bind_text(&st, 1, boot_id);
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}
