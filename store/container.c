/* SPDX-License-Identifier: Apache-2.0 */
#include "store/container.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "schema/base/clock.h"
#include "schema/base/fd.h"
#include "store/behind.h"
#include "store/container_name.h"
#include "store/store_handle.h"
#include "store/trash.h"
#include "store/volume.h"

#define NAME_TRIES 16

static int random_bytes(void *ptr, size_t len, struct imgc_err *reterr)
{
    if (getrandom(ptr, len, 0) != (ssize_t)len) {
        return imgc_fail_sys(reterr, errno, "get random bytes");
    }
    return 0;
}

int container_make_id(char ret[CONTAINER_ID_MAX], struct imgc_err *reterr)
{
    uint8_t bytes[32];

    int r = random_bytes(bytes, sizeof bytes, reterr);
    for (size_t i = 0; r == 0 && i < sizeof bytes; i++) {
        (void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
    }
    return r;
}

static int is_taken(struct store *s, const char *name, bool *ret, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "SELECT 1 FROM container WHERE name = ?1");

    db_bind_text(&st, 1, name);
    int r = db_step(&st, reterr);
    if (r >= 0) {
        *ret = r == DB_ROW;
    }
    return r < 0 ? r : 0;
}

/* Inside the transaction that inserts the row, so that a free name stays free. */
static int make_name(struct store *s, char **ret, struct imgc_err *reterr)
{
    char name[CONTAINER_NAME_MADE_MAX];
    bool taken = true;

    for (int i = 0; taken && i < NAME_TRIES; i++) {
        uint64_t random = 0;
        int r = random_bytes(&random, sizeof random, reterr);
        if (r < 0) {
            return r;
        }
        (void)container_name_make(random, i > NAME_TRIES / 2, name);
        r = is_taken(s, name, &taken, reterr);
        if (r < 0) {
            return r;
        }
    }
    return imgc_str_dup(imgc_str_of(name), ret, reterr);
}

/* Name the container that has the name: what is to be removed, or what is meant. */
static int name_taken(struct store *s, const char *name, struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "SELECT id FROM container WHERE name = ?1");

    db_bind_text(&st, 1, name);
    int r = db_step(&st, reterr);
    if (r < 0) {
        return r;
    }
    return imgc_fail(reterr, IMGC_E_EXISTS, "the name '%s' is taken by container %.12s", name,
                     r == DB_ROW ? db_col_text(&st, 0) : "");
}

static void bind_owner(struct db_stmt *st, int i, const struct process_id *owner)
{
    db_bind_int(st, i, owner->pid);
    db_bind_int(st, i + 1, (int64_t)owner->start_ticks);
    db_bind_text(st, i + 2, owner->boot_id);
}

static void bind_made(struct db_stmt *st, const struct container *c, const char *name)
{
    db_bind_text(st, 1, c->id);
    db_bind_text(st, 2, name);
    db_bind_digest(st, 3, &c->image_id);
    db_bind_text(st, 4, c->image_name ? c->image_name : "");
    db_bind_text(st, 5, c->command ? c->command : "");
    db_bind_text(st, 6, c->spec_json ? c->spec_json : "");
    db_bind_int(st, 7, c->auto_remove);
    db_bind_int(st, 8, c->created_ns);
    db_bind_int(st, 9, c->stop_signal ? c->stop_signal : SIGTERM);
    db_bind_int(st, 10, c->stop_timeout_s);
    db_bind_text(st, 11, c->labels ? c->labels : "{}");
}

static int insert_row(struct store *s, const struct container *c, const char *name,
                      struct imgc_err *reterr)
{
    struct process_id owner = { .pid = 0 };

    int r = c->is_unowned ? 0 : process_identify(0, &owner, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "INSERT INTO container (id, name, image_id, image_name, command, spec_json, "
               "auto_remove, created_ns, stop_signal, stop_timeout_s, labels, owner_pid, "
               "owner_start, boot_id) "
               "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
    bind_made(&st, c, name);
    bind_owner(&st, 12, &owner);
    r = db_run(&st, reterr);
    switch (-r) {
    case IMGC_E_EXISTS:
        return name_taken(s, name, reterr);
    case IMGC_E_NOTFOUND:
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "image '%s' is gone",
                         c->image_name ? c->image_name : "");
    default:
        return r;
    }
}

/* overlayfs shows upper's mode as that of "/" in the container: 0755 whatever the umask. */
static int make_dirs(struct store *s, const char *id, struct imgc_err *reterr)
{
    static const struct {
        const char *name;
        mode_t mode;
    } dirs[] = { { "", 0700 }, { "/upper", 0755 }, { "/work", 0700 } };

    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        char path[PATHS_MAX];
        (void)snprintf(path, sizeof path, PATHS_CONTAINERS "/%s%s", id, dirs[i].name);
        if (mkdirat(s->root_fd, path, dirs[i].mode) < 0 ||
            fchmodat(s->root_fd, path, dirs[i].mode, 0) < 0) {
            return imgc_fail_sys(reterr, errno, "create '%s/%s'", s->root, path);
        }
    }
    return 0;
}

/* Row and directory in one transaction: a crash leaves a directory without row (gc_collect). */
static int create(struct store *s, const struct container *c, char **made_name,
                  struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r == 0 && made_name) {
        r = make_name(s, made_name, reterr);
    }
    if (r == 0) {
        r = insert_row(s, c, made_name ? *made_name : c->name, reterr);
    }
    if (r == 0) {
        r = make_dirs(s, c->id, reterr);
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

static int remove_dir(struct store *s, const char *id, struct imgc_err *reterr)
{
    char path[PATHS_MAX];

    int r = fd_remove_tree(s->root_fd, paths_container(id, path), NULL, reterr);
    return r < 0 && reterr->sys == ENOENT ? 0 : r; /* gc_collect() was faster */
}

int container_create(struct store *s, struct container *c, struct imgc_err *reterr)
{
    imgc_autofree char *made_name = NULL;
    bool make = !c->name || c->name[0] == '\0';

    int r = make ? 0 : container_name_check(imgc_str_of(c->name), reterr);
    if (r == 0 && c->id[0] == '\0') {
        r = container_make_id(c->id, reterr);
    }
    if (r < 0) {
        return r;
    }
    c->created_ns = clock_now_ns();
    r = create(s, c, make ? &made_name : NULL, reterr);
    if (r < 0) {
        struct imgc_err ignored;
        (void)!remove_dir(s, c->id, &ignored);
        return r;
    }
    if (make) {
        free(c->name);
        c->name = imgc_take(made_name);
    }
    return 0;
}

/* Run an UPDATE or DELETE of one container and commit. */
static int change_one(struct store *s, struct db_tx *tx, struct db_stmt *st, const char *id,
                      struct imgc_err *reterr)
{
    int r = db_run(st, reterr);
    if (r == 0 && db_changes(s->db) == 0) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "container %.12s is gone", id);
    }
    return r < 0 ? r : db_commit(tx, reterr);
}

int container_started(struct store *s, const char *id, const struct process_id *init,
                      const char *cgroup, struct imgc_err *reterr)
{
    struct process_id self;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = process_identify(0, &self, reterr);
    if (r == 0) {
        r = db_begin(s->db, DB_WRITE, &tx, reterr);
    }
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "UPDATE container SET init_pid = ?2, init_start = ?3, owner_pid = ?4, "
               "owner_start = ?5, boot_id = ?6, cgroup = ?7, started_ns = ?8, finished_ns = 0, "
               "exit_code = NULL, oom_killed = 0 WHERE id = ?1");
    db_bind_text(&st, 1, id);
    db_bind_int(&st, 2, init->pid);
    db_bind_int(&st, 3, (int64_t)init->start_ticks);
    bind_owner(&st, 4, &self);
    db_bind_text(&st, 7, cgroup);
    db_bind_int(&st, 8, clock_now_ns());
    return change_one(s, &tx, &st, id, reterr);
}

int container_exited(struct store *s, const char *id, int exit_code, bool oom_killed,
                     bool cgroup_remains, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE container SET exit_code = ?2, oom_killed = ?3, finished_ns = ?4, "
                          "owner_pid = 0, cgroup = iif(?5, cgroup, NULL) WHERE id = ?1");
    db_bind_text(&st, 1, id);
    db_bind_int(&st, 2, exit_code);
    db_bind_int(&st, 3, oom_killed);
    db_bind_int(&st, 4, clock_now_ns());
    db_bind_int(&st, 5, cgroup_remains);
    return change_one(s, &tx, &st, id, reterr);
}

static int delete_row(struct store *s, const char *id, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    r = r < 0 ? r : volume_leave(s, id, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "DELETE FROM container WHERE id = ?1");
    db_bind_text(&st, 1, id);
    return change_one(s, &tx, &st, id, reterr);
}

int container_remove(struct store *s, const char *id, struct imgc_err *reterr)
{
    /* An id never comes back, so the directory may go without the write lock. */
    int r = delete_row(s, id, reterr);
    return r < 0 ? r : container_remove_files(s, id, reterr);
}

int container_remove_files(struct store *s, const char *id, struct imgc_err *reterr)
{
    container_remove_run_dir(s, id);
    return remove_dir(s, id, reterr);
}

int container_remove_behind(struct store *s, const char *id, int *hold_fd, struct imgc_err *reterr)
{
    char path[PATHS_MAX];

    int r = delete_row(s, id, reterr);
    return r < 0 ? r : behind_remove(s, paths_container(id, path), hold_fd, reterr);
}

int container_discard(struct store *s, const char *id, struct imgc_err *reterr)
{
    struct place place;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    place_container(&place, id);
    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r == 0) {
        r = trash_add(s, &place, reterr);
    }
    r = r < 0 ? r : volume_leave(s, id, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "DELETE FROM container WHERE id = ?1");
    db_bind_text(&st, 1, id);
    r = change_one(s, &tx, &st, id, reterr);
    if (r == 0) {
        container_remove_run_dir(s, id);
    }
    return r;
}

int container_open_dir(struct store *s, const char *id, int *ret_fd, struct imgc_err *reterr)
{
    size_t len = strlen(id);

    if (len != CONTAINER_ID_MAX - 1 || strspn(id, "0123456789abcdef") != len) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "'%s' is no container ID", id);
    }
    int r =
        fd_open_at(s->containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, reterr);
    return r < 0 ? imgc_context(reterr, "container %.12s", id) : 0;
}
