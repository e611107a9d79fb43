/* SPDX-License-Identifier: Apache-2.0 */
/* What container.h offers for reading: by name, by ID, all. */
#include <stdio.h>

#include "store/container.h"
#include "store/store_handle.h"

#define COLUMNS                                                                                \
    "SELECT id, name, image_id, image_name, command, spec_json, auto_remove, init_pid, "       \
    "init_start, owner_pid, owner_start, boot_id, cgroup, exit_code, oom_killed, created_ns, " \
    "started_ns, finished_ns, stop_signal, stop_timeout_s, labels FROM container "

void container_done(struct container *c)
{
    free(c->name);
    free(c->image_name);
    free(c->command);
    free(c->spec_json);
    free(c->cgroup);
    free(c->labels);
    *c = (struct container){ .created_ns = 0 };
}

void container_list_done(struct container_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        container_done(&list->items[i]);
    }
    free(list->items);
    *list = (struct container_list){ .n = 0 };
}

static void process_from_row(struct db_stmt *st, int i, struct process_id *ret)
{
    ret->pid = (pid_t)db_col_int(st, i);
    ret->start_ticks = (uint64_t)db_col_int(st, i + 1);
    (void)snprintf(ret->boot_id, sizeof ret->boot_id, "%s", db_col_text(st, 11));
}

static int texts_from_row(struct db_stmt *st, struct container *c, struct imgc_err *reterr)
{
    const struct {
        int column;
        char **ret;
    } texts[] = { { 1, &c->name },      { 3, &c->image_name }, { 4, &c->command },
                  { 5, &c->spec_json }, { 12, &c->cgroup },    { 20, &c->labels } };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int r = db_col_dup(st, texts[i].column, texts[i].ret, reterr);
        if (r < 0) {
            return r;
        }
    }
    return db_col_is_null(st, 2) ? 0 : db_col_digest(st, 2, &c->image_id, reterr);
}

/* @c is filled as far as it went also on failure: container_done() frees it. */
static int from_row(struct db_stmt *st, struct container *c, struct imgc_err *reterr)
{
    *c = (struct container){
        .auto_remove = db_col_int(st, 6) != 0,
        .exit_code = db_col_is_null(st, 13) ? -1 : (int)db_col_int(st, 13),
        .oom_killed = db_col_int(st, 14) != 0,
        .created_ns = db_col_int(st, 15),
        .started_ns = db_col_int(st, 16),
        .finished_ns = db_col_int(st, 17),
        .stop_signal = (int)db_col_int(st, 18),
        .stop_timeout_s = db_col_int(st, 19),
    };
    (void)snprintf(c->id, sizeof c->id, "%s", db_col_text(st, 0));
    process_from_row(st, 7, &c->init);
    process_from_row(st, 9, &c->owner);
    return texts_from_row(st, c, reterr);
}

/* Asks the kernel; after the transaction, because it reads files of /proc. */
static void find_status(struct container *c)
{
    if (c->started_ns == 0) {
        c->status = CONTAINER_CREATED;
    } else if (c->finished_ns == 0 && c->init.pid > 0 && process_alive(&c->init)) {
        c->status = CONTAINER_RUNNING;
    } else {
        c->status = CONTAINER_EXITED;
    }
}

/* @st gives at most two rows that matter. @return 0; CONTAINER_MISSING; -AMBIGUOUS. */
static int only_row(struct db_stmt *st, struct imgc_str name, struct container *ret,
                    struct imgc_err *reterr)
{
    container_auto struct container c = { .created_ns = 0 };

    int r = db_step(st, reterr);
    if (r != DB_ROW) {
        return r < 0 ? r : CONTAINER_MISSING;
    }
    r = from_row(st, &c, reterr);
    if (r == 0) {
        r = db_step(st, reterr);
    }
    if (r == DB_ROW) {
        return imgc_fail(reterr, IMGC_E_AMBIGUOUS,
                         "container ID '" IMGC_STR_FMT "' fits several containers",
                         IMGC_STR_ARG(name));
    }
    if (r == 0) {
        *ret = c;
        c = (struct container){ .created_ns = 0 };
    }
    return r;
}

static int find_name(struct store *s, struct imgc_str name, struct container *ret,
                     struct imgc_err *reterr)
{
    db_stmt_auto struct db_stmt st = db_prepare(s->db, COLUMNS "WHERE name = ?1");

    db_bind_str(&st, 1, name);
    return only_row(&st, name, ret, reterr);
}

static bool may_be_id(struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))) {
            return false;
        }
    }
    return s.len >= 1 && s.len < CONTAINER_ID_MAX;
}

static int find_prefix(struct store *s, struct imgc_str prefix, struct container *ret,
                       struct imgc_err *reterr)
{
    char end[CONTAINER_ID_MAX + 1]; /* the prefix and 'g', which is above every digit */

    (void)snprintf(end, sizeof end, IMGC_STR_FMT "g", IMGC_STR_ARG(prefix));
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, COLUMNS "WHERE id >= ?1 AND id < ?2 LIMIT 2");
    db_bind_str(&st, 1, prefix);
    db_bind_text(&st, 2, end);
    return only_row(&st, prefix, ret, reterr);
}

static int find(struct store *s, struct imgc_str name, struct container *ret,
                struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r == 0) {
        r = find_name(s, name, ret, reterr);
    }
    return r == CONTAINER_MISSING && may_be_id(name) ? find_prefix(s, name, ret, reterr) : r;
}

int container_find(struct store *s, struct imgc_str name, struct container *ret,
                   struct imgc_err *reterr)
{
    int r = find(s, name, ret, reterr);
    if (r == 0) {
        find_status(ret);
    }
    return r;
}

static int load_all(struct store *s, struct container_list *list, struct imgc_err *reterr)
{
    size_t room = 0;
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(s->db, COLUMNS "ORDER BY created_ns DESC, id");
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        if (list->n == room) {
            room = room ? room * 2 : 16;
            struct container *p = reallocarray(list->items, room, sizeof *p);
            if (!p) {
                return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
            }
            list->items = p;
        }
        r = from_row(&st, &list->items[list->n++], reterr);
        if (r < 0) {
            return r;
        }
    }
    return r;
}

int container_list(struct store *s, struct container_list *ret, struct imgc_err *reterr)
{
    container_list_auto struct container_list list = { .n = 0 };

    int r = load_all(s, &list, reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < list.n; i++) {
        find_status(&list.items[i]);
    }
    *ret = list;
    list = (struct container_list){ .n = 0 };
    return 0;
}
