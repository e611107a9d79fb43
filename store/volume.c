/* SPDX-License-Identifier: Apache-2.0 */
#include "store/volume.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "schema/base/clock.h"
#include "schema/base/fd.h"
#include "schema/json.h"
#include "store/disk.h"
#include "store/place.h"
#include "store/store_handle.h"
#include "store/trash.h"

void volume_done(struct volume *v)
{
    free(v->name);
    free(v->labels_json);
    *v = (struct volume){ .name = NULL };
}

void volume_list_done(struct volume_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        volume_done(&list->items[i]);
    }
    free(list->items);
    *list = (struct volume_list){ .n = 0 };
}

const char *volume_path(const char *name, char out[PATHS_MAX])
{
    (void)snprintf(out, PATHS_MAX, PATHS_VOLUMES "/%.255s/data", name);
    return out;
}

int volume_make_name(char out[VOLUME_MADE_NAME_MAX], struct imgc_err *reterr)
{
    uint8_t bytes[32];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return imgc_fail_sys(reterr, errno, "get random bytes");
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
    return 0;
}

/* ---- making ---- */

/* docker's mode, whatever the umask: who may enter decides the store's directory. */
static int make_data(int dir_fd, const char *name, struct imgc_err *reterr)
{
    char path[PATHS_MAX];

    (void)snprintf(path, sizeof path, "%.255s/data", name);
    if ((mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST) ||
        (mkdirat(dir_fd, path, 0755) < 0 && errno != EEXIST) ||
        fchmodat(dir_fd, path, 0755, 0) < 0) {
        return imgc_fail_sys(reterr, errno, "create volume '%s'", name);
    }
    return 0;
}

/* A power loss may have taken a directory that nothing had been synced in. */
static int mend_data(struct store *s, const char *name, struct imgc_err *reterr)
{
    imgc_autoclose int dir_fd = -1;
    char path[PATHS_MAX];
    struct stat st;

    if (fstatat(s->root_fd, volume_path(name, path), &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return 0;
    }
    int r = fd_open_at(s->root_fd, PATHS_VOLUMES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &dir_fd,
                       reterr);
    return r < 0 ? r : make_data(dir_fd, name, reterr);
}

static int has_row(struct store *s, const char *name, bool *ret, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "SELECT 1 FROM volume WHERE name = ?1");

    db_bind_text(&st, 1, name);
    int r = db_step(&st, reterr);
    *ret = r == DB_ROW;
    return r < 0 ? r : 0;
}

static int insert(struct store *s, const struct volume_args *args, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT INTO volume (name, anonymous, labels, created_ns) "
                          "VALUES (?1, ?2, ?3, ?4)");

    db_bind_text(&st, 1, args->name);
    db_bind_int(&st, 2, args->is_anonymous);
    db_bind_text(&st, 3, args->labels_json ? args->labels_json : "{}");
    db_bind_int(&st, 4, clock_now_ns());
    return db_run(&st, reterr);
}

static int insert_use(struct store *s, const struct volume_args *args, struct imgc_err *reterr)
{
    if (!args->container_id) {
        return 0;
    }
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "INSERT OR IGNORE INTO volume_use (container_id, volume) VALUES (?1, ?2)");
    db_bind_text(&st, 1, args->container_id);
    db_bind_text(&st, 2, args->name);
    int r = db_run(&st, reterr);
    return -r == IMGC_E_NOTFOUND
               ? imgc_fail(reterr, IMGC_E_NOTFOUND, "container %.12s is gone", args->container_id)
               : r;
}

/* @return 0: it is new; VOLUME_EXISTS. */
static int create(struct store *s, struct lease *l, const struct volume_args *args,
                  const struct place *place, const char *staged, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;
    bool exists = false;

    int r = trash_begin_publish(s, place, &tx, reterr);
    r = r < 0 ? r : has_row(s, args->name, &exists, reterr);
    if (r == 0 && !exists) {
        r = place_publish(s, l, staged, place, reterr);
        r = r < 0 ? r : insert(s, args, reterr);
    }
    r = r < 0 ? r : insert_use(s, args, reterr);
    r = r < 0 ? r : db_commit(&tx, reterr);
    return r < 0 ? r : exists ? VOLUME_EXISTS : 0;
}

/* An empty durable transaction: with it every commit before is on the disk. */
static int settle(struct store *s, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_DURABLE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE volume SET filled = filled WHERE name = ''");
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

int volume_create(struct store *s, struct lease *l, const struct volume_args *args,
                  struct imgc_err *reterr)
{
    char staged[LEASE_NAME_MAX];
    struct place place;

    place_volume(&place, args->name);
    lease_name(l, staged);
    int r = make_data(lease_dir_fd(l), staged, reterr);
    r = r < 0 ? r : create(s, l, args, &place, staged, reterr);
    if (r == VOLUME_EXISTS) {
        struct imgc_err ignored;
        (void)!fd_remove_tree(lease_dir_fd(l), staged, NULL, &ignored);
        int mended = mend_data(s, args->name, reterr);
        return mended < 0 ? mended : r;
    }
    return r < 0 || args->is_anonymous ? r : settle(s, reterr);
}

/* ---- looking ---- */

#define COLUMNS                                                \
    "SELECT name, anonymous, filled, labels, created_ns, "     \
    "(SELECT count(*) FROM volume_use WHERE volume = v.name) " \
    "FROM volume AS v "

static int from_row(struct db_stmt *st, struct volume *ret, struct imgc_err *reterr)
{
    *ret = (struct volume){ .is_anonymous = db_col_int(st, 1) != 0,
                            .is_filled = db_col_int(st, 2) != 0,
                            .created_ns = db_col_int(st, 4),
                            .uses = db_col_size(st, 5) };
    int r = db_col_dup(st, 0, &ret->name, reterr);
    return r < 0 ? r : db_col_dup(st, 3, &ret->labels_json, reterr);
}

int volume_find(struct store *s, const char *name, struct volume *ret, struct imgc_err *reterr)
{
    volume_auto struct volume v = { .name = NULL };
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(s->db, COLUMNS "WHERE name = ?1");
    db_bind_text(&st, 1, name);
    r = db_step(&st, reterr);
    if (r != DB_ROW) {
        return r < 0 ? r : VOLUME_MISSING;
    }
    r = from_row(&st, &v, reterr);
    if (r == 0) {
        *ret = v;
        v = (struct volume){ .name = NULL };
    }
    return r;
}

static int add_item(struct volume_list *list, struct db_stmt *st, struct imgc_err *reterr)
{
    struct volume *p = reallocarray(list->items, list->n + 1, sizeof *p);
    if (!p) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    list->items = p;
    return from_row(st, &p[list->n++], reterr);
}

int volume_list(struct store *s, struct volume_list *ret, struct imgc_err *reterr)
{
    volume_list_auto struct volume_list list = { .n = 0 };
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(s->db, COLUMNS "ORDER BY name");
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        r = add_item(&list, &st, reterr);
        if (r < 0) {
            return r;
        }
    }
    if (r == 0) {
        *ret = list;
        list = (struct volume_list){ .n = 0 };
    }
    return r;
}

int volume_users(struct store *s, const char *name, char ***ret, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;
    char **names = calloc(1, sizeof *names);
    size_t n = 0;

    int r = names ? db_begin(s->db, DB_READ, &tx, reterr)
                  : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    if (r < 0) {
        free(names);
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT c.name FROM volume_use AS u JOIN container AS c "
                          "ON c.id = u.container_id WHERE u.volume = ?1 ORDER BY c.name");
    db_bind_text(&st, 1, name);
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        char **p = reallocarray(names, n + 2, sizeof *p);
        if (!p) {
            r = imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
            break;
        }
        names = p;
        names[n + 1] = NULL;
        r = db_col_dup(&st, 0, &names[n], reterr);
        if (r < 0) {
            break;
        }
        n++;
    }
    if (r < 0) {
        names[n] = NULL;
        (void)json_strings_free(names);
        return r;
    }
    *ret = names;
    return 0;
}

int volume_bytes(struct store *s, const char *name, uint64_t *ret, struct imgc_err *reterr)
{
    char path[PATHS_MAX];

    *ret = 0;
    return disk_tree_bytes(s->root_fd, volume_path(name, path), ret, reterr);
}

/* ---- removing ---- */

static int remove_row(struct store *s, const char *name, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "DELETE FROM volume WHERE name = ?1 AND NOT EXISTS (SELECT 1 FROM volume_use "
               "WHERE volume = ?1)");
    bool exists = false;

    db_bind_text(&st, 1, name);
    int r = db_run(&st, reterr);
    if (r < 0 || db_changes(s->db) > 0) {
        return r;
    }
    r = has_row(s, name, &exists, reterr);
    return r < 0 ? r : exists ? VOLUME_USED : VOLUME_MISSING;
}

int volume_remove(struct store *s, const char *name, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;
    struct place place;

    place_volume(&place, name);
    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    r = r < 0 ? r : remove_row(s, name, reterr);
    if (r != 0) {
        return r; /* VOLUME_MISSING and VOLUME_USED are the caller's */
    }
    r = trash_add(s, &place, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

/* The next volume that goes with the container. @ret "": none. */
static int next_follower(struct store *s, const char *container_id, char ret[VOLUME_NAME_MAX],
                         struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "SELECT v.name FROM container AS c JOIN volume_use AS u ON u.container_id = c.id "
               "JOIN volume AS v ON v.name = u.volume "
               "WHERE c.id = ?1 AND c.auto_remove = 1 AND v.anonymous = 1 AND NOT EXISTS "
               "(SELECT 1 FROM volume_use AS o WHERE o.volume = v.name AND o.container_id <> ?1) "
               "LIMIT 1");

    db_bind_text(&st, 1, container_id);
    int r = db_step(&st, reterr);
    (void)snprintf(ret, VOLUME_NAME_MAX, "%s", r == DB_ROW ? db_col_text(&st, 0) : "");
    return r < 0 ? r : 0;
}

static int drop_use(struct store *s, const char *container_id, const char *name,
                    struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "DELETE FROM volume_use WHERE container_id = ?1 AND volume = ?2");

    db_bind_text(&st, 1, container_id);
    db_bind_text(&st, 2, name);
    return db_run(&st, reterr);
}

/* A look that costs next to nothing: each `run --rm` comes here. */
static int has_any(struct store *s, const char *container_id, bool *ret, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT 1 FROM volume_use WHERE container_id = ?1");

    db_bind_text(&st, 1, container_id);
    int r = db_step(&st, reterr);
    *ret = r == DB_ROW;
    return r < 0 ? r : 0;
}

int volume_leave(struct store *s, const char *container_id, struct imgc_err *reterr)
{
    char name[VOLUME_NAME_MAX];
    struct place place;
    bool any = false;

    int r = has_any(s, container_id, &any, reterr);
    while (r == 0 && any) {
        r = next_follower(s, container_id, name, reterr);
        if (r < 0 || name[0] == '\0') {
            break;
        }
        place_volume(&place, name);
        r = drop_use(s, container_id, name, reterr);
        r = r < 0 ? r : remove_row(s, name, reterr); /* 0: nobody else has it, under this lock */
        r = r < 0 ? r : trash_add(s, &place, reterr);
    }
    return r;
}

int volume_follow(struct store *s, const char *container_id, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    /* As those of --rm do. */
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE container SET auto_remove = 1 WHERE id = ?1");
    db_bind_text(&st, 1, container_id);
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}
