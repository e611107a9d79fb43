/* SPDX-License-Identifier: Apache-2.0 */
#include "store/layer.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "schema/base/fd.h"
#include "schema/base/process.h"
#include "store/disk.h"
#include "store/punched.h"
#include "store/store_handle.h"
#include "store/trash.h"

#define INFO_COLUMNS                                \
    "SELECT diff_id, tar_size, disk + "             \
    "(SELECT coalesce(sum(v.disk), 0) FROM view v " \
    "WHERE v.diff_id = layer.diff_id AND v.form = 'directory') FROM layer "

static int info_from_row(struct db_stmt *st, struct layer_info *ret, struct imgc_err *reterr)
{
    ret->tar_size = db_col_size(st, 1);
    ret->disk_bytes = db_col_size(st, 2);
    return db_col_digest(st, 0, &ret->diff_id, reterr);
}

static int find_row(struct store *s, const char *sql, const struct digest *digest,
                    struct layer_info *ret, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(s->db, sql);

    db_bind_digest(&st, 1, digest);
    int r = db_step(&st, reterr);
    if (r < 0) {
        return r;
    }
    return r == DB_ROW ? info_from_row(&st, ret, reterr) : LAYER_MISSING;
}

static int find(struct store *s, struct lease *lease, const char *sql, const struct digest *digest,
                struct layer_info *ret, struct imgc_err *reterr)
{
    struct layer_info info;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, lease ? DB_WRITE : DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    r = find_row(s, sql, digest, &info, reterr);
    if (r != 0) {
        return r;
    }
    if (lease) {
        r = lease_hold(lease, LEASE_LAYER, &info.diff_id, reterr);
        if (r == 0) {
            r = db_commit(&tx, reterr);
        }
    }
    if (r == 0) {
        *ret = info;
    }
    return r;
}

int layer_find(struct store *s, struct lease *lease, const struct digest *diff_id,
               struct layer_info *ret, struct imgc_err *reterr)
{
    return find(s, lease, INFO_COLUMNS "WHERE diff_id = ?1", diff_id, ret, reterr);
}

int layer_find_blob(struct store *s, struct lease *lease, const struct digest *blob,
                    struct layer_info *ret, struct imgc_err *reterr)
{
    return find(s, lease,
                INFO_COLUMNS "WHERE diff_id = (SELECT b.diff_id FROM layer_blob b "
                             "WHERE b.digest = ?1)",
                blob, ret, reterr);
}

struct layer_writer {
    struct store *s;
    struct lease *lease;
    char name[LEASE_NAME_MAX]; /* staged directory in the lease's */
    int fd;                    /* its tar */
    uint64_t size;             /* bytes written */
    bool staged;               /* the staged directory is there */
};

int layer_writer_new(struct store *s, struct lease *lease, struct layer_writer **ret,
                     struct imgc_err *reterr)
{
    imgc_autoclose int dir_fd = -1;
    imgc_auto(layer_writer_freep) struct layer_writer *w = calloc(1, sizeof *w);
    if (!w) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    w->s = s;
    w->lease = lease;
    w->fd = -1;
    lease_name(lease, w->name);

    int r = fd_open_dir_at(lease_dir_fd(lease), w->name, 0700, &dir_fd, reterr);
    if (r < 0) {
        return r;
    }
    w->staged = true;
    /* fs/ is made here, so that what a layer costs does not change with its first view. */
    if (mkdirat(dir_fd, "fs", 0700) < 0) {
        return imgc_fail_sys(reterr, errno, "stage a layer");
    }
    r = fd_open_at(dir_fd, "tar", O_RDWR | O_CREAT | O_EXCL, 0600, &w->fd, reterr);
    if (r < 0) {
        return r;
    }
    *ret = imgc_take(w);
    return 0;
}

int layer_writer_write(struct layer_writer *w, const void *ptr, size_t len, struct imgc_err *reterr)
{
    int r = fd_write_all(w->fd, ptr, len, reterr);
    if (r < 0) {
        return imgc_context(reterr, "store a layer");
    }
    w->size += len;
    return 0;
}

int layer_writer_entries(struct layer_writer *w, int *ret_fd, struct imgc_err *reterr)
{
    char path[LEASE_NAME_MAX + 16];

    (void)snprintf(path, sizeof path, "%s/entries", w->name);
    int r =
        fd_open_at(lease_dir_fd(w->lease), path, O_WRONLY | O_CREAT | O_EXCL, 0600, ret_fd, reterr);
    return r < 0 ? imgc_context(reterr, "store a layer") : 0;
}

int layer_writer_fd(const struct layer_writer *w)
{
    return w->fd;
}

struct layer_writer *layer_writer_free(struct layer_writer *w)
{
    struct imgc_err ignored; /* what stays goes with the lease */

    if (w) {
        imgc_closep(&w->fd);
        if (w->staged) {
            (void)!fd_remove_tree(lease_dir_fd(w->lease), w->name, NULL, &ignored);
        }
        free(w);
    }
    return NULL;
}

void layer_writer_freep(struct layer_writer **w)
{
    *w = layer_writer_free(*w);
}

static int put_row(struct store *s, const struct digest *diff_id, uint64_t tar_size, uint64_t disk,
                   struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT INTO layer (diff_id, tar_size, disk, boot_id, synced) "
                          "VALUES (?1, ?2, ?3, ?4, 0) ON CONFLICT (diff_id) DO UPDATE SET "
                          "tar_size = ?2, disk = ?3, boot_id = ?4, synced = 0, whole = 1");

    process_boot_id(boot_id);
    db_bind_digest(&st, 1, diff_id);
    db_bind_int(&st, 2, (int64_t)tar_size);
    db_bind_int(&st, 3, (int64_t)disk);
    db_bind_text(&st, 4, boot_id);
    int r = db_run(&st, reterr);
    return r < 0 ? r : punched_forget(s, diff_id, reterr);
}

static int put_blob_row(struct store *s, const struct layer_commit *c, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT OR REPLACE INTO layer_blob (digest, diff_id, size, media_type) "
                          "VALUES (?1, ?2, ?3, ?4)");

    db_bind_digest(&st, 1, c->blob);
    db_bind_digest(&st, 2, c->diff_id);
    db_bind_int(&st, 3, (int64_t)c->blob_size);
    db_bind_text(&st, 4, c->media_type);
    return db_run(&st, reterr);
}

/* Whether the row of @diff_id still has its tar, and no power loss makes it suspect. */
static int is_whole(struct store *s, const struct digest *diff_id, uint64_t tar_size, bool *ret,
                    struct imgc_err *reterr)
{
    struct stat st;
    char path[PATHS_MAX], boot_id[PROCESS_BOOT_ID_MAX];

    process_boot_id(boot_id);
    db_stmt_auto struct db_stmt q =
        db_prepare(s->db, "SELECT synced = 1 OR boot_id = ?2 FROM layer WHERE diff_id = ?1");
    db_bind_digest(&q, 1, diff_id);
    db_bind_text(&q, 2, boot_id);
    int r = db_step(&q, reterr);
    if (r < 0) {
        return r;
    }
    *ret = r == DB_ROW && db_col_int(&q, 0) != 0 &&
           fstatat(s->root_fd, paths_layer_tar(diff_id, path), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st.st_mode) && (uint64_t)st.st_size == tar_size;
    return 0;
}

/* The staged entries, where there are any, into the place of the layer's. */
static int put_entries(struct layer_writer *w, const struct place *place, struct imgc_err *reterr)
{
    char from[PATHS_MAX + LEASE_NAME_MAX + 16], to[PATHS_MAX + 16];

    (void)snprintf(from, sizeof from, "%s/%s/entries", lease_path(w->lease), w->name);
    (void)snprintf(to, sizeof to, "%s/entries", place->path);
    if (renameat(w->s->root_fd, from, w->s->root_fd, to) < 0 && errno != ENOENT) {
        return imgc_fail_sys(reterr, errno, "put '%s' into the store", to);
    }
    return 0;
}

/* A new layer: the staged directory becomes it. A layer whose tar is lost or suspect: only the tar
 * and its entries are replaced, because containers may run on its views. */
static int put_in_place(struct layer_writer *w, const struct place *place, bool has_row,
                        struct imgc_err *reterr)
{
    char from[PATHS_MAX + LEASE_NAME_MAX + 8], to[PATHS_MAX + 8];

    if (!has_row) {
        return place_publish(w->s, w->lease, w->name, place, reterr);
    }
    (void)snprintf(from, sizeof from, "%s/%s/tar", lease_path(w->lease), w->name);
    (void)snprintf(to, sizeof to, "%s/tar", place->path);
    if (mkdirat(w->s->root_fd, place->path, 0700) == 0) { /* all of it was lost */
        char fs[PATHS_MAX + 8];
        (void)snprintf(fs, sizeof fs, "%s/fs", place->path);
        if (mkdirat(w->s->root_fd, fs, 0700) < 0) {
            return imgc_fail_sys(reterr, errno, "create '%s'", fs);
        }
    }
    if (renameat(w->s->root_fd, from, w->s->root_fd, to) < 0) {
        return imgc_fail_sys(reterr, errno, "put '%s' into the store", to);
    }
    return put_entries(w, place, reterr);
}

static int publish(struct layer_writer *w, const struct layer_commit *c, const struct place *place,
                   struct imgc_err *reterr)
{
    uint64_t disk = 0;
    bool has_row = false, whole = false;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = disk_tree_bytes(lease_dir_fd(w->lease), w->name, &disk, reterr);
    if (r < 0) {
        return r;
    }
    r = trash_begin_publish(w->s, place, &tx, reterr);
    if (r < 0) {
        return r;
    }
    r = place_has_row(w->s, place, &has_row, reterr);
    if (r == 0) {
        r = is_whole(w->s, c->diff_id, w->size, &whole, reterr);
    }
    if (r == 0 && !whole) {
        r = put_in_place(w, place, has_row, reterr);
        if (r == 0) {
            r = put_row(w->s, c->diff_id, w->size, disk, reterr);
        }
    }
    if (r == 0 && c->blob) {
        r = put_blob_row(w->s, c, reterr);
    }
    if (r == 0) {
        r = lease_hold(w->lease, LEASE_LAYER, c->diff_id, reterr);
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

int layer_writer_commit(struct layer_writer *w, const struct layer_commit *commit,
                        struct imgc_err *reterr)
{
    struct place place;
    struct imgc_err ignored;

    place_layer(&place, commit->diff_id);
    int r = publish(w, commit, &place, reterr);
    if (r < 0) {
        /* The rename may stand although the commit failed: what has no row goes back. */
        (void)!place_withdraw(w->s, w->lease, &place, 1, &ignored);
        return imgc_context(reterr, "store a layer");
    }
    return 0;
}

int layer_open_tar(struct store *s, const struct digest *diff_id, int *ret_fd,
                   struct imgc_err *reterr)
{
    char path[PATHS_MAX], text[DIGEST_TEXT_MAX];
    struct layer_info info;

    int r = fd_open_at(s->root_fd, paths_layer_tar(diff_id, path), O_RDONLY | O_NOFOLLOW, 0, ret_fd,
                       reterr);
    if (r == 0 || reterr->sys != ENOENT) {
        return r;
    }
    r = layer_find(s, NULL, diff_id, &info, reterr);
    return r != 0 ? r
                  : imgc_fail(reterr, IMGC_E_STORE, "layer %s is lost from the store",
                              digest_text(diff_id, text));
}

static int collect(struct store *s, struct imgc_buf *ret, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(s->db, INFO_COLUMNS "ORDER BY diff_id");
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        struct layer_info info = { .tar_size = 0 };
        r = info_from_row(&st, &info, reterr);
        if (r < 0) {
            return r;
        }
        imgc_buf_add(ret, &info, sizeof info);
    }
    struct imgc_str all;
    return r < 0 ? r : imgc_buf_finish(ret, &all, reterr);
}

int layer_each(struct store *s,
               int (*fn)(const struct layer_info *info, void *arg, struct imgc_err *reterr),
               void *arg, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf all = IMGC_BUF_INIT(SIZE_MAX / 2);

    /* Collected first: no transaction is open while @fn runs, so it may use the store. */
    int r = collect(s, &all, reterr);
    for (size_t at = 0; r >= 0 && at < all.len; at += sizeof(struct layer_info)) {
        struct layer_info info;
        memcpy(&info, all.ptr + at, sizeof info);
        r = fn(&info, arg, reterr);
    }
    return r < 0 ? r : 0;
}
