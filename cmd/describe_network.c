/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/describe_network.h"

#include <stdio.h>
#include <sys/socket.h>

#include "runtime/net_port.h"
#include "schema/json.h"
#include "store/network_lease.h"

#define PORT_KEY_MAX 32 /* "65535/sctp" */

/* ---- ports ---- */

/* docker's form; what was published for any address has none. */
static void add_port(json_t *map, const struct net_port *p, const char *any)
{
    char key[PORT_KEY_MAX], address[IP_TEXT_MAX], number[PORT_KEY_MAX] = "";

    (void)snprintf(key, sizeof key, "%u/%s", (unsigned)p->port, net_port_protocol(p));
    if (p->first != 0) {
        (void)snprintf(number, sizeof number, p->first == p->last ? "%u" : "%u-%u",
                       (unsigned)p->first, (unsigned)p->last);
    }
    json_t *list = json_object_get(map, key);
    if (!list) {
        list = json_array();
        if (json_object_set_new(map, key, list) < 0) {
            return;
        }
    }
    (void)json_array_append_new(list,
                                json_pack("{s:s, s:s}", "HostIp",
                                          p->host.family == 0 ? any : ip_text(&p->host, address),
                                          "HostPort", number));
}

json_t *describe_network_bindings(const struct net_want *w)
{
    net_port_list_auto struct net_port_list list = { .n = 0 };
    json_t *map = json_object();
    struct imgc_err ignored; /* they were checked when they were given */

    for (char *const *p = w->ports; p && *p; p++) {
        (void)!net_port_parse(imgc_str_of(*p), &list, &ignored);
    }
    for (size_t i = 0; i < list.n; i++) {
        add_port(map, &list.items[i], "");
    }
    return map;
}

/* Those that are published now; those that are only exposed have none. */
static json_t *ports_of(const struct net_want *w, const struct network_lease_list *leases)
{
    json_t *map = json_object();
    struct imgc_err ignored;

    for (char *const *p = w->expose; p && *p; p++) {
        net_port_list_auto struct net_port_list exposed = { .n = 0 };
        (void)!net_port_expose(imgc_str_of(*p), &exposed, &ignored);
        for (size_t i = 0; i < exposed.n; i++) {
            char key[PORT_KEY_MAX];
            (void)snprintf(key, sizeof key, "%u/%s", (unsigned)exposed.items[i].port,
                           net_port_protocol(&exposed.items[i]));
            (void)json_object_set_new(map, key, json_null());
        }
    }
    for (size_t i = 0; i < leases->n; i++) {
        net_port_list_auto struct net_port_list list = { .n = 0 };
        if (net_port_read(imgc_str_of(leases->items[i].ports), &list, &ignored) < 0) {
            continue;
        }
        for (size_t j = 0; j < list.n; j++) {
            char key[PORT_KEY_MAX];
            (void)snprintf(key, sizeof key, "%u/%s", (unsigned)list.items[j].port,
                           net_port_protocol(&list.items[j]));
            if (json_is_null(json_object_get(map, key))) {
                (void)json_object_del(map, key);
            }
            add_port(map, &list.items[j], "0.0.0.0");
        }
    }
    return map;
}

/* ---- networks ---- */

/* What is known of one network of the container; NULL and zero: not now. */
struct place {
    const struct network *network;
    const struct network_lease *lease;
    const struct net_want_link *want;
};

static json_t *addr_or_empty(const struct ip_addr *a)
{
    char text[IP_TEXT_MAX];
    return json_string(ip_text(a, text));
}

/* The fields that a network has in "Networks", and the first one also beside that. */
static json_t *addresses_of(const struct place *p)
{
    static const struct ip_addr none = { .family = 0 };
    const struct network_lease *l = p->lease;
    bool has4 = l && l->address4.family != 0, has6 = l && l->address6.family != 0;
    bool is_out = p->network && !p->network->is_internal;
    char mac[IP_MAC_TEXT_MAX];

    return json_pack("{s:s, s:o, s:o, s:i, s:o, s:o, s:i, s:s}", "EndpointID", "", "Gateway",
                     addr_or_empty(has4 && is_out ? &p->network->gateway4 : &none), "IPAddress",
                     addr_or_empty(has4 ? &l->address4 : &none), "IPPrefixLen",
                     has4 ? (int)p->network->subnet4.prefix : 0, "IPv6Gateway",
                     addr_or_empty(has6 && is_out ? &p->network->gateway6 : &none),
                     "GlobalIPv6Address", addr_or_empty(has6 ? &l->address6 : &none),
                     "GlobalIPv6PrefixLen", has6 ? (int)p->network->subnet6.prefix : 0,
                     "MacAddress", l ? ip_mac_text(l->mac, mac) : "");
}

/* Also the first digits of its id, as docker has it. */
static json_t *aliases_of(const struct place *p, const char *id)
{
    json_t *list = json_array();

    for (char *const *a = p->want->aliases; a && *a; a++) {
        (void)json_array_append_new(list, json_string(*a));
    }
    (void)json_array_append_new(list, json_stringn(id, 12));
    return list;
}

static json_t *ipam_of(const struct net_want_link *want)
{
    if (!want->ip4 && !want->ip6) {
        return json_null();
    }
    return json_pack("{s:s*, s:s*}", "IPv4Address", want->ip4, "IPv6Address", want->ip6);
}

static int add_place(json_t *map, const struct place *p, const char *name, const char *id)
{
    json_t *j = addresses_of(p);
    json_t *more = json_pack("{s:s, s:o, s:n, s:o, s:n}", "NetworkID",
                             p->network ? p->network->id : "", "IPAMConfig", ipam_of(p->want),
                             "Links", "Aliases", aliases_of(p, id), "DriverOpts");
    int r = j && more ? json_object_update(j, more) : -1;

    json_decref(more);
    if (r < 0) {
        json_decref(j);
        return r;
    }
    return json_object_set_new(map, name, j);
}

struct known {
    struct network_list networks;
    struct network_lease_list leases; /* the container's */
};

static void known_done(struct known *k)
{
    network_list_done(&k->networks);
    network_lease_list_done(&k->leases);
}

static int find_place(struct store *s, const struct known *k, struct place *p,
                      struct imgc_err *reterr)
{
    const char *name = p->want->network ? p->want->network : NETWORK_DEFAULT;
    network_auto struct network n = { .name = NULL };

    int r = network_find(s, imgc_str_of(name), &n, reterr);
    if (r != 0) {
        return r == NETWORK_MISSING || r == -(int)IMGC_E_AMBIGUOUS ? 0 : r;
    }
    for (size_t i = 0; i < k->networks.n && !p->network; i++) {
        p->network = strcmp(k->networks.items[i].id, n.id) == 0 ? &k->networks.items[i] : NULL;
    }
    for (size_t i = 0; i < k->leases.n && !p->lease; i++) {
        p->lease = strcmp(k->leases.items[i].network_id, n.id) == 0 ? &k->leases.items[i] : NULL;
    }
    return 0;
}

static int add_places(struct store *s, const struct container *c, const struct spec *spec,
                      const struct known *k, json_t *settings, struct imgc_err *reterr)
{
    json_t *map = json_object_get(settings, "Networks");
    bool is_bridge = spec->network == SPEC_NETWORK_BRIDGE;

    for (size_t i = 0; is_bridge && i <= spec->net_want.n_more; i++) {
        const struct net_want_link want = net_want_get(&spec->net_want, i);
        struct place p = { .want = &want };
        const char *name = want.network ? want.network : NETWORK_DEFAULT;
        int r = find_place(s, k, &p, reterr);
        if (r < 0) {
            return r;
        }
        json_t *first = i == 0 ? addresses_of(&p) : NULL;
        if (first) {
            (void)json_object_update(settings, first);
            json_decref(first);
        }
        if (add_place(map, &p, p.network ? p.network->name : name, c->id) < 0) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    return 0;
}

int describe_network(struct store *s, const struct container *c, const struct spec *spec,
                     const char *mode, json_t **ret, struct imgc_err *reterr)
{
    static const struct place nowhere = { .network = NULL };
    imgc_auto(known_done) struct known k = { .networks = { .n = 0 } };
    json_auto_free json_t *settings = addresses_of(&nowhere);
    char key[64] = "";

    int r = network_list(s, &k.networks, reterr);
    r = r < 0 ? r : network_lease_list_of(s, c->id, &k.leases, reterr);
    if (r < 0) {
        return r;
    }
    if (c->status == CONTAINER_RUNNING) {
        (void)snprintf(key, sizeof key, "/proc/%d/ns/net", (int)c->init.pid);
    }
    json_auto_free json_t *more =
        json_pack("{s:s, s:s, s:s, s:o, s:s, s:{}}", "Mode", mode, "Bridge", "", "SandboxID", "",
                  "Ports", ports_of(&spec->net_want, &k.leases), "SandboxKey", key, "Networks");
    if (!settings || !more || json_object_update(settings, more) < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    r = add_places(s, c, spec, &k, settings, reterr);
    if (r == 0) {
        *ret = imgc_take(settings);
    }
    return r;
}

int describe_network_names(const struct spec *spec, const char *mode, struct imgc_buf *b,
                           struct imgc_err *reterr)
{
    struct imgc_str ignored;

    if (spec->network != SPEC_NETWORK_BRIDGE) {
        imgc_buf_puts(b, mode);
        return imgc_buf_finish(b, &ignored, reterr);
    }
    for (size_t i = 0; i <= spec->net_want.n_more; i++) {
        const char *name = net_want_get(&spec->net_want, i).network;
        imgc_buf_printf(b, "%s%s", i > 0 ? "," : "", name ? name : NETWORK_DEFAULT);
    }
    return imgc_buf_finish(b, &ignored, reterr);
}
