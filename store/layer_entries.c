/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "schema/base/fd.h"
#include "store/layer.h"
#include "store/paths.h"
#include "store/store_handle.h"

int layer_open_entries(struct store *s, const struct digest *diff_id, int *ret_fd,
                       struct imgc_err *reterr)
{
    char path[PATHS_MAX];

    int r = fd_open_at(s->root_fd, paths_layer_entries(diff_id, path), O_RDONLY | O_NOFOLLOW, 0,
                       ret_fd, reterr);
    return r < 0 && reterr->sys == ENOENT ? LAYER_MISSING : r;
}

/* @return whether the layer has a row; what its entries cost changes by @bytes. */
static int count(struct store *s, const struct digest *diff_id, int64_t bytes, bool *ret_has_row,
                 struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE layer SET disk = disk + ?2 WHERE diff_id = ?1");

    db_bind_digest(&st, 1, diff_id);
    db_bind_int(&st, 2, bytes);
    int r = db_run(&st, reterr);
    *ret_has_row = db_changes(s->db) > 0;
    return r;
}

/* Disk bytes of one file; none where it is not there. */
static int64_t disk_bytes(int dir_fd, const char *path)
{
    struct stat st;

    return fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : (int64_t)st.st_blocks * 512;
}

int layer_put_entries(struct store *s, struct lease *lease, const struct digest *diff_id,
                      const char *name, struct imgc_err *reterr)
{
    char path[PATHS_MAX];
    bool has_row = false;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    (void)paths_layer_entries(diff_id, path);
    r = count(s, diff_id, disk_bytes(lease_dir_fd(lease), name) - disk_bytes(s->root_fd, path),
              &has_row, reterr);
    if (r < 0 || !has_row) {
        return r < 0 ? r : LAYER_MISSING;
    }
    if (renameat(lease_dir_fd(lease), name, s->root_fd, path) < 0) {
        return imgc_fail_sys(reterr, errno, "put '%s' into the store", path);
    }
    return db_commit(&tx, reterr);
}
