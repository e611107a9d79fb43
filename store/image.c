/* SPDX-License-Identifier: Apache-2.0 */
#include "store/image.h"

#include <stdio.h>

#include "schema/base/clock.h"
#include "schema/base/process.h"
#include "store/image_load.h"
#include "store/store_handle.h"

/* Run @st and count into *changes what it changed. */
static int run_counted(struct store *s, struct db_stmt *st, int *changes, struct imgc_err *reterr)
{
    int r = db_run(st, reterr);
    if (r == 0) {
        *changes += db_changes(s->db);
    }
    return r;
}

/* A new image, or the newer manifest of one that is there. */
static int put_image(struct store *s, const struct image_add *add, int *changes,
                     struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "INSERT INTO image (id, manifest, os, arch, variant, created_ns, added_ns, used_ns) "
               "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) ON CONFLICT (id) DO UPDATE SET "
               "manifest = ?2 WHERE manifest <> ?2");

    db_bind_digest(&st, 1, &add->id);
    db_bind_digest(&st, 2, &add->manifest);
    db_bind_text(&st, 3, add->platform.os);
    db_bind_text(&st, 4, add->platform.arch);
    db_bind_text(&st, 5, add->platform.variant);
    db_bind_int(&st, 6, add->created_ns);
    db_bind_int(&st, 7, clock_now_ns());
    return run_counted(s, &st, changes, reterr);
}

/* The foreign keys see to it that an image without its content cannot become visible. */
static int not_held(const char *what, const struct digest *d, struct imgc_err *reterr)
{
    char text[DIGEST_TEXT_MAX];

    return imgc_fail(reterr, IMGC_E_STORE, "%s %s of the image is not in the store", what,
                     digest_text(d, text));
}

static int put_layers(struct store *s, const struct image_add *add, int *changes,
                      struct imgc_err *reterr)
{
    int r;
    imgc_autofree struct digest *chain = calloc(add->n_diff_ids + 1, sizeof *chain);
    if (!chain) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    r = digest_chain(add->diff_ids, add->n_diff_ids, chain, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT INTO image_layer (image_id, position, diff_id, chain_id) "
                          "VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING");
    for (size_t i = 0; i < add->n_diff_ids; i++) {
        db_bind_digest(&st, 1, &add->id);
        db_bind_int(&st, 2, (int64_t)i);
        db_bind_digest(&st, 3, &add->diff_ids[i]);
        db_bind_digest(&st, 4, &chain[i]);
        r = run_counted(s, &st, changes, reterr);
        if (r < 0) {
            return r == -(int)IMGC_E_NOTFOUND ? not_held("layer", &add->diff_ids[i], reterr) : r;
        }
        db_rewind(&st);
    }
    return 0;
}

static int put_blobs(struct store *s, const struct image_add *add, int *changes,
                     struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT INTO image_blob (image_id, digest) VALUES (?1, ?2) "
                          "ON CONFLICT DO NOTHING");

    for (size_t i = 0; i < add->n_blobs; i++) {
        db_bind_digest(&st, 1, &add->id);
        db_bind_digest(&st, 2, &add->blobs[i]);
        int r = run_counted(s, &st, changes, reterr);
        if (r < 0) {
            return r == -(int)IMGC_E_NOTFOUND ? not_held("blob", &add->blobs[i], reterr) : r;
        }
        db_rewind(&st);
    }
    return 0;
}

/* A name that moves takes along none of the images that it stood for. */
static int forget_other_tops(struct store *s, const char *key, const struct digest *top,
                             int *changes, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "DELETE FROM tag WHERE name = ?1 AND top <> ?2");

    db_bind_text(&st, 1, key);
    db_bind_digest(&st, 2, top);
    return run_counted(s, &st, changes, reterr);
}

static int put_tag(struct store *s, const struct ref *ref, const struct digest *id,
                   const struct digest *top, int *changes, struct imgc_err *reterr)
{
    imgc_autofree char *key = NULL;

    int r = image_load_key(ref, &key, reterr);
    if (r < 0) {
        return r;
    }
    r = forget_other_tops(s, key, top, changes, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT INTO tag (name, image_id, top) VALUES (?1, ?2, ?3) "
                          "ON CONFLICT DO NOTHING");
    db_bind_text(&st, 1, key);
    db_bind_digest(&st, 2, id);
    db_bind_digest(&st, 3, top);
    return run_counted(s, &st, changes, reterr);
}

static int put_repo_digest(struct store *s, const struct ref *ref, const struct digest *id,
                           const struct digest *top, int *changes, struct imgc_err *reterr)
{
    imgc_autofree char *repository = NULL;

    int r = ref_repository(ref, false, &repository, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT INTO repo_digest (repository, digest, image_id) "
                          "VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING");
    db_bind_text(&st, 1, repository);
    db_bind_digest(&st, 2, top);
    db_bind_digest(&st, 3, id);
    return run_counted(s, &st, changes, reterr);
}

static int put_names(struct store *s, const struct image_add *add, int *changes,
                     struct imgc_err *reterr)
{
    if (!add->ref) {
        return 0;
    }
    int r = put_repo_digest(s, add->ref, &add->id, &add->top, changes, reterr);
    if (r == 0 && !digest_is_set(&add->ref->digest)) {
        r = put_tag(s, add->ref, &add->id, &add->top, changes, reterr);
    }
    return r;
}

int image_add(struct store *s, struct lease *lease, const struct image_add *add,
              struct imgc_err *reterr)
{
    int changes = 0;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    (void)lease; /* holds the content until the rows below do */
    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r == 0) {
        r = put_image(s, add, &changes, reterr);
    }
    if (r == 0) {
        r = put_layers(s, add, &changes, reterr);
    }
    if (r == 0) {
        r = put_blobs(s, add, &changes, reterr);
    }
    if (r == 0) {
        r = put_names(s, add, &changes, reterr);
    }
    if (r < 0 || changes == 0) {
        return r < 0 ? r : IMAGE_UNCHANGED;
    }
    return db_commit(&tx, reterr);
}

/* Where a tag that is given by hand points to: what names of the image say already, else its
 * manifest. */
static int top_of(struct store *s, const struct digest *id, struct digest *ret,
                  struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "SELECT coalesce((SELECT top FROM tag WHERE image_id = ?1 ORDER BY name LIMIT 1), "
               "(SELECT digest FROM repo_digest WHERE image_id = ?1 ORDER BY digest LIMIT 1), "
               "manifest) FROM image WHERE id = ?1");

    db_bind_digest(&st, 1, id);
    int r = db_step(&st, reterr);
    if (r < 0) {
        return r;
    }
    return r == DB_ROW ? db_col_digest(&st, 0, ret, reterr)
                       : imgc_fail(reterr, IMGC_E_NOTFOUND, "the image is gone");
}

static int forget_other_images(struct store *s, const struct ref *ref, const struct digest *id,
                               struct imgc_err *reterr)
{
    imgc_autofree char *key = NULL;

    int r = image_load_key(ref, &key, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "DELETE FROM tag WHERE name = ?1 AND image_id <> ?2");
    db_bind_text(&st, 1, key);
    db_bind_digest(&st, 2, id);
    return db_run(&st, reterr);
}

int image_tag(struct store *s, const struct digest *id, const struct ref *ref,
              struct imgc_err *reterr)
{
    int changes = 0;
    struct digest top;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    if (digest_is_set(&ref->digest)) {
        return imgc_fail(reterr, IMGC_E_REFERENCE, "a digest cannot be given as a name");
    }
    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r == 0) {
        r = forget_other_images(s, ref, id, reterr);
    }
    if (r == 0) {
        r = top_of(s, id, &top, reterr);
    }
    if (r == 0) {
        r = put_tag(s, ref, id, &top, &changes, reterr);
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

/* @id  NULL: of all images. */
static int delete_name(struct store *s, const struct ref *ref, const struct digest *id,
                       struct imgc_err *reterr)
{
    bool is_digest = digest_is_set(&ref->digest);
    imgc_autofree char *key = NULL;

    int r = image_load_key(ref, &key, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, is_digest ? "DELETE FROM repo_digest WHERE repository = ?1 AND "
                           "(?2 IS NULL OR image_id = ?2) AND digest = ?3"
                         : "DELETE FROM tag WHERE name = ?1 AND (?2 IS NULL OR image_id = ?2)");
    db_bind_text(&st, 1, key);
    if (id) {
        db_bind_digest(&st, 2, id);
    }
    if (is_digest) {
        db_bind_digest(&st, 3, &ref->digest);
    }
    r = db_run(&st, reterr);
    return r < 0 ? r : db_changes(s->db) == 0 ? IMAGE_MISSING : 0;
}

int image_untag(struct store *s, const struct ref *ref, const struct digest *id,
                struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r == 0) {
        r = delete_name(s, ref, id, reterr);
    }
    return r != 0 ? r : db_commit(&tx, reterr);
}

/* Fail with -INUSE that names a container of the image, if there is one. */
static int refuse_in_use(struct store *s, const struct digest *id, struct imgc_err *reterr)
{
    char text[DIGEST_HEX_MAX];
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT id, name FROM container WHERE image_id = ?1 "
                          "ORDER BY created_ns DESC LIMIT 1");

    db_bind_digest(&st, 1, id);
    int r = db_step(&st, reterr);
    if (r != DB_ROW) {
        return r;
    }
    return imgc_fail(reterr, IMGC_E_INUSE, "image %.12s is used by container %.12s (%s)",
                     digest_hex(id, text), db_col_text(&st, 0), db_col_text(&st, 1));
}

/* The same of a mount of this boot; a row of another one says nothing. */
static int refuse_mounted(struct store *s, const struct digest *id, struct imgc_err *reterr)
{
    char text[DIGEST_HEX_MAX], boot_id[PROCESS_BOOT_ID_MAX];
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT path FROM mount WHERE image_id = ?1 AND boot_id = ?2");
    db_stmt_auto struct db_stmt forget =
        db_prepare(s->db, "DELETE FROM mount WHERE image_id = ?1 AND boot_id <> ?2");

    process_boot_id(boot_id);
    db_bind_digest(&st, 1, id);
    db_bind_text(&st, 2, boot_id);
    int r = db_step(&st, reterr);
    if (r == DB_ROW) {
        return imgc_fail(reterr, IMGC_E_INUSE, "image %.12s is mounted on '%s'",
                         digest_hex(id, text), db_col_text(&st, 0));
    }
    db_bind_digest(&forget, 1, id);
    db_bind_text(&forget, 2, boot_id);
    return r < 0 ? r : db_run(&forget, reterr);
}

int image_delete_row(struct store *s, const struct digest *id, struct imgc_err *reterr)
{
    int r = refuse_in_use(s, id, reterr);
    if (r == 0) {
        r = refuse_mounted(s, id, reterr);
    }
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "DELETE FROM image WHERE id = ?1");
    db_bind_digest(&st, 1, id);
    r = db_run(&st, reterr);
    return r < 0 ? r : db_changes(s->db) == 0 ? IMAGE_MISSING : 0;
}

int image_touch(struct store *s, const struct digest *id, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE image SET used_ns = ?2 WHERE id = ?1");
    db_bind_digest(&st, 1, id);
    db_bind_int(&st, 2, clock_now_ns());
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}
