/* SPDX-License-Identifier: Apache-2.0 */
/* What volume.h offers for new volumes: their first content. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "store/place.h"
#include "store/store_handle.h"
#include "store/volume.h"

static int is_filled(struct store *s, const char *name, bool *ret, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT 1 FROM volume WHERE name = ?1 AND filled = 0");

    db_bind_text(&st, 1, name);
    int r = db_step(&st, reterr);
    *ret = r != DB_ROW;
    return r < 0 ? r : 0;
}

/* rename() over an empty directory is one step, and refused where something is in it: what an
 * earlier process renamed that was killed before it wrote so, or what the user put there. Under the
 * write lock nobody has begun to use it. */
static int put(struct store *s, struct lease *l, const char *volume, const char *name,
               struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;
    char path[PATHS_MAX];
    bool filled = true;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    r = r < 0 ? r : is_filled(s, volume, &filled, reterr);
    if (r < 0 || filled) {
        return r; /* the transaction was for its lock */
    }
    int e = place_rename(lease_dir_fd(l), name, s->root_fd, volume_path(volume, path));
    return e == 0 || e == ENOTEMPTY || e == EEXIST
               ? 0
               : imgc_fail_sys(reterr, e, "fill volume '%s'", volume);
}

/* That the name leads to the new directory has to be on the disk before the row says so. */
static int sync_parent(struct store *s, const char *volume, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    char path[PATHS_MAX];

    (void)snprintf(path, sizeof path, PATHS_VOLUMES "/%.255s", volume);
    int r = fd_open_at(s->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, reterr);
    if (r == 0 && fsync(fd) < 0) {
        return imgc_fail_sys(reterr, errno, "sync volume '%s'", volume);
    }
    return r;
}

static int note(struct store *s, const char *volume, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE volume SET filled = 1 WHERE name = ?1 AND filled = 0");
    db_bind_text(&st, 1, volume);
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

int volume_fill(struct store *s, struct lease *l, const char *volume, const char *name,
                bool is_disposable, struct imgc_err *reterr)
{
    int r = 0;

    if (name) {
        if (!is_disposable && syncfs(lease_dir_fd(l)) < 0) {
            return imgc_fail_sys(reterr, errno, "sync the content of volume '%s'", volume);
        }
        r = put(s, l, volume, name, reterr);
        r = r < 0 || is_disposable ? r : sync_parent(s, volume, reterr);
    }
    return r < 0 ? r : note(s, volume, reterr);
}
