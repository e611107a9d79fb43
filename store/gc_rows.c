/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gc_rows.h"

#include <stdio.h>

#include "store/store_handle.h"
#include "store/trash.h"

#define SQL_MAX 640 /* the longest of the constants below has under 550 bytes */

/* Views first: those of a layer that goes would go with its row, uncounted, and an EROFS view keeps
 * its layers. That one is of use only to images of exactly its stack. A directory that has data of
 * its layer's tar stays as long as the layer is used. */
static const struct kind {
    enum place_kind place;
    const char *head;
    const char *only; /* in between, for those of one layer, stack or blob, ?1 */
    const char *tail; /* gives key, disk and, of a directory view, its layer */
} kinds[] = {
    { PLACE_VIEW, "DELETE FROM view WHERE form = 'directory' AND", "diff_id = ?1 AND",
      "NOT EXISTS (SELECT 1 FROM image_layer AS u "
      "WHERE u.chain_id = view.chain_id AND u.diff_id = view.diff_id) AND NOT EXISTS "
      "(SELECT 1 FROM lease_item AS h WHERE h.kind = 'layer' AND h.digest = view.diff_id) "
      "AND NOT EXISTS (SELECT 1 FROM punch AS p JOIN image_layer AS u ON u.diff_id = p.diff_id "
      "WHERE p.diff_id = view.diff_id AND p.chain_id = view.chain_id) "
      "RETURNING chain_id, disk, diff_id" },
    { PLACE_EROFS, "DELETE FROM view WHERE form = 'erofs' AND", "chain_id = ?1 AND",
      "NOT EXISTS (SELECT 1 FROM image_layer AS u "
      "WHERE u.chain_id = view.chain_id AND NOT EXISTS (SELECT 1 FROM image_layer AS above "
      "WHERE above.image_id = u.image_id AND above.position = u.position + 1)) AND NOT EXISTS "
      "(SELECT 1 FROM lease_item AS h WHERE h.kind = 'layer' AND h.digest = view.diff_id) "
      "RETURNING chain_id, disk" },
    { PLACE_LAYER, "DELETE FROM layer WHERE", "diff_id = ?1 AND",
      "NOT EXISTS (SELECT 1 FROM image_layer AS u WHERE u.diff_id = layer.diff_id) AND NOT EXISTS "
      "(SELECT 1 FROM view_layer AS v WHERE v.diff_id = layer.diff_id) AND NOT EXISTS "
      "(SELECT 1 FROM lease_item AS h WHERE h.kind = 'layer' AND h.digest = layer.diff_id) "
      "RETURNING diff_id, disk" },
    { PLACE_BLOB, "DELETE FROM blob WHERE", "digest = ?1 AND",
      "NOT EXISTS (SELECT 1 FROM image_blob AS u WHERE u.digest = blob.digest) AND NOT EXISTS "
      "(SELECT 1 FROM lease_item AS h WHERE h.kind = 'blob' AND h.digest = blob.digest) "
      "RETURNING digest, disk" },
};

static int note_row(struct store *s, const struct kind *kind, struct db_stmt *st,
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
    return trash_add(s, &place, reterr);
}

/* Rows without a file, and without a cost. @chain_id  NULL: all of them. */
static int delete_refusals(struct store *s, const struct digest *chain_id, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, chain_id ? "DELETE FROM view_refusal WHERE chain_id = ?1 AND NOT EXISTS "
                          "(SELECT 1 FROM image_layer AS u WHERE u.chain_id = ?1)"
                        : "DELETE FROM view_refusal WHERE NOT EXISTS (SELECT 1 FROM image_layer "
                          "AS u WHERE u.chain_id = view_refusal.chain_id)");

    if (chain_id) {
        db_bind_digest(&st, 1, chain_id);
    }
    return db_run(&st, reterr);
}

/* @of  NULL: of all. */
static int delete_kind(struct store *s, const struct kind *kind, const struct digest *of,
                       struct gc_report *report, struct imgc_err *reterr)
{
    int r;
    char sql[SQL_MAX];

    (void)snprintf(sql, sizeof sql, "%s %s %s", kind->head, of ? kind->only : "", kind->tail);
    db_stmt_auto struct db_stmt st = db_prepare(s->db, sql);
    if (of) {
        db_bind_digest(&st, 1, of);
    }
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        r = note_row(s, kind, &st, report, reterr);
        if (r < 0) {
            return r;
        }
    }
    return r;
}

int gc_rows_delete(struct store *s, struct gc_report *report, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof kinds / sizeof *kinds; i++) {
        r = delete_kind(s, &kinds[i], NULL, report, reterr);
    }
    return r < 0 ? r : delete_refusals(s, NULL, reterr);
}

void gc_rows_image_done(struct gc_rows_image *image)
{
    free(image->diff_ids);
    free(image->blobs);
    free(image->stack);
}

static int find_digests(struct store *s, const char *sql, const struct digest *image_id,
                        struct digest **list, size_t *n, struct imgc_err *reterr)
{
    int r;
    db_stmt_auto struct db_stmt st = db_prepare(s->db, sql);

    db_bind_digest(&st, 1, image_id);
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        struct digest *p = reallocarray(*list, *n + 1, sizeof *p);
        if (!p) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        *list = p;
        r = db_col_digest(&st, 0, &p[*n], reterr);
        if (r < 0) {
            return r;
        }
        ++*n;
    }
    return r;
}

int gc_rows_find(struct store *s, const struct digest *image_id, struct gc_rows_image *image,
                 struct imgc_err *reterr)
{
    int r = find_digests(s, "SELECT DISTINCT diff_id FROM image_layer WHERE image_id = ?1",
                         image_id, &image->diff_ids, &image->n_diff_ids, reterr);
    if (r == 0) {
        r = find_digests(s, "SELECT digest FROM image_blob WHERE image_id = ?1", image_id,
                         &image->blobs, &image->n_blobs, reterr);
    }
    if (r == 0) {
        r = find_digests(s,
                         "SELECT chain_id FROM image_layer WHERE image_id = ?1 "
                         "ORDER BY position DESC LIMIT 1",
                         image_id, &image->stack, &image->n_stack, reterr);
    }
    return r;
}

static int delete_of(struct store *s, const struct kind *kind, const struct gc_rows_image *image,
                     struct gc_report *report, struct imgc_err *reterr)
{
    const struct digest *list = image->diff_ids;
    size_t n = image->n_diff_ids;
    int r = 0;

    if (kind->place == PLACE_BLOB) {
        list = image->blobs;
        n = image->n_blobs;
    } else if (kind->place == PLACE_EROFS) {
        list = image->stack;
        n = image->n_stack;
    }
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = delete_kind(s, kind, &list[i], report, reterr);
    }
    return r;
}

int gc_rows_delete_of(struct store *s, const struct gc_rows_image *image, struct gc_report *report,
                      struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof kinds / sizeof *kinds; i++) {
        r = delete_of(s, &kinds[i], image, report, reterr);
    }
    return r < 0 || image->n_stack == 0 ? r : delete_refusals(s, image->stack, reterr);
}
