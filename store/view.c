/* SPDX-License-Identifier: Apache-2.0 */
#include "store/view.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "schema/base/process.h"
#include "store/disk.h"
#include "store/store_handle.h"
#include "store/trash.h"

static const char *form_name(enum view_form form)
{
    switch (form) {
    case VIEW_DIRECTORY:
        return "directory";
    case VIEW_EROFS:
        return "erofs";
    }
    return "";
}

/* A view that a power loss may have damaged counts as missing: it is built again. So does one over
 * a layer that is to be hashed again first. */
static int find_row(struct store *s, const struct digest *chain_id, enum view_form form,
                    struct view *ret, struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT diff_id, disk FROM view WHERE chain_id = ?1 AND form = ?2 "
                          "AND (synced = 1 OR boot_id = ?3) AND NOT EXISTS (SELECT 1 FROM "
                          "view_layer AS v JOIN layer AS l ON l.diff_id = v.diff_id WHERE "
                          "v.chain_id = ?1 AND v.form = ?2 AND l.synced <> 1 AND (l.boot_id <> ?3 "
                          "OR ?3 = ''))");

    process_boot_id(boot_id);
    db_bind_digest(&st, 1, chain_id);
    db_bind_text(&st, 2, form_name(form));
    db_bind_text(&st, 3, boot_id);
    int r = db_step(&st, reterr);
    if (r < 0) {
        return r;
    }
    if (r != DB_ROW) {
        return VIEW_MISSING;
    }
    *ret = (struct view){ .chain_id = *chain_id, .form = form, .disk_bytes = db_col_size(&st, 1) };
    return db_col_digest(&st, 0, &ret->diff_id, reterr);
}

static void place_of(const struct view *view, struct place *ret)
{
    switch (view->form) {
    case VIEW_DIRECTORY:
        place_view(ret, &view->diff_id, &view->chain_id);
        break;
    case VIEW_EROFS:
        place_erofs(ret, &view->chain_id);
        break;
    }
}

static bool is_there(struct store *s, const struct view *view)
{
    struct place place;

    place_of(view, &place);
    return faccessat(s->root_fd, place.path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int view_find(struct store *s, const struct digest *chain_id, enum view_form form, struct view *ret,
              struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    r = r < 0 ? r : find_row(s, chain_id, form, ret, reterr);
    return r == 0 && !is_there(s, ret) ? VIEW_MISSING : r;
}

static int put_row(struct store *s, const struct view *view, uint64_t disk, struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT OR REPLACE INTO view (chain_id, form, diff_id, disk, boot_id, "
                          "synced) VALUES (?1, ?2, ?3, ?4, ?5, 0)");

    process_boot_id(boot_id);
    db_bind_digest(&st, 1, &view->chain_id);
    db_bind_text(&st, 2, form_name(view->form));
    db_bind_digest(&st, 3, &view->diff_id);
    db_bind_int(&st, 4, (int64_t)disk);
    db_bind_text(&st, 5, boot_id);
    int r = db_run(&st, reterr);
    return r == -(int)IMGC_E_NOTFOUND
               ? imgc_fail(reterr, IMGC_E_STORE, "the layer of a view is not in the store")
               : r;
}

/* @return 0; VIEW_NOT_WHOLE. */
static int check_whole(struct store *s, const struct digest *diff_id, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT 1 FROM layer WHERE diff_id = ?1 AND whole = 0");

    db_bind_digest(&st, 1, diff_id);
    int r = db_step(&st, reterr);
    return r == DB_ROW ? VIEW_NOT_WHOLE : r;
}

/* In the transaction of the view's row: from now on the layers and their data stay.
 * @return 0; VIEW_NOT_WHOLE. */
static int hold_layers(struct store *s, const struct view *view, const struct view_stack *stack,
                       struct imgc_err *reterr)
{
    int r = 0;
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "INSERT OR IGNORE INTO view_layer (chain_id, form, diff_id) VALUES (?1, ?2, ?3)");

    for (size_t i = 0; r == 0 && i < stack->n; i++) {
        r = check_whole(s, &stack->diff_ids[i], reterr);
        if (r != 0) {
            return r;
        }
        db_bind_digest(&st, 1, &view->chain_id);
        db_bind_text(&st, 2, form_name(view->form));
        db_bind_digest(&st, 3, &stack->diff_ids[i]);
        r = db_run(&st, reterr);
        db_rewind(&st);
    }
    return r == -(int)IMGC_E_NOTFOUND
               ? imgc_fail(reterr, IMGC_E_STORE, "a layer of a view is not in the store")
               : r;
}

static int publish(struct store *s, struct lease *lease, const struct view *view,
                   const struct view_stack *stack, const char *name, struct imgc_err *reterr)
{
    struct place place;
    struct view existing;
    uint64_t disk = 0;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    place_of(view, &place);
    int r = disk_tree_bytes(lease_dir_fd(lease), name, &disk, reterr);
    if (r < 0) {
        return r;
    }
    r = trash_begin_publish(s, &place, &tx, reterr);
    if (r < 0) {
        return r;
    }
    r = find_row(s, &view->chain_id, view->form, &existing, reterr);
    if (r < 0 || (r == 0 && is_there(s, &existing))) {
        return r;
    }
    r = put_row(s, view, disk, reterr);
    if (r == 0 && stack) {
        r = hold_layers(s, view, stack, reterr);
    }
    if (r == 0) {
        r = place_publish(s, lease, name, &place, reterr);
    }
    return r != 0 ? r : db_commit(&tx, reterr);
}

/* The staged thing goes when it did not become the view; so does one that was renamed although the
 * commit failed: what has no row goes back. */
static int publish_or_drop(struct store *s, struct lease *lease, const struct view *view,
                           const struct view_stack *stack, const char *name,
                           struct imgc_err *reterr)
{
    struct place place;
    struct imgc_err ignored;

    int r = publish(s, lease, view, stack, name, reterr);
    if (r < 0) {
        place_of(view, &place);
        (void)!place_withdraw(s, lease, &place, 1, &ignored);
        return r;
    }
    int removed = fd_remove_tree(lease_dir_fd(lease), name, NULL, reterr);
    return removed < 0 ? removed : r;
}

int view_publish_dir(struct store *s, struct lease *lease, const struct view *view,
                     const char *name, struct imgc_err *reterr)
{
    int r = publish_or_drop(s, lease, view, NULL, name, reterr);
    return r < 0 ? imgc_context(reterr, "store a layer's directory") : r;
}

int view_publish_erofs(struct store *s, struct lease *lease, const struct view *view,
                       const struct view_stack *stack, const char *name, struct imgc_err *reterr)
{
    int r = publish_or_drop(s, lease, view, stack, name, reterr);
    return r < 0 ? imgc_context(reterr, "store an EROFS view") : r;
}

int view_refuse(struct store *s, const struct digest *chain_id, enum view_form form,
                const char *reason, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "INSERT OR REPLACE INTO view_refusal (chain_id, form, reason) VALUES (?1, ?2, ?3)");
    db_bind_digest(&st, 1, chain_id);
    db_bind_text(&st, 2, form_name(form));
    db_bind_text(&st, 3, reason);
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

int view_refusal(struct store *s, const struct digest *chain_id, enum view_form form, char **reason,
                 struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT reason FROM view_refusal WHERE chain_id = ?1 AND form = ?2");
    db_bind_digest(&st, 1, chain_id);
    db_bind_text(&st, 2, form_name(form));
    r = db_step(&st, reterr);
    if (r != DB_ROW) {
        return r;
    }
    r = db_col_dup(&st, 0, reason, reterr);
    return r < 0 ? r : VIEW_REFUSED;
}

int view_path(struct store *s, const struct view *view, char **ret, struct imgc_err *reterr)
{
    struct place place;

    place_of(view, &place);
    if (asprintf(ret, "%s/%s", s->root, place.path) < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return 0;
}

int view_open(struct store *s, const struct view *view, int *ret_fd, struct imgc_err *reterr)
{
    struct place place;
    int flags = view->form == VIEW_DIRECTORY ? O_DIRECTORY : 0;

    place_of(view, &place);
    return fd_open_at(s->root_fd, place.path, O_RDONLY | O_NOFOLLOW | flags, 0, ret_fd, reterr);
}

/* Inside the transaction. */
static int check_pinned(struct store *s, const struct view *view, struct imgc_err *reterr)
{
    char text[DIGEST_TEXT_MAX];
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "SELECT 1 FROM punch WHERE diff_id = ?1 AND chain_id = ?2 AND ?3 = 'directory'");

    db_bind_digest(&st, 1, &view->diff_id);
    db_bind_digest(&st, 2, &view->chain_id);
    db_bind_text(&st, 3, form_name(view->form));
    int r = db_step(&st, reterr);
    return r == DB_ROW ? imgc_fail(reterr, IMGC_E_STORE, "the data of layer %s is in this view",
                                   digest_text(&view->diff_id, text))
                       : r;
}

/* Inside the transaction. Whoever mounted an EROFS view goes on reading the tars when its file is
 * gone; only its row keeps them whole. */
static int check_mounted(struct store *s, const struct view *view, struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "SELECT 1 FROM image_layer AS u WHERE u.chain_id = ?1 AND ?2 = 'erofs' AND "
               "(EXISTS (SELECT 1 FROM container AS c WHERE c.image_id = u.image_id AND "
               "c.finished_ns = 0 AND c.boot_id = ?3) OR EXISTS (SELECT 1 FROM mount AS m "
               "WHERE m.image_id = u.image_id AND m.boot_id = ?3))");

    process_boot_id(boot_id);
    db_bind_digest(&st, 1, &view->chain_id);
    db_bind_text(&st, 2, form_name(view->form));
    db_bind_text(&st, 3, boot_id);
    int r = db_step(&st, reterr);
    return r == DB_ROW ? imgc_fail(reterr, IMGC_E_INUSE, "a container or a mount uses this view")
                       : r;
}

static int delete_row(struct store *s, const struct view *view, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_DURABLE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    r = check_pinned(s, view, reterr);
    r = r < 0 ? r : check_mounted(s, view, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "DELETE FROM view WHERE chain_id = ?1 AND form = ?2");
    db_bind_digest(&st, 1, &view->chain_id);
    db_bind_text(&st, 2, form_name(view->form));
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

int view_remove(struct store *s, const struct view *view, struct imgc_err *reterr)
{
    struct place place;
    lease_auto struct lease *lease = NULL;

    int r = lease_begin(s, &lease, reterr);
    if (r < 0) {
        return r;
    }
    r = delete_row(s, view, reterr);
    if (r < 0) {
        return r;
    }
    place_of(view, &place);
    return place_withdraw(s, lease, &place, 1, reterr);
}
