/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lease.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "schema/base/clock.h"
#include "schema/base/fd.h"
#include "schema/base/process.h"
#include "store/paths.h"
#include "store/store_handle.h"

#define ID_MAX 17 /* 16 hex digits and the NUL */

struct lease {
    struct store *s;
    char id[ID_MAX];
    char path[PATHS_MAX];
    int dir_fd;
    atomic_uint next_name;
    bool has_row;
};

static int insert_row(struct lease *l, struct imgc_err *reterr)
{
    struct process_id self;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = process_identify(0, &self, reterr);
    if (r < 0) {
        return r;
    }
    r = db_begin(l->s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(l->s->db, "INSERT INTO lease (id, pid, start_ticks, boot_id, created_ns) "
                             "VALUES (?1, ?2, ?3, ?4, ?5)");
    db_bind_text(&st, 1, l->id);
    db_bind_int(&st, 2, self.pid);
    db_bind_int(&st, 3, (int64_t)self.start_ticks);
    db_bind_text(&st, 4, self.boot_id);
    db_bind_int(&st, 5, clock_now_ns());
    r = db_run(&st, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

/* Everything that can fail; what was made so far goes with lease_end(). */
static int begin(struct lease *l, struct imgc_err *reterr)
{
    uint64_t random = 0;

    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
        return imgc_fail_sys(reterr, errno, "get random bytes");
    }
    (void)snprintf(l->id, sizeof l->id, "%016llx", (unsigned long long)random);
    (void)paths_lease(l->id, l->path);

    /* Row first: a directory in tmp/ without a row is swept (gc_sweep). */
    int r = insert_row(l, reterr);
    if (r < 0) {
        return imgc_context(reterr, "begin a lease");
    }
    l->has_row = true;
    r = fd_open_dir_at(l->s->root_fd, l->path, 0700, &l->dir_fd, reterr);
    if (r < 0) {
        return r;
    }
    if (fchmod(l->dir_fd, 0700) < 0) {
        return imgc_fail_sys(reterr, errno, "set the mode of '%s'", l->path);
    }
    return 0;
}

int lease_begin(struct store *s, struct lease **ret, struct imgc_err *reterr)
{
    struct lease *l = calloc(1, sizeof *l);
    if (!l) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    l->s = s;
    l->dir_fd = -1;
    int r = begin(l, reterr);
    if (r < 0) {
        (void)lease_end(l);
        return r;
    }
    *ret = l;
    return 0;
}

static void delete_row(struct lease *l)
{
    struct imgc_err err; /* what fails here is left to gc_sweep() */
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    if (db_begin(l->s->db, DB_WRITE, &tx, &err) < 0) {
        return;
    }
    db_stmt_auto struct db_stmt st = db_prepare(l->s->db, "DELETE FROM lease WHERE id = ?1");
    db_bind_text(&st, 1, l->id);
    if (db_run(&st, &err) == 0) {
        (void)!db_commit(&tx, &err);
    }
}

struct lease *lease_end(struct lease *l)
{
    struct imgc_err err;

    if (l) {
        if (l->has_row) {
            (void)!fd_remove_tree(l->s->root_fd, l->path, NULL, &err);
            delete_row(l);
        }
        imgc_closep(&l->dir_fd);
        free(l);
    }
    return NULL;
}

void lease_endp(struct lease **l)
{
    *l = lease_end(*l);
}

int lease_dir_fd(const struct lease *l)
{
    return l->dir_fd;
}

void lease_name(struct lease *l, char out[LEASE_NAME_MAX])
{
    (void)snprintf(out, LEASE_NAME_MAX, "n%u", atomic_fetch_add(&l->next_name, 1));
}

const char *lease_path(const struct lease *l)
{
    return l->path;
}

int lease_hold(struct lease *l, enum lease_kind kind, const struct digest *digest,
               struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st =
        db_prepare(l->s->db, "INSERT OR IGNORE INTO lease_item (lease_id, kind, digest) "
                             "VALUES (?1, ?2, ?3)");
    db_bind_text(&st, 1, l->id);
    db_bind_text(&st, 2, kind == LEASE_BLOB ? "blob" : "layer");
    db_bind_digest(&st, 3, digest);
    return db_run(&st, reterr);
}
