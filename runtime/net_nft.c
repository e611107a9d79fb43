/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_nft.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/netlink.h"

/* Elements of one map: ports of one address family, of all addresses of the host or of named ones.
 */
static void add_map(const struct net_nft_rules *rules, int family, bool is_named,
                    struct imgc_buf *b)
{
    char text[IP_TEXT_MAX];
    const char *separator = " elements = { ";

    imgc_buf_printf(b, "  map %s%d { type %s%sinet_proto . inet_service : %s . inet_service;",
                    is_named ? "named" : "any", family == AF_INET ? 4 : 6,
                    !is_named           ? ""
                    : family == AF_INET ? "ipv4_addr"
                                        : "ipv6_addr",
                    is_named ? " . " : "", family == AF_INET ? "ipv4_addr" : "ipv6_addr");
    for (size_t i = 0; i < rules->n_targets; i++) {
        const struct net_nft_target *t = &rules->targets[i];
        const struct ip_addr *to = family == AF_INET ? &t->address4 : &t->address6;
        for (size_t j = 0; j < t->ports.n && to->family != 0; j++) {
            const struct net_port *p = &t->ports.items[j];
            if (ip_is_loopback(&p->host) || is_named == net_port_is_any(p, family) ||
                (is_named && p->host.family != family)) {
                continue;
            }
            imgc_buf_puts(b, separator);
            if (is_named) {
                imgc_buf_printf(b, "%s . ", ip_text(&p->host, text));
            }
            imgc_buf_printf(b, "%s . %u : %s . %u", net_port_protocol(p), (unsigned)p->first,
                            ip_text(to, text), (unsigned)p->port);
            separator = ", ";
        }
    }
    imgc_buf_puts(b, separator[0] == ',' ? " }; }\n" : " }\n");
}

static void add_ports(const struct net_nft_rules *rules, struct imgc_buf *b)
{
    add_map(rules, AF_INET, true, b);
    add_map(rules, AF_INET6, true, b);
    add_map(rules, AF_INET, false, b);
    add_map(rules, AF_INET6, false, b);
    imgc_buf_puts(b, "  chain ports {\n"
                     "    ip daddr 127.0.0.0/8 return\n"
                     "    ip6 daddr ::1 return\n"
                     "    ip6 daddr fe80::/10 return\n"
                     "    dnat ip to ip daddr . meta l4proto . th dport map @named4\n"
                     "    dnat ip6 to ip6 daddr . meta l4proto . th dport map @named6\n"
                     "    dnat ip to meta l4proto . th dport map @any4\n"
                     "    dnat ip6 to meta l4proto . th dport map @any6\n"
                     "  }\n"
                     "  chain nat_in {\n"
                     "    type nat hook prerouting priority -100; policy accept;\n"
                     "    fib daddr type local jump ports\n"
                     "  }\n"
                     "  chain nat_local {\n"
                     "    type nat hook output priority -100; policy accept;\n"
                     "    fib daddr type local jump ports\n"
                     "  }\n");
}

/* Sent to a port of one's own network, or of oneself, over the host's address: the answer has to
 * come back over the host. */
static void add_masquerade(const struct net_nft_network *n, const struct ip_net *subnet,
                           const char *family, const char *multicast, struct imgc_buf *b)
{
    char text[IP_NET_TEXT_MAX];

    if (subnet->addr.family == 0) {
        return;
    }
    (void)ip_net_text(subnet, text);
    if (!n->is_internal) {
        imgc_buf_printf(b, "    %s saddr %s %s daddr != %s oifname != \"%s\" masquerade\n", family,
                        text, family, multicast, n->bridge);
    }
    imgc_buf_printf(b, "    %s saddr %s oifname \"%s\" ct status dnat masquerade\n", family, text,
                    n->bridge);
}

static void add_forward(const struct net_nft_network *n, struct imgc_buf *b)
{
    imgc_buf_printf(b, "    iifname \"%s\" oifname \"%s\" accept\n", n->bridge, n->bridge);
    if (n->is_internal) {
        imgc_buf_printf(b, "    iifname \"%s\" drop\n", n->bridge);
    } else {
        imgc_buf_printf(b,
                        "    oifname \"%s\" ct state established,related accept\n"
                        "    oifname \"%s\" ct status dnat accept\n",
                        n->bridge, n->bridge);
    }
    imgc_buf_printf(b, "    oifname \"%s\" drop\n", n->bridge);
}

void net_nft_script(const struct net_nft_rules *rules, struct imgc_buf *b)
{
    /* "add" first: deleting what is not there would be an error. */
    imgc_buf_printf(b, "add table inet %s\ndelete table inet %s\n", rules->table, rules->table);
    if (rules->n_networks == 0) {
        return;
    }
    imgc_buf_printf(b, "table inet %s {\n", rules->table);
    add_ports(rules, b);
    imgc_buf_puts(b, "  chain nat_out {\n"
                     "    type nat hook postrouting priority 100; policy accept;\n");
    for (size_t i = 0; i < rules->n_networks; i++) {
        const struct net_nft_network *n = &rules->networks[i];
        add_masquerade(n, &n->subnet4, "ip", "224.0.0.0/4", b);
        add_masquerade(n, &n->subnet6, "ip6", "ff00::/8", b);
    }
    imgc_buf_puts(b, "  }\n"
                     "  chain forward {\n"
                     "    type filter hook forward priority 0; policy accept;\n");
    for (size_t i = 0; i < rules->n_networks; i++) {
        add_forward(&rules->networks[i], b);
    }
    imgc_buf_puts(b, "  }\n}\n");
}

const char *net_nft_program(void)
{
    static const char *const paths[] = { "/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft",
                                         "/usr/bin/nft", "/run/current-system/sw/bin/nft" };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (access(paths[i], X_OK) == 0) {
            return paths[i];
        }
    }
    return NULL;
}

int net_nft_start(struct imgc_str script, struct net_nft_run *ret, struct imgc_err *reterr)
{
    const char *program = net_nft_program();
    const char *const argv[] = { program, "-f", "-", NULL };

    return program ? net_tool_start(argv, script, &ret->tool, reterr)
                   : imgc_fail(reterr, IMGC_E_HOST, "the program nft is not installed (nftables)");
}

int net_nft_wait(struct net_nft_run *run, struct imgc_err *reterr)
{
    int r = net_tool_wait(&run->tool, reterr);
    return r < 0 ? imgc_context(reterr, "nft refuses the rules of imgc's networks") : r;
}

void net_nft_done(struct net_nft_run *run)
{
    net_tool_done(&run->tool);
}

/* The table counts its chains, maps and what is in them: "use" is 0 after "flush", though the
 * table may stay. */
static int read_table(void *arg, const struct nlmsghdr *h, struct imgc_err *reterr)
{
    const struct nfgenmsg *info = (const void *)netlink_body(h);
    bool *is_there = arg;
    uint32_t use = 0;
    size_t len = 0;
    (void)reterr;

    if (h->nlmsg_len < NLMSG_LENGTH(sizeof *info)) {
        return 0;
    }
    const void *p = netlink_find((const char *)info + NLMSG_ALIGN(sizeof *info),
                                 h->nlmsg_len - NLMSG_LENGTH(sizeof *info), NFTA_TABLE_USE, &len);
    if (p && len == sizeof use) {
        memcpy(&use, p, sizeof use);
    }
    *is_there = use != 0;
    return 0;
}

int net_nft_exists(const char *table, bool *ret, struct imgc_err *reterr)
{
    const struct nfgenmsg info = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 };
    netlink_auto struct netlink nl = NETLINK_INIT;
    struct netlink_message m;
    bool is_there = false;

    int r = netlink_open(NETLINK_NETFILTER, &nl, reterr);
    if (r < 0) {
        return r;
    }
    netlink_begin(&m, (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE, 0, &info, sizeof info);
    netlink_add_text(&m, NFTA_TABLE_NAME, table);
    r = netlink_dump(&nl, &m, read_table, &is_there, reterr);
    if (r < 0 && reterr->sys != ENOENT) {
        return reterr->sys == EPERM || reterr->sys == EINVAL || reterr->sys == EOPNOTSUPP
                   ? imgc_fail(reterr, IMGC_E_HOST,
                               "this host's kernel has no nftables, or forbids "
                               "it (CAP_NET_ADMIN is needed)")
                   : r;
    }
    *ret = r == 0 && is_there;
    return 0;
}
