/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/network_live.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "cmd/network_guard.h"
#include "cmd/network_names.h"
#include "schema/base/fd.h"

/* Its network namespace: looked at before and, by the start time, after it was opened. */
static int open_netns(const struct container *c, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/ns/net", (int)c->init.pid);
    int r = fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, reterr);
    if ((r < 0 && reterr->sys == ENOENT) || (r == 0 && !process_alive(&c->init))) {
        return imgc_fail(reterr, IMGC_E_NOTRUNNING, "container %s has ended", c->name);
    }
    if (r == 0) {
        *ret_fd = imgc_take_fd(fd);
    }
    return r;
}

static const struct network *find_by_id(const struct network_list *list, const char *id)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->items[i].id, id) == 0) {
            return &list->items[i];
        }
    }
    return NULL;
}

/* All that is known of who is where. */
struct rows {
    struct network_lease_list leases; /* by container and slot */
    struct network_list networks;
};

static void rows_done(struct rows *rows)
{
    network_lease_list_done(&rows->leases);
    network_list_done(&rows->networks);
}

#define rows_auto imgc_auto(rows_done)

/* The lease over which the container's default route of @family goes: its first on a network with a
 * way out, but @except (an id, or NULL). NULL: none. */
static const struct network_lease *way_out(const struct rows *rows, const char *container_id,
                                           const char *except, int family)
{
    for (size_t i = 0; i < rows->leases.n; i++) {
        const struct network_lease *l = &rows->leases.items[i];
        const struct network *n = find_by_id(&rows->networks, l->network_id);
        if (strcmp(l->container_id, container_id) == 0 && n && !n->is_internal &&
            (!except || strcmp(n->id, except) != 0) &&
            (family == AF_INET ? l->address4.family : l->address6.family) != 0) {
            return l;
        }
    }
    return NULL;
}

static int read_rows(struct store *s, struct rows *ret, struct imgc_err *reterr)
{
    int r = network_lease_list(s, NULL, &ret->leases, reterr);
    return r < 0 ? r : network_list(s, &ret->networks, reterr);
}

static int drop_dead(struct store *s, struct imgc_err *reterr)
{
    bool ignored = false;
    return network_lease_drop_dead(s, &ignored, reterr);
}

/* ---- connect ---- */

/* The one behind its last, for the first with a way out keeps that; else the first that is free. */
static int choose_slot(const struct network_lease_list *own, unsigned *ret, struct imgc_err *reterr)
{
    uint32_t used = 0;
    unsigned slot = 0;

    for (size_t i = 0; i < own->n; i++) {
        used |= 1u << (own->items[i].slot % 32);
        slot = own->items[i].slot >= slot ? own->items[i].slot + 1 : slot;
    }
    if (slot >= NET_WANT_NETWORKS_MAX) {
        for (slot = 0; slot < NET_WANT_NETWORKS_MAX && (used >> slot & 1); slot++) {
        }
    }
    if (slot >= NET_WANT_NETWORKS_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a container can be on %d networks",
                         NET_WANT_NETWORKS_MAX);
    }
    *ret = slot;
    return 0;
}

static int check_new(struct store *s, const struct container *c, const char *name,
                     const struct network_lease_list *own, struct imgc_err *reterr)
{
    network_auto struct network n = { .name = NULL };

    int r = network_host_find(s, name ? name : NETWORK_DEFAULT, &n, reterr);
    if (r == NETWORK_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such network: %s", name);
    }
    for (size_t i = 0; r == 0 && i < own->n; i++) {
        if (strcmp(own->items[i].network_id, n.id) == 0) {
            return imgc_fail(reterr, IMGC_E_EXISTS, "container %s is on network %s already",
                             c->name, n.name);
        }
    }
    return r;
}

/* Whoever has a way out keeps it; the new network is one only where there was none. */
static int plug(struct store *s, const struct container *c, const struct network_use_member *m,
                struct imgc_err *reterr)
{
    rows_auto struct rows rows = { .leases = { .n = 0 } };
    imgc_autoclose int netns_fd = -1;

    int r = network_use_settle(s, reterr);
    r = r < 0 ? r : read_rows(s, &rows, reterr);
    r = r < 0 ? r : open_netns(c, &netns_fd, reterr);
    if (r < 0) {
        return r;
    }
    r = network_use_plug(m, netns_fd, !way_out(&rows, c->id, m->network.id, AF_INET),
                         !way_out(&rows, c->id, m->network.id, AF_INET6), reterr);
    if (r == 0) {
        network_names_update(s, &rows.leases, m->network.id, NULL);
    }
    return r;
}

int network_live_connect(struct store *s, const struct container *c,
                         const struct net_want_link *want, struct imgc_err *reterr)
{
    network_lease_list_auto struct network_lease_list own = { .n = 0 };
    network_use_member_auto struct network_use_member m = { .network = { .name = NULL } };
    network_guard_auto int lock_fd = -1;
    char interface[IFNAMSIZ];
    struct imgc_err ignored;
    unsigned slot = 0;

    int r = network_guard_take(s, true, &lock_fd, reterr);
    r = r < 0 ? r : drop_dead(s, reterr);
    r = r < 0 ? r : network_lease_list_of(s, c->id, &own, reterr);
    r = r < 0 ? r : check_new(s, c, want->network, &own, reterr);
    r = r < 0 ? r : choose_slot(&own, &slot, reterr);
    r = r < 0 ? r : network_use_join(s, c, want, slot, &m, reterr);
    if (r < 0) {
        return r;
    }
    r = plug(s, c, &m, reterr);
    if (r < 0) {
        (void)!net_bridge_detach(network_use_interface(c->id, slot, interface), &ignored);
        (void)!network_lease_drop(s, c->id, m.network.id, NULL, &ignored);
        (void)!network_use_settle(s, &ignored);
    }
    return r;
}

/* ---- disconnect ---- */

/* The lease is gone: so are the names, and what nobody needs. */
static int left(struct store *s, const struct container *c, const struct network *n,
                struct imgc_err *reterr)
{
    rows_auto struct rows rows = { .leases = { .n = 0 } };

    int r = read_rows(s, &rows, reterr);
    if (r < 0) {
        return r;
    }
    network_names_update(s, &rows.leases, n->id, NULL);
    network_names_refresh(s, &rows.leases, c->id);
    return network_use_settle(s, reterr);
}

/* The default route of @family went with the network @gone_id: another network has it now, if one
 * can. @before  rows with the lease on it. */
static int reroute(const struct container *c, const struct rows *before, const char *gone_id,
                   int family, struct imgc_err *reterr)
{
    const struct network_lease *old = way_out(before, c->id, NULL, family);
    const struct network_lease *new = way_out(before, c->id, gone_id, family);
    imgc_autoclose int netns_fd = -1;
    char inside[IFNAMSIZ];

    const struct network *n = new ? find_by_id(&before->networks, new->network_id) : NULL;
    if (!n || !old || strcmp(old->network_id, gone_id) != 0) {
        return 0;
    }
    int r = open_netns(c, &netns_fd, reterr);
    return r < 0 ? r
                 : net_bridge_way_out(network_use_inside(new->slot, inside),
                                      family == AF_INET ? &n->gateway4 : &n->gateway6, netns_fd,
                                      reterr);
}

int network_live_disconnect(struct store *s, const struct container *c, const struct network *n,
                            struct imgc_err *reterr)
{
    network_lease_list_auto struct network_lease_list own = { .n = 0 };
    rows_auto struct rows before = { .leases = { .n = 0 } };
    network_guard_auto int lock_fd = -1;
    char interface[IFNAMSIZ];
    size_t i = 0;

    int r = network_guard_take(s, true, &lock_fd, reterr);
    r = r < 0 ? r : network_lease_list_of(s, c->id, &own, reterr);
    r = r < 0 ? r : read_rows(s, &before, reterr);
    if (r < 0) {
        return r;
    }
    while (i < own.n && strcmp(own.items[i].network_id, n->id) != 0) {
        i++;
    }
    if (i == own.n) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "container %s is not on network %s", c->name,
                         n->name);
    }
    r = net_bridge_detach(network_use_interface(c->id, own.items[i].slot, interface), reterr);
    r = r < 0 ? r : network_lease_drop(s, c->id, n->id, NULL, reterr);
    r = r < 0 ? r : reroute(c, &before, n->id, AF_INET, reterr);
    r = r < 0 ? r : reroute(c, &before, n->id, AF_INET6, reterr);
    return r < 0 ? r : left(s, c, n, reterr);
}

/* ---- rename ---- */

int network_live_renamed(struct store *s, const char *container_id, struct imgc_err *reterr)
{
    network_lease_list_auto struct network_lease_list leases = { .n = 0 };
    network_guard_auto int lock_fd = -1;

    int r = network_guard_take(s, false, &lock_fd, reterr);
    r = r < 0 ? r : network_lease_list(s, NULL, &leases, reterr);
    for (size_t i = 0; r == 0 && i < leases.n; i++) {
        if (strcmp(leases.items[i].container_id, container_id) == 0) {
            network_names_update(s, &leases, leases.items[i].network_id, container_id);
        }
    }
    return r;
}

/* ---- reload ---- */

/* What was lost with an interface is made as it was. */
static int plug_again(struct store *s, const struct rows *rows, const struct network_lease *l,
                      const struct net_bridge *b, struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    struct network_use_member m = { .bridge = *b, .lease = *l }; /* what it points to is borrowed */
    imgc_autoclose int netns_fd = -1;

    int r = container_find(s, imgc_str_of(l->container_id), &c, reterr);
    if (r == CONTAINER_MISSING || (r == 0 && c.status != CONTAINER_RUNNING)) {
        return 0; /* it begins, or ends, and does this itself */
    }
    r = r < 0 ? r : open_netns(&c, &netns_fd, reterr);
    if (r < 0) {
        return r == -(int)IMGC_E_NOTRUNNING ? 0 : r;
    }
    r = network_use_plug(&m, netns_fd, way_out(rows, l->container_id, NULL, AF_INET) == l,
                         way_out(rows, l->container_id, NULL, AF_INET6) == l, reterr);
    return r < 0 ? imgc_context(reterr, "container %s", c.name) : 0;
}

static int reload_network(struct store *s, const struct rows *rows, struct network *n,
                          const char *only_id, struct imgc_err *reterr)
{
    struct net_bridge b = { .mtu = 0 };
    char interface[IFNAMSIZ];
    bool is_up = false;
    int r = 0;

    for (size_t i = 0; r == 0 && i < rows->leases.n; i++) {
        const struct network_lease *l = &rows->leases.items[i];
        if (strcmp(l->network_id, n->id) != 0 ||
            (only_id && strcmp(l->container_id, only_id) != 0)) {
            continue;
        }
        r = is_up ? 0 : network_host_up(s, n, true, &b, reterr);
        is_up = true;
        r = r < 0 ? r
                  : net_bridge_rejoin(
                        &b, network_use_interface(l->container_id, l->slot, interface), reterr);
        if (r == NET_BRIDGE_LOST) {
            r = plug_again(s, rows, l, &b, reterr);
        }
    }
    if (is_up) {
        network_names_update(s, &rows->leases, n->id, NULL);
    }
    return r;
}

int network_live_reload(struct store *s, const struct container *c, struct imgc_err *reterr)
{
    rows_auto struct rows rows = { .leases = { .n = 0 } };
    network_guard_auto int lock_fd = -1;

    int r = network_guard_take(s, true, &lock_fd, reterr);
    r = r < 0 ? r : drop_dead(s, reterr);
    r = r < 0 ? r : read_rows(s, &rows, reterr);
    for (size_t i = 0; r == 0 && i < rows.networks.n; i++) {
        r = reload_network(s, &rows, &rows.networks.items[i], c ? c->id : NULL, reterr);
    }
    return r < 0 ? r : network_use_settle(s, reterr);
}
