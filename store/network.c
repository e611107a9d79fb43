/* SPDX-License-Identifier: Apache-2.0 */
#include "store/network.h"

#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>

#include "schema/base/clock.h"
#include "schema/base/fd.h"
#include "store/container_name.h"
#include "store/store_handle.h"

#define LOCK_NAME "network" /* in the store's root */

#define COLUMNS                                                                                  \
    "id, name, bridge, subnet4, gateway4, range4, subnet6, gateway6, internal, fixed, options, " \
    "labels, created_ns, no_dns"

void network_done(struct network *n)
{
    free(n->name);
    free(n->options);
    free(n->labels);
    n->name = n->options = n->labels = NULL;
}

void network_list_done(struct network_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        network_done(&list->items[i]);
    }
    free(list->items);
    *list = (struct network_list){ .n = 0 };
}

int network_check_name(struct imgc_str name, struct imgc_err *reterr)
{
    static const char *const words[] = { "none", "host",    "default", "container",
                                         "ns",   "private", "pasta",   "slirp4netns" };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (imgc_str_eq(name, imgc_str_of(words[i]))) {
            return imgc_fail(reterr, IMGC_E_USAGE, "'%s' means something else to --network",
                             words[i]);
        }
    }
    int r = container_name_check(name, reterr);
    return r < 0 ? imgc_fail(reterr, IMGC_E_USAGE,
                             "network name '" IMGC_STR_FMT
                             "': letters, digits, '_', '.' and '-', a letter or digit first",
                             IMGC_STR_ARG(name))
                 : 0;
}

static int make_id(char id[NETWORK_ID_MAX], struct imgc_err *reterr)
{
    uint8_t bytes[32];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return imgc_fail_sys(reterr, errno, "get random bytes");
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        (void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    }
    return 0;
}

static void bind_net(struct db_stmt *st, int i, const struct ip_net *n)
{
    char text[IP_NET_TEXT_MAX];
    db_bind_text(st, i, ip_net_text(n, text));
}

static void bind_addr(struct db_stmt *st, int i, const struct ip_addr *a)
{
    char text[IP_TEXT_MAX];
    db_bind_text(st, i, ip_text(a, text));
}

/* Parameters 3 to 8, in the order of COLUMNS. */
static void bind_place(struct db_stmt *st, const struct network *n)
{
    db_bind_text(st, 3, n->bridge);
    bind_net(st, 4, &n->subnet4);
    bind_addr(st, 5, &n->gateway4);
    bind_net(st, 6, &n->range4);
    bind_net(st, 7, &n->subnet6);
    bind_addr(st, 8, &n->gateway6);
}

int network_insert(struct store *s, struct network *n, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = make_id(n->id, reterr);
    r = r < 0 ? r : db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    n->created_ns = clock_now_ns();
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT INTO network (" COLUMNS ") VALUES "
                          "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
    db_bind_text(&st, 1, n->id);
    db_bind_text(&st, 2, n->name);
    bind_place(&st, n);
    db_bind_int(&st, 9, n->is_internal);
    db_bind_int(&st, 10, n->is_fixed);
    db_bind_text(&st, 11, n->options ? n->options : "{}");
    db_bind_text(&st, 12, n->labels ? n->labels : "{}");
    db_bind_int(&st, 13, n->created_ns);
    db_bind_int(&st, 14, n->no_dns);
    r = db_run(&st, reterr);
    if (r == -(int)IMGC_E_EXISTS) {
        return imgc_fail(reterr, IMGC_E_EXISTS, "a network named '%s' exists", n->name);
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

/* Rows are ours: a text that is none reads as "none". */
static void net_col(struct db_stmt *st, int i, struct ip_net *ret)
{
    *ret = (struct ip_net){ .prefix = 0 };
    (void)ip_net_parse(imgc_str_of(db_col_text(st, i)), ret);
}

static void addr_col(struct db_stmt *st, int i, struct ip_addr *ret)
{
    *ret = (struct ip_addr){ .family = 0 };
    (void)ip_parse(imgc_str_of(db_col_text(st, i)), ret);
}

static int from_row(struct db_stmt *st, struct network *ret, struct imgc_err *reterr)
{
    network_auto struct network n = { .name = NULL };

    (void)snprintf(n.id, sizeof n.id, "%s", db_col_text(st, 0));
    (void)snprintf(n.bridge, sizeof n.bridge, "%s", db_col_text(st, 2));
    net_col(st, 3, &n.subnet4);
    addr_col(st, 4, &n.gateway4);
    net_col(st, 5, &n.range4);
    net_col(st, 6, &n.subnet6);
    addr_col(st, 7, &n.gateway6);
    n.is_internal = db_col_int(st, 8) != 0;
    n.is_fixed = db_col_int(st, 9) != 0;
    n.created_ns = db_col_int(st, 12);
    n.no_dns = db_col_int(st, 13) != 0;
    int r = db_col_dup(st, 1, &n.name, reterr);
    r = r < 0 ? r : db_col_dup(st, 10, &n.options, reterr);
    r = r < 0 ? r : db_col_dup(st, 11, &n.labels, reterr);
    if (r == 0) {
        *ret = n;
        memset(&n, 0, sizeof n);
    }
    return r;
}

/* Rows of a prepared query, which has the columns COLUMNS. */
static int read_rows(struct db_stmt *st, struct network_list *ret, struct imgc_err *reterr)
{
    network_list_auto struct network_list list = { .n = 0 };
    int r;

    while ((r = db_step(st, reterr)) == DB_ROW) {
        struct network *items = reallocarray(list.items, list.n + 1, sizeof *items);
        if (!items) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        list.items = items;
        r = from_row(st, &items[list.n], reterr);
        if (r < 0) {
            return r;
        }
        list.n++;
    }
    if (r == 0) {
        *ret = list;
        memset(&list, 0, sizeof list);
    }
    return r;
}

int network_list(struct store *s, struct network_list *ret, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT " COLUMNS " FROM network ORDER BY name");
    return read_rows(&st, ret, reterr);
}

int network_find(struct store *s, struct imgc_str name, struct network *ret,
                 struct imgc_err *reterr)
{
    network_list_auto struct network_list list = { .n = 0 };
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    /* The name first: a network may be called "cafe". */
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT " COLUMNS " FROM network WHERE name = ?1 OR "
                          "(length(?1) >= 4 AND substr(id, 1, length(?1)) = ?1) "
                          "ORDER BY name <> ?1 LIMIT 3");
    db_bind_str(&st, 1, name);
    r = read_rows(&st, &list, reterr);
    if (r < 0 || list.n == 0) {
        return r < 0 ? r : NETWORK_MISSING;
    }
    if (list.n > 1 && !imgc_str_eq(name, imgc_str_of(list.items[0].name))) {
        return imgc_fail(reterr, IMGC_E_AMBIGUOUS, "several networks start with '" IMGC_STR_FMT "'",
                         IMGC_STR_ARG(name));
    }
    *ret = list.items[0];
    list.items[0] = (struct network){ .name = NULL };
    return 0;
}

int network_update(struct store *s, const struct network *n, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "UPDATE network SET bridge = ?3, subnet4 = ?4, gateway4 = ?5, "
                          "range4 = ?6, subnet6 = ?7, gateway6 = ?8 WHERE id = ?1");
    db_bind_text(&st, 1, n->id);
    bind_place(&st, n);
    r = db_run(&st, reterr);
    if (r == 0 && db_changes(s->db) == 0) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "network '%s' is gone", n->name);
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

int network_remove(struct store *s, const struct network *n, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(s->db, "DELETE FROM network WHERE id = ?1");
    db_bind_text(&st, 1, n->id);
    r = db_run(&st, reterr);
    if (r == -(int)IMGC_E_NOTFOUND) { /* its leases refer to it */
        return imgc_fail(reterr, IMGC_E_INUSE, "network '%s' has containers on it", n->name);
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

int network_lock(struct store *s, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = fd_open_at(s->root_fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &fd, reterr);
    if (r < 0) {
        return r;
    }
    while (flock(fd, LOCK_EX) < 0) {
        if (errno != EINTR) {
            return imgc_fail_sys(reterr, errno, "lock the networks of '%s'", s->root);
        }
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}
