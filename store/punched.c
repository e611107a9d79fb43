/* SPDX-License-Identifier: Apache-2.0 */
#include "store/punched.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "store/layer.h"
#include "store/paths.h"
#include "store/store_handle.h"

#define WORK_BYTES_MAX ((size_t)64 << 20) /* bytes of digests: half a million of them */

void punched_layer_done(struct punched_layer *l)
{
    imgc_closep(&l->tar_fd);
    imgc_closep(&l->map_fd);
}

/* A file system without locks never gives the exclusive one either, so nothing is punched there. */
static int lock_shared(int fd, struct imgc_err *reterr)
{
    struct flock whole = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

    while (fcntl(fd, F_OFD_SETLKW, &whole) < 0) {
        if (errno == ENOLCK || errno == EOPNOTSUPP || errno == EINVAL) {
            return 0;
        }
        if (errno != EINTR) {
            return imgc_fail_sys(reterr, errno, "lock the layer's tar");
        }
    }
    return 0;
}

/* @return 0: whole; DB_ROW: @ret is the view that has the rest. */
static int find_holder(struct store *s, const struct digest *diff_id, struct digest *ret,
                       struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT chain_id FROM punch WHERE diff_id = ?1");
    db_bind_digest(&st, 1, diff_id);
    r = db_step(&st, reterr);
    if (r == DB_ROW) {
        int parsed = db_col_digest(&st, 0, ret, reterr);
        r = parsed < 0 ? parsed : DB_ROW;
    }
    return r;
}

/* Put @name behind the layer's path. */
static const char *path_in_layer(const struct digest *diff_id, const char *name,
                                 char out[PATHS_MAX])
{
    char hex[DIGEST_HEX_MAX];

    (void)snprintf(out, PATHS_MAX, PATHS_LAYERS "/%s/%s", digest_hex(diff_id, hex), name);
    return out;
}

static int open_map(struct store *s, const struct digest *diff_id, int *ret_fd,
                    struct imgc_err *reterr)
{
    char path[PATHS_MAX], text[DIGEST_TEXT_MAX];

    int r = fd_open_at(s->root_fd, path_in_layer(diff_id, "punched", path), O_RDONLY | O_NOFOLLOW,
                       0, ret_fd, reterr);
    if (r < 0 && reterr->sys == ENOENT) {
        return imgc_fail(reterr, IMGC_E_STORE,
                         "'%s' is lost, and data of layer %s with it: remove the images that use "
                         "it and pull again",
                         path, digest_text(diff_id, text));
    }
    return r;
}

int punched_open(struct store *s, const struct digest *diff_id, struct punched_layer *ret,
                 struct imgc_err *reterr)
{
    struct digest chain_id;

    int r = layer_open_tar(s, diff_id, &ret->tar_fd, reterr);
    if (r != 0) {
        return r == LAYER_MISSING ? PUNCHED_MISSING : r;
    }
    /* The lock before the look: else holes could be made between them. */
    r = lock_shared(ret->tar_fd, reterr);
    if (r >= 0) {
        r = find_holder(s, diff_id, &chain_id, reterr);
    }
    if (r != DB_ROW) {
        return r;
    }
    (void)paths_view(diff_id, &chain_id, ret->view_path);
    return open_map(s, diff_id, &ret->map_fd, reterr);
}

/* Inside a transaction. */
static int is_allowed(struct store *s, const struct digest *diff_id, const struct digest *chain_id,
                      struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "SELECT 1 FROM layer AS l, view AS v WHERE l.diff_id = ?1 AND l.whole = 1 AND "
               "l.synced = 1 AND v.chain_id = ?2 AND v.form = 'directory' AND v.diff_id = ?1 AND "
               "v.synced = 1 AND NOT EXISTS (SELECT 1 FROM view_layer WHERE diff_id = ?1)");

    db_bind_digest(&st, 1, diff_id);
    db_bind_digest(&st, 2, chain_id);
    int r = db_step(&st, reterr);
    return r < 0 ? r : r == DB_ROW ? 0 : PUNCHED_NOT_NOW;
}

int punched_allowed(struct store *s, const struct digest *diff_id, const struct digest *chain_id,
                    struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    return r < 0 ? r : is_allowed(s, diff_id, chain_id, reterr);
}

static int sync_path(struct store *s, const char *path, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = fd_open_at(s->root_fd, path, O_RDONLY | O_NOFOLLOW, 0, &fd, reterr);
    if (r == 0 && fsync(fd) < 0) {
        return imgc_fail_sys(reterr, errno, "sync '%s'", path);
    }
    return r;
}

static int place_map(struct store *s, struct lease *lease, const struct digest *diff_id,
                     const char *name, struct imgc_err *reterr)
{
    char path[PATHS_MAX];

    if (renameat(lease_dir_fd(lease), name, s->root_fd, path_in_layer(diff_id, "punched", path)) <
        0) {
        return imgc_fail_sys(reterr, errno, "put '%s' into the store", path);
    }
    int r = sync_path(s, path, reterr);
    return r < 0 ? r : sync_path(s, paths_layer(diff_id, path), reterr);
}

static int put_row(struct store *s, const struct digest *diff_id, const struct digest *chain_id,
                   struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt layer =
        db_prepare(s->db, "UPDATE layer SET whole = 0 WHERE diff_id = ?1");
    db_stmt_auto struct db_stmt punch =
        db_prepare(s->db, "INSERT INTO punch (diff_id, chain_id) VALUES (?1, ?2)");

    db_bind_digest(&layer, 1, diff_id);
    int r = db_run(&layer, reterr);
    if (r < 0) {
        return r;
    }
    db_bind_digest(&punch, 1, diff_id);
    db_bind_digest(&punch, 2, chain_id);
    return db_run(&punch, reterr);
}

int punched_begin(struct store *s, struct lease *lease, const struct digest *diff_id,
                  const struct digest *chain_id, const char *name, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    /* While the row says that the tar is whole, nobody looks at the map. */
    int r = place_map(s, lease, diff_id, name, reterr);
    if (r >= 0) {
        r = db_begin(s->db, DB_DURABLE, &tx, reterr);
    }
    if (r >= 0) {
        r = is_allowed(s, diff_id, chain_id, reterr);
    }
    if (r == 0) {
        r = put_row(s, diff_id, chain_id, reterr);
    }
    if (r == 0) {
        r = db_commit(&tx, reterr);
    }
    if (r == PUNCHED_NOT_NOW) {
        char path[PATHS_MAX];
        (void)unlinkat(s->root_fd, path_in_layer(diff_id, "punched", path), 0);
    }
    return r;
}

/* A mount of an EROFS view that has lost its row has the tar open and no lock on it. Only a lease
 * tells: the kernel gives one for writing where nobody else has the file open.
 * @return whether somebody may have it open. A file system without leases leaves it to the rows. */
static bool is_open_elsewhere(int fd)
{
    /* Who opens it just now would break the lease, and SIGIO ends a process that expects none. */
    if (fcntl(fd, F_SETSIG, SIGURG) < 0) {
        return true;
    }
    if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0) {
        return errno == EAGAIN;
    }
    return fcntl(fd, F_SETLEASE, F_UNLCK) < 0;
}

int punched_open_write(struct store *s, const struct digest *diff_id, bool for_holes, int *ret_fd,
                       struct imgc_err *reterr)
{
    char path[PATHS_MAX];
    struct digest ignored;
    imgc_autoclose int fd = -1;
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    int r =
        fd_open_at(s->root_fd, paths_layer_tar(diff_id, path), O_RDWR | O_NOFOLLOW, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    if (for_holes && fcntl(fd, F_OFD_SETLK, &whole) < 0) {
        return PUNCHED_NOT_NOW;
    }
    whole.l_type = F_UNLCK;
    if (for_holes && fcntl(fd, F_OFD_SETLK, &whole) < 0) {
        return imgc_fail_sys(reterr, errno, "unlock '%s'", path);
    }
    if (for_holes && is_open_elsewhere(fd)) {
        return PUNCHED_NOT_NOW;
    }
    /* After the tar was opened: a new one of the same layer, made later, is another file. */
    r = find_holder(s, diff_id, &ignored, reterr);
    if (r == DB_ROW) {
        *ret_fd = imgc_take_fd(fd);
        return 0;
    }
    return r < 0 ? r : PUNCHED_NOT_NOW;
}

static void close_dirp(DIR **d)
{
    if (*d) {
        (void)closedir(*d);
    }
}

/* What the layer costs without its views, which have rows of their own: the directory and what is
 * in it, but not what is in fs/. */
static int count_bytes(struct store *s, const struct digest *diff_id, bool with_map,
                       uint64_t *ret_bytes, struct imgc_err *reterr)
{
    char path[PATHS_MAX];
    struct stat st;
    uint64_t bytes = 0;
    imgc_autoclose int fd = -1;

    int r =
        fd_open_at(s->root_fd, paths_layer(diff_id, path), O_RDONLY | O_DIRECTORY, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    imgc_auto(close_dirp) DIR *d = fdopendir(fd);
    if (!d) {
        return imgc_fail_sys(reterr, errno, "list '%s'", path);
    }
    int dir_fd = imgc_take_fd(fd);
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        bool counts =
            strcmp(e->d_name, "..") != 0 && (with_map || strcmp(e->d_name, "punched") != 0);
        if (counts && fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            bytes += (uint64_t)st.st_blocks * 512;
        }
    }
    *ret_bytes = bytes;
    return 0;
}

static int set_bytes(struct store *s, const struct digest *diff_id, bool is_whole,
                     struct imgc_err *reterr)
{
    uint64_t bytes = 0;
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE layer SET disk = ?2, whole = ?3 WHERE diff_id = ?1");

    int r = count_bytes(s, diff_id, !is_whole, &bytes, reterr);
    if (r < 0) {
        return r;
    }
    db_bind_digest(&st, 1, diff_id);
    db_bind_int(&st, 2, (int64_t)bytes);
    db_bind_int(&st, 3, is_whole);
    return db_run(&st, reterr);
}

/* Inside a transaction. */
static int set_done(struct store *s, const struct digest *diff_id, bool is_done,
                    struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE punch SET done = ?2 WHERE diff_id = ?1");

    db_bind_digest(&st, 1, diff_id);
    db_bind_int(&st, 2, is_done);
    return db_run(&st, reterr);
}

int punched_end(struct store *s, const struct digest *diff_id, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    r = r < 0 ? r : set_done(s, diff_id, true, reterr);
    if (r == 0 && db_changes(s->db) > 0) {
        r = set_bytes(s, diff_id, false, reterr);
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

int punched_restoring(struct store *s, const struct digest *diff_id, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_DURABLE, &tx, reterr);
    r = r < 0 ? r : set_done(s, diff_id, false, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

static int delete_row(struct store *s, const struct digest *diff_id, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "DELETE FROM punch WHERE diff_id = ?1");

    db_bind_digest(&st, 1, diff_id);
    return db_run(&st, reterr);
}

int punched_restored(struct store *s, const struct digest *diff_id, struct imgc_err *reterr)
{
    char path[PATHS_MAX];
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_DURABLE, &tx, reterr);
    if (r == 0) {
        r = delete_row(s, diff_id, reterr);
    }
    if (r == 0 && db_changes(s->db) > 0) {
        r = set_bytes(s, diff_id, true, reterr);
    }
    if (r == 0) {
        r = db_commit(&tx, reterr);
    }
    if (r == 0) { /* after the commit: until then it is the map of a tar with holes */
        (void)unlinkat(s->root_fd, path_in_layer(diff_id, "punched", path), 0);
    }
    return r;
}

int punched_forget(struct store *s, const struct digest *diff_id, struct imgc_err *reterr)
{
    return delete_row(s, diff_id, reterr);
}

void punched_todo_done(struct punched_todo *todo)
{
    free(todo->begun);
    free(todo->images);
    *todo = (struct punched_todo){ .n_begun = 0 };
}

static int list_digests(struct store *s, const char *sql, struct digest **ret, size_t *ret_n,
                        struct imgc_err *reterr)
{
    int r;
    char *taken = NULL;
    size_t n = 0;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(WORK_BYTES_MAX);
    db_stmt_auto struct db_stmt st = db_prepare(s->db, sql);

    while ((r = db_step(&st, reterr)) == DB_ROW) {
        struct digest d;
        r = db_col_digest(&st, 0, &d, reterr);
        if (r < 0) {
            return r;
        }
        imgc_buf_add(&b, &d, sizeof d);
        n++;
    }
    if (r == 0 && n > 0) {
        r = imgc_buf_take(&b, &taken, reterr);
    }
    if (r == 0) {
        *ret = (struct digest *)(void *)taken;
        *ret_n = n;
    }
    return r;
}

int punched_find(struct store *s, struct punched_todo *ret, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r == 0) {
        r = list_digests(s, "SELECT diff_id FROM punch WHERE done = 0", &ret->begun, &ret->n_begun,
                         reterr);
    }
    if (r == 0) {
        r = list_digests(s,
                         "SELECT DISTINCT u.image_id FROM view AS v "
                         "JOIN layer AS l ON l.diff_id = v.diff_id "
                         "JOIN image_layer AS u ON u.chain_id = v.chain_id "
                         "AND u.diff_id = v.diff_id "
                         "WHERE v.form = 'directory' AND v.synced = 1 AND l.whole = 1 "
                         "AND l.synced = 1 "
                         "AND NOT EXISTS (SELECT 1 FROM view_layer WHERE diff_id = l.diff_id)",
                         &ret->images, &ret->n_images, reterr);
    }
    return r;
}
