/* SPDX-License-Identifier: Apache-2.0 */
#include "store/blob.h"

#include <errno.h>
#include <sys/stat.h>

#include "schema/base/fd.h"
#include "schema/base/process.h"
#include "schema/limits.h"
#include "store/store_handle.h"
#include "store/trash.h"

static int find_row(struct store *s, const struct digest *digest, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "SELECT 1 FROM blob WHERE digest = ?1");

    db_bind_digest(&st, 1, digest);
    int r = db_step(&st, reterr);
    return r < 0 ? r : r == DB_ROW ? 0 : BLOB_MISSING;
}

int blob_hold(struct store *s, struct lease *lease, const struct digest *digest,
              struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    r = find_row(s, digest, reterr);
    if (r != 0) {
        return r;
    }
    r = lease_hold(lease, LEASE_BLOB, digest, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

/* The file's bytes, whatever they are. @return 0; -SYS; -LIMIT. */
static int read_file(struct store *s, const struct digest *digest, struct imgc_buf *ret,
                     struct imgc_err *reterr)
{
    char path[PATHS_MAX];
    imgc_autoclose int fd = -1;

    int r = fd_open_at(s->root_fd, paths_blob(digest, path), O_RDONLY | O_NOFOLLOW, 0, &fd, reterr);
    return r < 0 ? r : fd_read_all(fd, ret, reterr);
}

/* A damaged or lost file is put right by putting it again ("pull again"). */
static bool is_whole(struct store *s, const struct digest *digest, struct imgc_str bytes)
{
    struct imgc_err err;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(bytes.len + 1);

    return read_file(s, digest, &b, &err) == 0 &&
           imgc_str_eq((struct imgc_str){ b.ptr, b.len }, bytes);
}

static int insert_row(struct store *s, const struct digest *digest, uint64_t size, uint64_t disk,
                      struct imgc_err *reterr)
{
    char boot_id[PROCESS_BOOT_ID_MAX];
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT INTO blob (digest, size, disk, boot_id, synced) "
                          "VALUES (?1, ?2, ?3, ?4, 0) ON CONFLICT (digest) DO UPDATE SET "
                          "size = ?2, disk = ?3, boot_id = ?4, synced = 0");

    process_boot_id(boot_id);
    db_bind_digest(&st, 1, digest);
    db_bind_int(&st, 2, (int64_t)size);
    db_bind_int(&st, 3, (int64_t)disk);
    db_bind_text(&st, 4, boot_id);
    return db_run(&st, reterr);
}

static int stage(struct lease *lease, struct imgc_str bytes, char name[LEASE_NAME_MAX],
                 uint64_t *ret_disk, struct imgc_err *reterr)
{
    struct stat st;
    imgc_autoclose int fd = -1;

    lease_name(lease, name);
    int r = fd_open_at(lease_dir_fd(lease), name, O_WRONLY | O_CREAT | O_EXCL, 0600, &fd, reterr);
    if (r < 0) {
        return r;
    }
    r = fd_write_all(fd, bytes.ptr, bytes.len, reterr);
    if (r < 0) {
        return r;
    }
    if (fstat(fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at a new blob");
    }
    *ret_disk = (uint64_t)st.st_blocks * 512;
    return 0;
}

static int publish(struct store *s, struct lease *lease, const struct place *place,
                   const struct digest *digest, struct imgc_str bytes, struct imgc_err *reterr)
{
    uint64_t disk = 0;
    char name[LEASE_NAME_MAX];
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = stage(lease, bytes, name, &disk, reterr);
    if (r < 0) {
        return r;
    }
    r = trash_begin_publish(s, place, &tx, reterr);
    if (r < 0) {
        return r;
    }
    r = find_row(s, digest, reterr);
    if (r < 0) {
        return r;
    }
    if (r == BLOB_MISSING || !is_whole(s, digest, bytes)) {
        r = place_publish(s, lease, name, place, reterr);
        if (r < 0) {
            return r;
        }
        r = insert_row(s, digest, bytes.len, disk, reterr);
        if (r < 0) {
            return r;
        }
    }
    r = lease_hold(lease, LEASE_BLOB, digest, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

int blob_put(struct store *s, struct lease *lease, const struct digest *digest,
             struct imgc_str bytes, struct imgc_err *reterr)
{
    struct digest got;
    struct place place;

    if (bytes.len > LIMIT_MANIFEST_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a blob of %zu bytes (limit %u)", bytes.len,
                         LIMIT_MANIFEST_BYTES);
    }
    int r = digest_of(digest->alg, bytes.ptr, bytes.len, &got, reterr);
    if (r < 0) {
        return r;
    }
    r = digest_expect(digest, &got, "blob", reterr);
    if (r < 0) {
        return r;
    }
    if (is_whole(s, digest, bytes)) {
        r = blob_hold(s, lease, digest, reterr);
        if (r != BLOB_MISSING) {
            return r;
        }
    }
    place_blob(&place, digest);
    r = publish(s, lease, &place, digest, bytes, reterr);
    if (r < 0) {
        /* The rename may stand although the commit failed: what has no row goes back. */
        struct imgc_err ignored;
        (void)!place_withdraw(s, lease, &place, 1, &ignored);
        return imgc_context(reterr, "store a blob");
    }
    return 0;
}

/* As find_row(), in a transaction of its own. */
static int look(struct store *s, const struct digest *digest, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    return r < 0 ? r : find_row(s, digest, reterr);
}

int blob_get(struct store *s, const struct digest *digest, struct imgc_buf *ret,
             struct imgc_err *reterr)
{
    struct digest got;
    struct imgc_str all;
    char text[DIGEST_TEXT_MAX];
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES);

    int r = look(s, digest, reterr);
    if (r != 0) {
        return r;
    }
    r = read_file(s, digest, &b, reterr);
    if (r < 0 && reterr->sys == ENOENT) {
        r = look(s, digest, reterr); /* removed between the two? */
        return r != 0 ? r
                      : imgc_fail(reterr, IMGC_E_STORE, "blob %s is lost from the store",
                                  digest_text(digest, text));
    }
    if (r < 0) {
        return r;
    }
    r = digest_of(digest->alg, b.ptr, b.len, &got, reterr);
    if (r < 0) {
        return r;
    }
    r = digest_expect(digest, &got, "blob in the store", reterr);
    if (r < 0) {
        return r;
    }
    imgc_buf_add(ret, b.ptr, b.len);
    return imgc_buf_finish(ret, &all, reterr);
}

static int collect(struct store *s, struct imgc_buf *ret, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT digest, size FROM blob ORDER BY digest");
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        struct blob_info info = { .size = db_col_size(&st, 1) };
        r = db_col_digest(&st, 0, &info.digest, reterr);
        if (r < 0) {
            return r;
        }
        imgc_buf_add(ret, &info, sizeof info);
    }
    struct imgc_str all;
    return r < 0 ? r : imgc_buf_finish(ret, &all, reterr);
}

int blob_each(struct store *s,
              int (*fn)(const struct blob_info *info, void *arg, struct imgc_err *reterr),
              void *arg, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf all = IMGC_BUF_INIT(SIZE_MAX / 2);

    /* Collected first: no transaction is open while @fn runs, so it may use the store. */
    int r = collect(s, &all, reterr);
    for (size_t at = 0; r >= 0 && at < all.len; at += sizeof(struct blob_info)) {
        struct blob_info info;
        memcpy(&info, all.ptr + at, sizeof info);
        r = fn(&info, arg, reterr);
    }
    return r < 0 ? r : 0;
}
