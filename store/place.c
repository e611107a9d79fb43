/* SPDX-License-Identifier: Apache-2.0 */
#include "store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store/store_handle.h"

#define BATCH 256 /* renames under one write lock: a few milliseconds */

void place_blob(struct place *p, const struct digest *digest)
{
    p->kind = PLACE_BLOB;
    (void)digest_text(digest, p->key);
    (void)paths_blob(digest, p->path);
}

void place_layer(struct place *p, const struct digest *diff_id)
{
    p->kind = PLACE_LAYER;
    (void)digest_text(diff_id, p->key);
    (void)paths_layer(diff_id, p->path);
}

void place_view(struct place *p, const struct digest *diff_id, const struct digest *chain_id)
{
    p->kind = PLACE_VIEW;
    (void)digest_text(chain_id, p->key);
    (void)paths_view(diff_id, chain_id, p->path);
}

void place_erofs(struct place *p, const struct digest *chain_id)
{
    p->kind = PLACE_EROFS;
    (void)digest_text(chain_id, p->key);
    (void)paths_erofs(chain_id, p->path);
}

void place_container(struct place *p, const char *id)
{
    p->kind = PLACE_CONTAINER;
    (void)snprintf(p->key, sizeof p->key, "%s", id);
    (void)paths_container(id, p->path);
}

void place_volume(struct place *p, const char *name)
{
    p->kind = PLACE_VOLUME;
    (void)snprintf(p->key, sizeof p->key, "%s", name);
    (void)snprintf(p->path, sizeof p->path, PATHS_VOLUMES "/%.255s", name);
}

static const char *const kind_names[] = {
    [PLACE_BLOB] = "blob",   [PLACE_LAYER] = "layer",         [PLACE_VIEW] = "view",
    [PLACE_EROFS] = "erofs", [PLACE_CONTAINER] = "container", [PLACE_VOLUME] = "volume",
};

const char *place_kind_name(enum place_kind kind)
{
    return kind_names[kind];
}

enum place_kind place_kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof kind_names / sizeof *kind_names; i++) {
        if (strcmp(kind_names[i], name) == 0) {
            return (enum place_kind)i;
        }
    }
    return PLACE_BLOB;
}

bool place_layer_of(const struct place *p, char out[PATHS_MAX])
{
    const char *end = strstr(p->path, "/fs/");

    if (p->kind != PLACE_VIEW || !end) {
        return false;
    }
    (void)snprintf(out, PATHS_MAX, "%.*s", (int)(end - p->path), p->path);
    return true;
}

int place_has_row(struct store *s, const struct place *p, bool *ret, struct imgc_err *reterr)
{
    static const char *const sql[] = {
        [PLACE_BLOB] = "SELECT 1 FROM blob WHERE digest = ?1",
        [PLACE_LAYER] = "SELECT 1 FROM layer WHERE diff_id = ?1",
        [PLACE_VIEW] = "SELECT 1 FROM view WHERE chain_id = ?1 AND form = 'directory'",
        [PLACE_EROFS] = "SELECT 1 FROM view WHERE chain_id = ?1 AND form = 'erofs'",
        [PLACE_CONTAINER] = "SELECT 1 FROM container WHERE id = ?1",
        [PLACE_VOLUME] = "SELECT 1 FROM volume WHERE name = ?1",
    };
    db_stmt_auto struct db_stmt st = db_prepare(s->db, sql[p->kind]);

    db_bind_text(&st, 1, p->key);
    int r = db_step(&st, reterr);
    if (r >= 0) {
        *ret = r == DB_ROW;
    }
    return r < 0 ? r : 0;
}

/* An ordinary user may move a directory only while he may write to it (its ".." changes), and the
 * root of an image may have any mode. */
static int rename_closed_dir(int from_fd, const char *from, int to_fd, const char *to)
{
    struct stat st;

    if (fstatat(from_fd, from, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno;
    }
    if (!S_ISDIR(st.st_mode) || (st.st_mode & 0200) != 0) {
        return EACCES;
    }
    if (fchmodat(from_fd, from, (st.st_mode & 07777) | 0200, 0) < 0) {
        return errno;
    }
    int e = renameat(from_fd, from, to_fd, to) < 0 ? errno : 0;
    if (fchmodat(e ? from_fd : to_fd, e ? from : to, st.st_mode & 07777, 0) < 0 && e == 0) {
        e = errno;
    }
    return e;
}

int place_rename(int from_fd, const char *from, int to_fd, const char *to)
{
    if (renameat(from_fd, from, to_fd, to) == 0) {
        return 0;
    }
    return errno == EACCES ? rename_closed_dir(from_fd, from, to_fd, to) : errno;
}

/* Rename @p into the lease's directory. */
static int move_out(struct store *s, struct lease *l, const struct place *p,
                    struct imgc_err *reterr)
{
    char name[LEASE_NAME_MAX];

    lease_name(l, name);
    int e = place_rename(s->root_fd, p->path, lease_dir_fd(l), name);
    return e == 0 || e == ENOENT ? 0
                                 : imgc_fail_sys(reterr, e, "move '%s' out of the store", p->path);
}

int place_publish(struct store *s, struct lease *l, const char *name, const struct place *p,
                  struct imgc_err *reterr)
{
    int r = move_out(s, l, p, reterr);
    if (r < 0) {
        return r;
    }
    int e = place_rename(lease_dir_fd(l), name, s->root_fd, p->path);
    return e == 0 ? 0 : imgc_fail_sys(reterr, e, "put '%s' into the store", p->path);
}

static int withdraw_batch(struct store *s, struct lease *l, const struct place *items, size_t n,
                          struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    for (size_t i = 0; r == 0 && i < n; i++) {
        bool has_row = true;
        r = place_has_row(s, &items[i], &has_row, reterr);
        if (r == 0 && !has_row) {
            r = move_out(s, l, &items[i], reterr);
        }
    }
    return r; /* nothing was written: the transaction was for its lock */
}

int place_withdraw(struct store *s, struct lease *l, const struct place *items, size_t n,
                   struct imgc_err *reterr)
{
    for (size_t i = 0; i < n; i += BATCH) {
        int r = withdraw_batch(s, l, items + i, n - i < BATCH ? n - i : BATCH, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}
