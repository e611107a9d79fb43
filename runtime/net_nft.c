/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

#define MARK_MAX NFT_BATCH_COMMENT_MAX

#define DNAT_PRIORITY (-100) /* nft(8): dstnat, filter, srcnat */
#define FILTER_PRIORITY 0
#define SNAT_PRIORITY 100

/* Where published ports lead: of the host's addresses by name, and of all of them. In this order
 * the chain "ports" asks them. */
enum map { NAMED4, NAMED6, ANY4, ANY6, MAPS };

static const struct nft_batch_map maps[MAPS] = {
    { .name = "named4",
      .id = 1,
      .key = { NFT_BATCH_IPV4_ADDR, NFT_BATCH_INET_PROTO, NFT_BATCH_INET_SERVICE },
      .data = { NFT_BATCH_IPV4_ADDR, NFT_BATCH_INET_SERVICE } },
    { .name = "named6",
      .id = 2,
      .key = { NFT_BATCH_IPV6_ADDR, NFT_BATCH_INET_PROTO, NFT_BATCH_INET_SERVICE },
      .data = { NFT_BATCH_IPV6_ADDR, NFT_BATCH_INET_SERVICE } },
    { .name = "any4",
      .id = 3,
      .key = { NFT_BATCH_INET_PROTO, NFT_BATCH_INET_SERVICE },
      .data = { NFT_BATCH_IPV4_ADDR, NFT_BATCH_INET_SERVICE } },
    { .name = "any6",
      .id = 4,
      .key = { NFT_BATCH_INET_PROTO, NFT_BATCH_INET_SERVICE },
      .data = { NFT_BATCH_IPV6_ADDR, NFT_BATCH_INET_SERVICE } },
};

static int family_of(enum map map)
{
    return map == NAMED4 || map == ANY4 ? AF_INET : AF_INET6;
}

static bool is_named(enum map map)
{
    return map == NAMED4 || map == NAMED6;
}

/* Registers of a key, or of data. */
struct words {
    char bytes[32];
    size_t len;
};

/* In whole registers, the rest of the last one 0. */
static void add_word(struct words *w, const void *bytes, size_t len)
{
    memcpy(w->bytes + w->len, bytes, len);
    w->len += (len + 3) / 4 * 4;
}

static void add_port_number(struct words *w, uint16_t port)
{
    const uint16_t be = htons(port);
    add_word(w, &be, sizeof be);
}

static void add_element(enum map map, const struct net_port *p, const struct ip_addr *to,
                        struct nft_batch *b)
{
    struct words key = { .len = 0 }, data = { .len = 0 };

    if (is_named(map)) {
        add_word(&key, p->host.bytes, ip_bytes(p->host.family));
    }
    add_word(&key, &p->protocol, sizeof p->protocol);
    add_port_number(&key, p->first);
    add_word(&data, to->bytes, ip_bytes(to->family));
    add_port_number(&data, p->port);
    nft_batch_element(b, &maps[map], key.bytes, key.len, data.bytes, data.len);
}

/* Whether the port is led on by this map. One of loopback is by none: it is served where it is. */
static bool belongs(enum map map, const struct net_port *p)
{
    return !ip_is_loopback(&p->host) && is_named(map) != net_port_is_any(p, family_of(map)) &&
           (!is_named(map) || p->host.family == family_of(map));
}

/* A request without elements would be refused by older kernels. */
static void add_elements(const struct net_nft_rules *rules, enum map map, struct nft_batch *b)
{
    bool is_open = false;

    for (size_t i = 0; i < rules->n_targets; i++) {
        const struct net_nft_target *t = &rules->targets[i];
        const struct ip_addr *to = family_of(map) == AF_INET ? &t->address4 : &t->address6;
        for (size_t j = 0; j < t->ports.n && to->family != 0; j++) {
            if (!belongs(map, &t->ports.items[j])) {
                continue;
            }
            if (!is_open) {
                nft_batch_begin_elements(b, &maps[map]);
            }
            is_open = true;
            add_element(map, &t->ports.items[j], to, b);
        }
    }
    if (is_open) {
        nft_batch_end_elements(b);
    }
}

static void match_family_of(struct nft_batch *b, int family)
{
    nft_batch_match_family(b, family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

/* What is not the table's to lead anywhere. */
static void add_returns(struct nft_batch *b)
{
    static const struct ip_net nets[] = {
        { { AF_INET, { 127 } }, 8 },
        { { AF_INET6, { [15] = 1 } }, 128 },
        { { AF_INET6, { 0xfe, 0x80 } }, 10 },
    };

    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        nft_batch_begin_rule(b, "ports");
        match_family_of(b, nets[i].addr.family);
        nft_batch_match_net(b, &nets[i], false, false);
        nft_batch_verdict(b, NFT_RETURN, NULL);
        nft_batch_end_rule(b, NULL);
    }
}

static void add_ports(const struct net_nft_rules *rules, struct nft_batch *b)
{
    static const char *const from[] = { "nat_in", "nat_local" };

    for (enum map map = 0; map < MAPS; map++) {
        nft_batch_add_map(b, &maps[map]);
        add_elements(rules, map, b);
    }
    add_returns(b);
    for (enum map map = 0; map < MAPS; map++) {
        nft_batch_begin_rule(b, "ports");
        if (is_named(map)) {
            match_family_of(b, family_of(map));
        }
        nft_batch_dnat(b, &maps[map], family_of(map), is_named(map));
        nft_batch_end_rule(b, NULL);
    }
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        nft_batch_begin_rule(b, from[i]);
        nft_batch_match_local(b);
        nft_batch_verdict(b, NFT_JUMP, "ports");
        nft_batch_end_rule(b, NULL);
    }
}

/* Sent to a port of one's own network, or of oneself, over the host's address: the answer has to
 * come back over the host. */
static void add_masquerade(const struct net_nft_network *n, const struct ip_net *subnet,
                           const struct ip_net *multicast, struct nft_batch *b)
{
    if (subnet->addr.family == 0) {
        return;
    }
    if (!n->is_internal) {
        nft_batch_begin_rule(b, "nat_out");
        match_family_of(b, subnet->addr.family);
        nft_batch_match_net(b, subnet, true, false);
        nft_batch_match_net(b, multicast, false, true);
        nft_batch_match_interface(b, n->bridge, false, true);
        nft_batch_masquerade(b);
        nft_batch_end_rule(b, NULL);
    }
    nft_batch_begin_rule(b, "nat_out");
    match_family_of(b, subnet->addr.family);
    nft_batch_match_net(b, subnet, true, false);
    nft_batch_match_interface(b, n->bridge, false, false);
    nft_batch_match_status(b, IPS_DST_NAT);
    nft_batch_masquerade(b);
    nft_batch_end_rule(b, NULL);
}

static void begin_forward(struct nft_batch *b, const char *bridge, bool is_in)
{
    nft_batch_begin_rule(b, "forward");
    nft_batch_match_interface(b, bridge, is_in, false);
}

static void end_forward(struct nft_batch *b, int verdict)
{
    nft_batch_verdict(b, verdict, NULL);
    nft_batch_end_rule(b, NULL);
}

static void add_forward(const struct net_nft_network *n, struct nft_batch *b)
{
    begin_forward(b, n->bridge, true);
    nft_batch_match_interface(b, n->bridge, false, false);
    end_forward(b, NF_ACCEPT);
    if (n->is_internal) {
        begin_forward(b, n->bridge, true);
        end_forward(b, NF_DROP);
    } else {
        begin_forward(b, n->bridge, false);
        nft_batch_match_state(b,
                              NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
        end_forward(b, NF_ACCEPT);
        begin_forward(b, n->bridge, false);
        nft_batch_match_status(b, IPS_DST_NAT);
        end_forward(b, NF_ACCEPT);
    }
    begin_forward(b, n->bridge, false);
    end_forward(b, NF_DROP);
}

static void add_chains(struct nft_batch *b)
{
    static const struct nft_batch_hook in = { "nat", NF_INET_PRE_ROUTING, DNAT_PRIORITY },
                                       local = { "nat", NF_INET_LOCAL_OUT, DNAT_PRIORITY },
                                       out = { "nat", NF_INET_POST_ROUTING, SNAT_PRIORITY },
                                       forward = { "filter", NF_INET_FORWARD, FILTER_PRIORITY };

    nft_batch_add_chain(b, "ports", NULL);
    nft_batch_add_chain(b, "nat_in", &in);
    nft_batch_add_chain(b, "nat_local", &local);
    nft_batch_add_chain(b, "nat_out", &out);
    nft_batch_add_chain(b, "forward", &forward);
}

void net_nft_fill(const struct net_nft_rules *rules, struct nft_batch *b)
{
    static const struct ip_net multicast4 = { { AF_INET, { 224 } }, 4 },
                               multicast6 = { { AF_INET6, { 0xff } }, 8 };

    add_chains(b);
    add_ports(rules, b);
    for (size_t i = 0; i < rules->n_networks; i++) {
        const struct net_nft_network *n = &rules->networks[i];
        add_masquerade(n, &n->subnet4, &multicast4, b);
        add_masquerade(n, &n->subnet6, &multicast6, b);
    }
    for (size_t i = 0; i < rules->n_networks; i++) {
        add_forward(&rules->networks[i], b);
    }
}

/* What there is of a table. */
struct state {
    bool is_there;
    uint32_t use; /* chains, maps and what is in them: 0 after "flush", though the table may stay */
    char mark[MARK_MAX];
};

static int read_table(void *arg, const struct nlmsghdr *h, struct imgc_err *reterr)
{
    const struct nfgenmsg *info = (const void *)netlink_body(h);
    struct state *state = arg;
    size_t len = 0;
    (void)reterr;

    if (h->nlmsg_len < NLMSG_LENGTH(sizeof *info)) {
        return 0;
    }
    const char *attributes = (const char *)info + NLMSG_ALIGN(sizeof *info);
    size_t rest = h->nlmsg_len - NLMSG_LENGTH(sizeof *info);
    const void *use = netlink_find(attributes, rest, NFTA_TABLE_USE, &len);
    if (use && len == sizeof state->use) {
        memcpy(&state->use, use, sizeof state->use);
    }
    const char *comment = nft_batch_comment(attributes, rest);
    (void)snprintf(state->mark, sizeof state->mark, "%s", comment ? comment : "");
    state->is_there = true;
    return 0;
}

static int look(struct netlink *nl, const char *table, struct state *ret, struct imgc_err *reterr)
{
    const struct nfgenmsg info = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 };
    struct netlink_message m;

    *ret = (struct state){ .use = 0 };
    netlink_begin(&m, (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE, 0, &info, sizeof info);
    netlink_add_text(&m, NFTA_TABLE_NAME, table);
    int r = netlink_dump(nl, &m, read_table, ret, reterr);
    if (r < 0 && reterr->sys != ENOENT) {
        return reterr->sys == EPERM || reterr->sys == EINVAL || reterr->sys == EOPNOTSUPP
                   ? imgc_fail(reterr, IMGC_E_HOST,
                               "this host's kernel has no nftables, or forbids "
                               "it (CAP_NET_ADMIN is needed)")
                   : r;
    }
    return 0;
}

/* FNV-1a: tells contents apart, no more. */
static uint64_t hash(struct imgc_str s)
{
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
    }
    return h;
}

static int make_mark(const struct net_nft_rules *rules, char ret[MARK_MAX], struct imgc_err *reterr)
{
    nft_batch_auto struct nft_batch b;
    struct imgc_str text;

    nft_batch_init(&b, NFPROTO_INET, rules->table);
    net_nft_fill(rules, &b);
    int r = imgc_buf_finish(&b.bytes, &text, reterr);
    if (r == 0) {
        (void)snprintf(ret, MARK_MAX, "imgc's, made anew with each change (%016llx)",
                       (unsigned long long)hash(text));
    }
    return r;
}

int net_nft_write(struct netlink *nl, const struct net_nft_rules *rules, bool is_repair,
                  struct imgc_err *reterr)
{
    nft_batch_auto struct nft_batch b;
    char mark[MARK_MAX] = "";
    struct state state;

    nft_batch_init(&b, NFPROTO_INET, rules->table);
    int r = look(nl, rules->table, &state, reterr);
    r = r < 0 ? r : make_mark(rules, mark, reterr);
    if (r < 0) {
        return r;
    }
    if (rules->n_networks > 0 && state.use > 0 && strcmp(state.mark, mark) == 0 && !is_repair) {
        return 0;
    }
    if (state.is_there) {
        nft_batch_add_table(&b, NULL); /* deleting what has gone meanwhile would be an error */
        nft_batch_delete_table(&b);
    }
    if (rules->n_networks > 0) {
        nft_batch_add_table(&b, mark);
        net_nft_fill(rules, &b);
    }
    return nft_batch_send(&b, nl, reterr);
}

int net_nft_open(struct netlink *ret, struct imgc_err *reterr)
{
    return netlink_open(NETLINK_NETFILTER, ret, reterr);
}

int net_nft_exists(struct netlink *nl, const char *table, bool *ret, struct imgc_err *reterr)
{
    struct state state;

    int r = look(nl, table, &state, reterr);
    *ret = r == 0 && state.use != 0;
    return r;
}
