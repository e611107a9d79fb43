/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/network_host.h"

#include <stdio.h>
#include <sys/socket.h>

#include "runtime/net_forward.h"

#include "schema/json.h"

#define NAMES_MAX 4096

/* FNV-1a: spreads paths, no more. */
static uint32_t hash(const char *z)
{
    uint32_t h = 2166136261u;

    for (; *z; z++) {
        h = (h ^ (unsigned char)*z) * 16777619u;
    }
    return h;
}

static bool is_usual(struct store *s)
{
    return strcmp(store_root_path(s), "/var/lib/imgc") == 0;
}

const char *network_host_table(struct store *s, char out[NET_NFT_TABLE_MAX])
{
    if (is_usual(s)) {
        (void)snprintf(out, NET_NFT_TABLE_MAX, "imgc");
    } else {
        (void)snprintf(out, NET_NFT_TABLE_MAX, "imgc-%08x", hash(store_root_path(s)));
    }
    return out;
}

int network_host_find(struct store *s, const char *name, struct network *ret,
                      struct imgc_err *reterr)
{
    int r = network_find(s, imgc_str_of(name), ret, reterr);
    if (r != NETWORK_MISSING) {
        return r;
    }
    if (strcmp(name, NETWORK_DEFAULT) != 0) {
        return NETWORK_MISSING;
    }
    network_auto struct network n = { .is_fixed = false };
    r = imgc_str_dup(imgc_str_of(name), &n.name, reterr);
    r = r < 0 ? r : network_insert(s, &n, reterr);
    if (r < 0) {
        return r;
    }
    *ret = n;
    n = (struct network){ .name = NULL };
    return 0;
}

/* What was checked when the network was made. */
static void read_options(const struct network *n, struct net_bridge *b)
{
    json_auto_free json_t *j = NULL;
    const char *mtu = NULL;
    struct imgc_err ignored;
    uint64_t value;

    if (!n->options || strcmp(n->options, "{}") == 0 ||
        json_parse(imgc_str_of(n->options), "options", &j, &ignored) < 0) {
        return;
    }
    b->is_named = json_object_get(j, NETWORK_HOST_OPTION_NAME) != NULL;
    if (json_get_string(j, NETWORK_HOST_OPTION_MTU, &mtu, &ignored) == 0 && mtu &&
        imgc_str_u64(imgc_str_of(mtu), &value) && value <= UINT16_MAX) {
        b->mtu = (unsigned)value;
    }
}

struct net_bridge network_host_bridge(struct store *s, const struct network *n)
{
    bool is_default = strcmp(n->name, NETWORK_DEFAULT) == 0;
    struct net_bridge b = {
        .subnet4 = n->subnet4,
        .subnet6 = n->subnet6,
        .gateway4 = n->gateway4,
        .gateway6 = n->gateway6,
        .is_internal = n->is_internal,
        .is_fixed = n->is_fixed,
        .wants4 = is_default || n->subnet4.addr.family != 0,
        .wants6 = is_default || n->subnet6.addr.family != 0,
        .is_small = !is_default,
        .seed = is_usual(s) ? 0 : hash(store_root_path(s)),
    };

    (void)snprintf(b.name, sizeof b.name, "%s", n->bridge);
    net_bridge_mac(n->id, b.mac);
    read_options(n, &b);
    return b;
}

/* Subnets of other networks of the store, which are promised to them while they are down, too. */
static int find_promised(struct store *s, const struct network *n, struct ip_net **ret,
                         size_t *ret_n, struct imgc_err *reterr)
{
    network_list_auto struct network_list list = { .n = 0 };
    size_t used = 0;

    int r = network_list(s, &list, reterr);
    struct ip_net *nets = r < 0 ? NULL : calloc(2 * list.n + 1, sizeof *nets);
    if (r == 0 && !nets) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        if (strcmp(list.items[i].id, n->id) != 0) {
            nets[used++] = list.items[i].subnet4; /* none overlaps with nothing */
            nets[used++] = list.items[i].subnet6;
        }
    }
    *ret = nets;
    *ret_n = used;
    return r;
}

static void take_choice(struct network *n, const struct net_bridge *b)
{
    (void)snprintf(n->bridge, sizeof n->bridge, "%s", b->name);
    n->subnet4 = b->subnet4;
    n->subnet6 = b->subnet6;
    n->gateway4 = b->gateway4;
    n->gateway6 = b->gateway6;
}

int network_host_choose(struct store *s, struct network *n, bool wants4, bool wants6,
                        struct imgc_err *reterr)
{
    imgc_autofree struct ip_net *promised = NULL;
    struct net_bridge b = network_host_bridge(s, n);

    b.wants4 = wants4;
    b.wants6 = wants6;
    int r = find_promised(s, n, &promised, &b.n_avoid, reterr);
    b.avoid = promised;
    r = r < 0 ? r : net_bridge_choose(&b, reterr);
    if (r == 0) {
        take_choice(n, &b);
    }
    return r;
}

/* imgc0 is left to the default network. */
int network_host_name(struct store *s, struct network *n, struct imgc_err *reterr)
{
    network_list_auto struct network_list list = { .n = 0 };
    struct net_bridge b = network_host_bridge(s, n);
    bool is_taken = true;

    int r = network_list(s, &list, reterr);
    for (int i = 1; r == 0 && is_taken && i < NAMES_MAX; i++) {
        (void)snprintf(b.name, sizeof b.name, "imgc%d", i);
        r = net_bridge_is_taken(&b, &is_taken, reterr);
        for (size_t j = 0; j < list.n && !is_taken; j++) {
            is_taken = strcmp(list.items[j].bridge, b.name) == 0;
        }
    }
    if (r == 0 && is_taken) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "this host has %d bridges of imgc's", NAMES_MAX);
    }
    (void)snprintf(n->bridge, sizeof n->bridge, "%s", b.name);
    return r;
}

int network_host_up(struct store *s, struct network *n, bool is_used, struct net_bridge *ret,
                    struct imgc_err *reterr)
{
    imgc_autofree struct ip_net *promised = NULL;
    struct net_bridge b = network_host_bridge(s, n);
    bool changed = false;

    b.is_used = is_used;
    int r = is_used ? 0 : find_promised(s, n, &promised, &b.n_avoid, reterr);
    b.avoid = promised;
    r = r < 0 ? r : net_bridge_up(&b, &changed, reterr);
    b.avoid = NULL;
    b.n_avoid = 0;
    if (r < 0) {
        return imgc_context(reterr, "network '%s'", n->name);
    }
    if (changed) {
        take_choice(n, &b);
        r = network_update(s, n, reterr);
    }
    *ret = b;
    return r;
}

struct network_host_content {
    struct network_list networks;
    struct network_lease_list leases;
    struct net_nft_network *used;
    struct net_nft_target *targets;
    size_t n_used, n_targets;
};

static void content_done(struct network_host_content *c)
{
    for (size_t i = 0; i < c->n_targets; i++) {
        net_port_list_done(&c->targets[i].ports);
    }
    free(c->used);
    free(c->targets);
    network_list_done(&c->networks);
    network_lease_list_done(&c->leases);
}

#define content_auto imgc_auto(content_done)

static bool has_container(const struct network_host_content *c, const struct network *n)
{
    for (size_t i = 0; i < c->leases.n; i++) {
        if (strcmp(c->leases.items[i].network_id, n->id) == 0) {
            return true;
        }
    }
    return false;
}

/* An ordinary user's store never had any; then nothing of it is on the host. */
static bool has_bridges(const struct network_host_content *c)
{
    for (size_t i = 0; i < c->networks.n; i++) {
        if (c->networks.items[i].bridge[0]) {
            return true;
        }
    }
    return false;
}

static int add_target(struct network_host_content *c, const struct network_lease *l,
                      struct imgc_err *reterr)
{
    struct net_nft_target *t = &c->targets[c->n_targets];

    if (!l->ports || !l->ports[0]) {
        return 0;
    }
    *t = (struct net_nft_target){ .address4 = l->address4, .address6 = l->address6 };
    c->n_targets++;
    return net_port_read(imgc_str_of(l->ports), &t->ports, reterr);
}

static int read_rows(struct store *s, struct network_host_content *c, struct imgc_err *reterr)
{
    int r = network_list(s, &c->networks, reterr);
    return r < 0 ? r : network_lease_list(s, NULL, &c->leases, reterr);
}

static int read_content(struct store *s, struct network_host_content *c, struct imgc_err *reterr)
{
    int r = read_rows(s, c, reterr);
    if (r < 0) {
        return r;
    }
    c->used = calloc(c->networks.n + 1, sizeof *c->used);
    c->targets = calloc(c->leases.n + 1, sizeof *c->targets);
    if (!c->used || !c->targets) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < c->networks.n; i++) {
        const struct network *n = &c->networks.items[i];
        if (n->bridge[0] && has_container(c, n)) {
            c->used[c->n_used++] = (struct net_nft_network){ .bridge = n->bridge,
                                                             .subnet4 = n->subnet4,
                                                             .subnet6 = n->subnet6,
                                                             .is_internal = n->is_internal };
        }
    }
    for (size_t i = 0; r == 0 && i < c->leases.n; i++) {
        r = add_target(c, &c->leases.items[i], reterr);
    }
    return r;
}

static struct net_nft_rules rules_of(const struct network_host_content *c, const char *table)
{
    return (struct net_nft_rules){ .table = table,
                                   .networks = c->used,
                                   .n_networks = c->n_used,
                                   .targets = c->targets,
                                   .n_targets = c->n_targets };
}

int network_host_write_rules(struct store *s, struct netlink *nl, struct imgc_err *reterr)
{
    content_auto struct network_host_content c = { .n_used = 0 };
    char table[NET_NFT_TABLE_MAX];

    int r = read_content(s, &c, reterr);
    if (r < 0) {
        return r;
    }
    const struct net_nft_rules rules = rules_of(&c, network_host_table(s, table));
    return net_nft_write(nl, &rules, false, reterr);
}

/* Those that somebody has named in a rule of that table need no word of ours. */
static int warn_of(struct netlink *nl, struct net_forward *f, const char *bridge,
                   struct imgc_buf *warnings, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < f->n_chains; i++) {
        bool is_named = false;
        if (f->chains[i].is_drop && !f->chains[i].is_shared) {
            r = net_forward_is_named(nl, &f->chains[i], bridge, &is_named, reterr);
            f->chains[i].is_drop = !is_named;
        }
    }
    if (r == 0) {
        size_t before = warnings->len;
        net_forward_warning(f, bridge, warnings);
        imgc_buf_puts(warnings, warnings->len > before ? "\n" : "");
    }
    return r;
}

/* The bridges of the networks in use. */
static int list_bridges(const struct network_host_content *c, const char ***ret,
                        struct imgc_err *reterr)
{
    const char **bridges = calloc(c->n_used + 1, sizeof *bridges);

    if (!bridges) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < c->n_used; i++) {
        bridges[i] = c->used[i].bridge;
    }
    *ret = bridges;
    return 0;
}

int network_host_forward(struct store *s, struct netlink *nl, struct imgc_buf *warnings,
                         struct imgc_err *reterr)
{
    content_auto struct network_host_content c = { .n_used = 0 };
    imgc_autofree const char **bridges = NULL;
    char table[NET_NFT_TABLE_MAX];

    (void)network_host_table(s, table);
    int r = read_content(s, &c, reterr);
    r = r < 0 ? r : list_bridges(&c, &bridges, reterr);
    r = r < 0 ? r : net_forward_apply(nl, table, bridges, c.n_used, reterr);
    for (size_t i = 0; r == 0 && i < c.n_used; i++) {
        struct net_forward f;
        r = c.used[i].is_internal ? 0 : net_forward_find(nl, table, &f, reterr);
        r = r < 0 || c.used[i].is_internal ? r : warn_of(nl, &f, bridges[i], warnings, reterr);
    }
    return r;
}

/* @return NULL. */
static struct network_host_content *content_free(struct network_host_content *c)
{
    if (c) {
        content_done(c);
        free(c);
    }
    return NULL;
}

void network_host_rest_done(struct network_host_rest *rest)
{
    (void)content_free(rest->content);
    free(rest->bridges);
    *rest = (struct network_host_rest){ .n = 0 };
}

int network_host_find_rest(struct store *s, struct network_host_rest *ret, struct imgc_err *reterr)
{
    network_host_rest_auto struct network_host_rest rest = { .n = 0 };

    rest.content = calloc(1, sizeof *rest.content);
    if (!rest.content) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    const struct network_host_content *c = rest.content;
    int r = read_content(s, rest.content, reterr);
    if (r < 0 || !has_bridges(c)) {
        return r;
    }
    (void)network_host_table(s, rest.table);
    rest.bridges = calloc(c->networks.n + 1, sizeof *rest.bridges);
    if (!rest.bridges) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < c->networks.n; i++) {
        const struct network *n = &c->networks.items[i];
        if (n->bridge[0] && !has_container(c, n)) {
            rest.bridges[rest.n++] = network_host_bridge(s, n);
        }
    }
    *ret = rest;
    memset(&rest, 0, sizeof rest);
    return 0;
}

/* FORWARD comes after the table, which decides what may pass. Where there is no container any more,
 * nothing has to be kept out. */
int network_host_trim(const struct network_host_rest *rest, struct imgc_err *reterr)
{
    netlink_auto struct netlink nl = NETLINK_INIT;
    imgc_autofree const char **bridges = NULL;

    if (!rest->content) {
        return 0;
    }
    const struct net_nft_rules rules = rules_of(rest->content, rest->table);
    int r = net_nft_open(&nl, reterr);
    r = r < 0 ? r : net_nft_write(&nl, &rules, true, reterr);
    for (size_t i = 0; r == 0 && i < rest->n; i++) {
        r = net_bridge_down(&rest->bridges[i], reterr);
    }
    r = r < 0 ? r : list_bridges(rest->content, &bridges, reterr);
    return r < 0 ? r : net_forward_apply(&nl, rest->table, bridges, rules.n_networks, reterr);
}
