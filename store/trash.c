/* SPDX-License-Identifier: Apache-2.0 */
#include "store/trash.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "store/gc_items.h"
#include "store/store_handle.h"

#define BATCH 256 /* renames under one write lock: a few milliseconds */
#define NAME_MAX_LEN (sizeof PATHS_TRASH + 18)

int trash_add(struct store *s, const struct place *p, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT OR REPLACE INTO trash (path, kind, key, settled) "
                          "VALUES (?1, ?2, ?3, 0)");

    db_bind_text(&st, 1, p->path);
    db_bind_text(&st, 2, place_kind_name(p->kind));
    db_bind_text(&st, 3, p->key);
    return db_run(&st, reterr);
}

static int has_path(struct store *s, const char *sql, const char *path, bool *ret,
                    struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(s->db, sql);

    db_bind_text(&st, 1, path);
    int r = db_step(&st, reterr);
    if (r >= 0) {
        *ret = r == DB_ROW;
    }
    return r < 0 ? r : 0;
}

int trash_has(struct store *s, const struct place *p, bool *ret, struct imgc_err *reterr)
{
    static const char sql[] = "SELECT 1 FROM trash WHERE path = ?1";
    char layer[PATHS_MAX];

    int r = has_path(s, sql, p->path, ret, reterr);
    if (r < 0 || *ret || !place_layer_of(p, layer)) {
        return r;
    }
    return has_path(s, sql, layer, ret, reterr);
}

/* The commit is on the disk when it returns, and with it every one before it. */
static int settle(struct store *s, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_DURABLE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE trash SET settled = 1 WHERE settled = 0");
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

int trash_begin_publish(struct store *s, const struct place *p, struct db_tx *ret,
                        struct imgc_err *reterr)
{
    for (;;) {
        bool is_unsettled = false;
        db_tx_auto struct db_tx tx = DB_TX_INIT;
        int r = db_begin(s->db, DB_WRITE, &tx, reterr);
        if (r == 0) {
            r = has_path(s, "SELECT 1 FROM trash WHERE path = ?1 AND settled = 0", p->path,
                         &is_unsettled, reterr);
        }
        if (r < 0) {
            return r;
        }
        if (!is_unsettled) {
            *ret = tx;
            tx = (struct db_tx)DB_TX_INIT;
            return 0;
        }
        db_end(&tx);
        r = settle(s, reterr);
        if (r < 0) {
            return r;
        }
    }
}

/* ---- into tmp/trash/ ---- */

static int make_name(struct store *s, char out[NAME_MAX_LEN], struct imgc_err *reterr)
{
    uint64_t random = 0;

    if (mkdirat(s->root_fd, PATHS_TRASH, 0700) < 0 && errno != EEXIST) {
        return imgc_fail_sys(reterr, errno, "create '%s/" PATHS_TRASH "'", s->root);
    }
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
        return imgc_fail_sys(reterr, errno, "get random bytes");
    }
    (void)snprintf(out, NAME_MAX_LEN, PATHS_TRASH "/%016llx", (unsigned long long)random);
    return 0;
}

/* The process that empties the directory removes it as well: then it is made again. */
static int move(struct store *s, const char *path, struct imgc_err *reterr)
{
    for (;;) {
        char name[NAME_MAX_LEN];
        struct stat st;
        int r = make_name(s, name, reterr);
        if (r < 0) {
            return r;
        }
        int e = place_rename(s->root_fd, path, s->root_fd, name);
        if (e == 0 || (e == ENOENT && fstatat(s->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)) {
            return 0;
        }
        if (e != ENOENT) {
            return imgc_fail_sys(reterr, e, "move '%s' out of the store", path);
        }
    }
}

int trash_take_stray(struct store *s, const char *name, struct imgc_err *reterr)
{
    char path[PATHS_MAX];

    (void)snprintf(path, sizeof path, PATHS_TMP "/%.255s", name);
    return move(s, path, reterr);
}

static int next_items(struct store *s, struct gc_items *list, struct imgc_err *reterr)
{
    int r;
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT path, kind, key FROM trash WHERE settled = 1 LIMIT ?1");

    db_bind_int(&st, 1, BATCH);
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        struct place p = { .kind = place_kind_of(db_col_text(&st, 1)) };
        (void)snprintf(p.path, sizeof p.path, "%s", db_col_text(&st, 0));
        (void)snprintf(p.key, sizeof p.key, "%s", db_col_text(&st, 2));
        r = gc_items_add(list, &p, reterr);
        if (r < 0) {
            return r;
        }
    }
    return r;
}

/* And not the disk's: the next one can be moved. */
static bool is_fault_of_item(int errnum)
{
    return errnum == EPERM || errnum == EACCES || errnum == EBUSY || errnum == EINVAL;
}

/* What came back meanwhile has a row, and stays. What cannot be moved stays too, as a file that no
 * row names: each gc_collect() tries it again. */
static int move_item(struct store *s, const struct place *p, struct imgc_err *reterr)
{
    bool has_row = true;
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "DELETE FROM trash WHERE path = ?1");

    int r = place_has_row(s, p, &has_row, reterr);
    if (r == 0 && !has_row) {
        r = move(s, p->path, reterr);
        r = r < 0 && is_fault_of_item(reterr->sys) ? 0 : r;
    }
    if (r < 0) {
        return r;
    }
    db_bind_text(&st, 1, p->path);
    return db_run(&st, reterr);
}

/* @ret_n  how many rows were dealt with. */
static int move_batch(struct store *s, size_t *ret_n, struct imgc_err *reterr)
{
    gc_items_auto struct gc_items list = { .n = 0 };
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r == 0) {
        r = next_items(s, &list, reterr);
    }
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        r = move_item(s, &list.items[i], reterr);
    }
    *ret_n = list.n;
    return r < 0 ? r : db_commit(&tx, reterr);
}

/* ---- out of it ---- */

struct removal {
    struct store *s;
    size_t n; /* entries that went */
};

static int remove_entry(void *arg, const char *name, struct imgc_err *reterr)
{
    struct removal *rm = arg;
    struct imgc_err ignored; /* what cannot be removed (a mount) stays, and the others go */
    char path[sizeof PATHS_TRASH + 256];

    (void)reterr;
    (void)snprintf(path, sizeof path, PATHS_TRASH "/%.255s", name);
    rm->n += fd_remove_tree(rm->s->root_fd, path, NULL, &ignored) == 0;
    return 0;
}

/* Until the directory can go too: others may put something into it meanwhile. */
static int remove_all(struct store *s, struct imgc_err *reterr)
{
    struct removal rm;

    do {
        rm = (struct removal){ .s = s };
        int r = gc_items_list_dir(s, PATHS_TRASH, remove_entry, &rm, reterr);
        if (r < 0) {
            return r;
        }
    } while (unlinkat(s->root_fd, PATHS_TRASH, AT_REMOVEDIR) < 0 && errno == ENOTEMPTY && rm.n > 0);
    return 0;
}

int trash_empty(struct store *s, struct imgc_err *reterr)
{
    size_t n = 0;

    int r = settle(s, reterr);
    do {
        if (r == 0) {
            r = move_batch(s, &n, reterr);
        }
    } while (r == 0 && n > 0);
    return r < 0 ? r : remove_all(s, reterr);
}
