/* SPDX-License-Identifier: Apache-2.0 */
#include "store/network_lease.h"

#include <stdio.h>
#include <sys/socket.h>

#include "schema/base/process.h"
#include "store/store_handle.h"

#define COLUMNS                                                                               \
    "l.container_id, l.network_id, c.name, l.address4, l.address6, l.mac, l.names, l.ports, " \
    "l.slot, n.no_dns"
#define FROM                                                           \
    " FROM network_lease l JOIN container c ON c.id = l.container_id " \
    "JOIN network n ON n.id = l.network_id "

void network_lease_done(struct network_lease *l)
{
    free(l->container_name);
    free(l->names);
    free(l->ports);
    l->container_name = l->names = l->ports = NULL;
}

void network_lease_list_done(struct network_lease_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        network_lease_done(&list->items[i]);
    }
    free(list->items);
    *list = (struct network_lease_list){ .n = 0 };
}

static int compare_numbers(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

struct numbers {
    uint64_t *items;
    size_t n;
};

static void numbers_done(struct numbers *u)
{
    free(u->items);
    u->items = NULL;
}

#define numbers_auto imgc_auto(numbers_done)

/* Which numbers of @net are taken, ascending. */
static int find_taken(struct store *s, const struct network *n, const struct ip_net *net,
                      struct numbers *ret, struct imgc_err *reterr)
{
    int r;
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, net->addr.family == AF_INET
                              ? "SELECT address4 FROM network_lease WHERE network_id = ?1"
                              : "SELECT address6 FROM network_lease WHERE network_id = ?1");

    db_bind_text(&st, 1, n->id);
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        struct ip_addr a;
        uint64_t *items = reallocarray(ret->items, ret->n + 1, sizeof *items);
        if (!items) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        ret->items = items;
        ret->n +=
            ip_parse(imgc_str_of(db_col_text(&st, 0)), &a) && ip_net_index(net, &a, &items[ret->n]);
    }
    if (r == 0 && ret->n > 0) {
        qsort(ret->items, ret->n, sizeof *ret->items, compare_numbers);
    }
    return r;
}

/* The subnet's own address, the gateway, and in IPv4 the broadcast address are nobody's. */
static bool is_reserved(const struct ip_net *net, const struct ip_addr *gateway,
                        const struct ip_addr *a)
{
    struct ip_addr last = ip_net_last(net);

    return ip_eq(a, gateway) || ip_eq(a, &net->addr) ||
           (a->family == AF_INET && net->prefix < 31 && ip_eq(a, &last));
}

/* The lowest free address of @range, which lies in @net. */
static int find_free(struct store *s, const struct network *n, const struct ip_net *net,
                     const struct ip_net *range, struct ip_addr *ret, struct imgc_err *reterr)
{
    numbers_auto struct numbers taken = { .n = 0 };
    const struct ip_addr *gateway = net == &n->subnet4 ? &n->gateway4 : &n->gateway6;
    char text[IP_NET_TEXT_MAX];
    size_t next = 0;

    int r = find_taken(s, n, range, &taken, reterr);
    if (r < 0) {
        return r;
    }
    for (uint64_t i = 0;; i++) {
        struct ip_addr a;
        while (next < taken.n && taken.items[next] < i) {
            next++;
        }
        if (!ip_net_nth(range, i, &a)) {
            return imgc_fail(reterr, IMGC_E_LIMIT, "network '%s' has no free address in %s",
                             n->name, ip_net_text(range, text));
        }
        if ((next == taken.n || taken.items[next] != i) && !is_reserved(net, gateway, &a)) {
            *ret = a;
            return 0;
        }
    }
}

static int choose(struct store *s, const struct network *n, const struct ip_net *net,
                  struct ip_addr *address, struct imgc_err *reterr)
{
    char text[IP_TEXT_MAX], net_text[IP_NET_TEXT_MAX];
    bool is_4 = net == &n->subnet4;

    if (address->family == 0) {
        const struct ip_net *range = is_4 && n->range4.addr.family != 0 ? &n->range4 : net;
        return net->addr.family == 0 ? 0 : find_free(s, n, net, range, address, reterr);
    }
    if (!ip_net_contains(net, address)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "%s is not in the subnet of network '%s'%s%s",
                         ip_text(address, text), n->name, net->addr.family == 0 ? "" : ", ",
                         ip_net_text(net, net_text));
    }
    if (is_reserved(net, is_4 ? &n->gateway4 : &n->gateway6, address)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "%s is reserved in network '%s'",
                         ip_text(address, text), n->name);
    }
    return 0;
}

/* From the address, as docker does: whoever gets the address next has the same MAC, so what
 * neighbours remember stays true. */
static void make_mac(struct network_lease *l)
{
    static const uint8_t none[IP_MAC_BYTES] = { 0 };
    const struct ip_addr *a = l->address4.family != 0 ? &l->address4 : &l->address6;

    if (memcmp(l->mac, none, sizeof none) != 0) {
        return;
    }
    l->mac[0] = 0x02; /* locally administered */
    l->mac[1] = 0x42;
    memcpy(l->mac + 2, a->bytes + ip_bytes(a->family) - 4, 4);
}

static int insert_row(struct store *s, const struct network *n, const struct network_lease *l,
                      struct imgc_err *reterr)
{
    char four[IP_TEXT_MAX], six[IP_TEXT_MAX], mac[IP_MAC_TEXT_MAX];
    struct process_id self;

    int r = process_identify(0, &self, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "INSERT INTO network_lease (container_id, network_id, address4, "
                          "address6, mac, names, ports, pid, start_ticks, boot_id, slot) "
                          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
    db_bind_text(&st, 1, l->container_id);
    db_bind_text(&st, 2, n->id);
    db_bind_text(&st, 3, ip_text(&l->address4, four));
    db_bind_text(&st, 4, ip_text(&l->address6, six));
    db_bind_text(&st, 5, ip_mac_text(l->mac, mac));
    db_bind_text(&st, 6, l->names ? l->names : "");
    db_bind_text(&st, 7, l->ports ? l->ports : "");
    db_bind_int(&st, 8, self.pid);
    db_bind_int(&st, 9, (int64_t)self.start_ticks);
    db_bind_text(&st, 10, self.boot_id);
    db_bind_int(&st, 11, l->slot);
    r = db_run(&st, reterr);
    if (r == -(int)IMGC_E_EXISTS) {
        return imgc_fail(reterr, IMGC_E_EXISTS, "address %s%s%s of network '%s' is taken", four,
                         *four && *six ? " or " : "", six, n->name);
    }
    return r == -(int)IMGC_E_NOTFOUND
               ? imgc_fail(reterr, IMGC_E_NOTFOUND, "network '%s' is gone", n->name)
               : r;
}

int network_lease_take(struct store *s, const struct network *n, struct network_lease *l,
                       struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    r = r < 0 ? r : choose(s, n, &n->subnet4, &l->address4, reterr);
    r = r < 0 ? r : choose(s, n, &n->subnet6, &l->address6, reterr);
    if (r < 0) {
        return r;
    }
    make_mac(l);
    (void)snprintf(l->network_id, sizeof l->network_id, "%s", n->id);
    r = insert_row(s, n, l, reterr);
    return r < 0 ? r : db_commit(&tx, reterr);
}

int network_lease_drop(struct store *s, const char *container_id, const char *network_id,
                       bool *ret_dropped, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_WRITE, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "DELETE FROM network_lease WHERE container_id = ?1 AND "
                          "(?2 IS NULL OR network_id = ?2)");
    db_bind_text(&st, 1, container_id);
    db_bind_text(&st, 2, network_id);
    r = db_run(&st, reterr);
    if (r == 0 && ret_dropped) {
        *ret_dropped = db_changes(s->db) > 0;
    }
    return r < 0 ? r : db_commit(&tx, reterr);
}

static int from_row(struct db_stmt *st, struct network_lease *ret, struct imgc_err *reterr)
{
    network_lease_auto struct network_lease l = { .names = NULL };

    (void)snprintf(l.container_id, sizeof l.container_id, "%s", db_col_text(st, 0));
    (void)snprintf(l.network_id, sizeof l.network_id, "%s", db_col_text(st, 1));
    (void)ip_parse(imgc_str_of(db_col_text(st, 3)), &l.address4); /* '' is none */
    (void)ip_parse(imgc_str_of(db_col_text(st, 4)), &l.address6);
    (void)ip_mac_parse(imgc_str_of(db_col_text(st, 5)), l.mac);
    l.slot = (unsigned)db_col_int(st, 8);
    l.has_names = db_col_int(st, 9) == 0;
    int r = db_col_dup(st, 2, &l.container_name, reterr);
    r = r < 0 ? r : db_col_dup(st, 6, &l.names, reterr);
    r = r < 0 ? r : db_col_dup(st, 7, &l.ports, reterr);
    if (r == 0) {
        *ret = l;
        memset(&l, 0, sizeof l);
    }
    return r;
}

static int list_rows(struct store *s, const char *network_id, const char *container_id,
                     struct network_lease_list *ret, struct imgc_err *reterr)
{
    network_lease_list_auto struct network_lease_list list = { .n = 0 };
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT " COLUMNS FROM "WHERE (?1 IS NULL OR l.network_id = ?1) AND "
                          "(?2 IS NULL OR l.container_id = ?2) ORDER BY l.container_id, l.slot");
    db_bind_text(&st, 1, network_id);
    db_bind_text(&st, 2, container_id);
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        struct network_lease *items = reallocarray(list.items, list.n + 1, sizeof *items);
        if (!items) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        list.items = items;
        r = from_row(&st, &items[list.n], reterr);
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

int network_lease_list(struct store *s, const char *network_id, struct network_lease_list *ret,
                       struct imgc_err *reterr)
{
    return list_rows(s, network_id, NULL, ret, reterr);
}

int network_lease_list_of(struct store *s, const char *container_id, struct network_lease_list *ret,
                          struct imgc_err *reterr)
{
    return list_rows(s, NULL, container_id, ret, reterr);
}

int network_lease_find(struct store *s, const char *container_id, struct network_lease *ret,
                       struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st = db_prepare(
        s->db, "SELECT " COLUMNS FROM "WHERE l.container_id = ?1 ORDER BY l.slot LIMIT 1");
    db_bind_text(&st, 1, container_id);
    r = db_step(&st, reterr);
    if (r != DB_ROW) {
        return r < 0 ? r : NETWORK_MISSING;
    }
    return from_row(&st, ret, reterr);
}

struct dead {
    char (*ids)[CONTAINER_ID_MAX];
    size_t n;
};

static void dead_done(struct dead *d)
{
    free(d->ids);
    d->ids = NULL;
}

#define dead_auto imgc_auto(dead_done)

static void process_col(struct db_stmt *st, int i, struct process_id *ret)
{
    ret->pid = (pid_t)db_col_int(st, i);
    ret->start_ticks = (uint64_t)db_col_int(st, i + 1);
    (void)snprintf(ret->boot_id, sizeof ret->boot_id, "%s", db_col_text(st, i + 2));
}

static int find_dead(struct store *s, struct dead *d, struct imgc_err *reterr)
{
    db_tx_auto struct db_tx tx = DB_TX_INIT;

    int r = db_begin(s->db, DB_READ, &tx, reterr);
    if (r < 0) {
        return r;
    }
    db_stmt_auto struct db_stmt st =
        db_prepare(s->db, "SELECT l.container_id, l.pid, l.start_ticks, l.boot_id, c.init_pid, "
                          "c.init_start, c.boot_id" FROM);
    while ((r = db_step(&st, reterr)) == DB_ROW) {
        struct process_id holder, init;
        process_col(&st, 1, &holder);
        process_col(&st, 4, &init);
        if (process_alive(&holder) || (init.pid > 0 && process_alive(&init))) {
            continue;
        }
        void *ids = reallocarray(d->ids, d->n + 1, sizeof *d->ids);
        if (!ids) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        d->ids = ids;
        (void)snprintf(d->ids[d->n++], sizeof *d->ids, "%s", db_col_text(&st, 0));
    }
    return r;
}

int network_lease_drop_dead(struct store *s, bool *ret_dropped, struct imgc_err *reterr)
{
    dead_auto struct dead d = { .n = 0 };

    *ret_dropped = false;
    int r = find_dead(s, &d, reterr);
    for (size_t i = 0; r == 0 && i < d.n; i++) {
        r = network_lease_drop(s, d.ids[i], NULL, NULL, reterr);
        *ret_dropped = true;
    }
    return r;
}
