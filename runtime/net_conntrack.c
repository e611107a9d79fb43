/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include "runtime/net_link.h"

#define TUPLE_BYTES 128 /* one takes some 80 */

struct peer {
    struct ip_addr asked;
    char tuple[TUPLE_BYTES];
    size_t len;
};

struct search {
    const struct net_port_list *ports;
    const struct ip_addr *address; /* of the container, in this family */
    int family;
    struct peer *peers;
    size_t n;
};

struct part {
    const char *ptr;
    size_t len;
};

static bool find(const struct part *in, uint16_t type, struct part *ret)
{
    ret->ptr = netlink_find(in->ptr, in->len, type, &ret->len);
    return ret->ptr != NULL;
}

/* An address in a tuple. @return whether it is there. */
static bool get_address(const struct part *tuple, int family, bool is_source, struct ip_addr *ret)
{
    static const uint16_t types[2][2] = { { CTA_IP_V4_DST, CTA_IP_V4_SRC },
                                          { CTA_IP_V6_DST, CTA_IP_V6_SRC } };
    struct part ip, address;

    if (!find(tuple, CTA_TUPLE_IP, &ip) ||
        !find(&ip, types[family == AF_INET6][is_source], &address) ||
        address.len != ip_bytes(family)) {
        return false;
    }
    *ret = (struct ip_addr){ .family = family };
    memcpy(ret->bytes, address.ptr, address.len);
    return true;
}

/* Whether what is tracked goes over UDP to one of the ports at @asked, as far as can be said
 * without knowing which addresses this host has. */
static bool is_published(const struct search *s, const struct part *tuple,
                         const struct ip_addr *asked)
{
    struct part protocol, number, port;
    uint16_t value;

    if (!find(tuple, CTA_TUPLE_PROTO, &protocol) || !find(&protocol, CTA_PROTO_NUM, &number) ||
        number.len != 1 || *number.ptr != IPPROTO_UDP ||
        !find(&protocol, CTA_PROTO_DST_PORT, &port) || port.len != sizeof value) {
        return false;
    }
    memcpy(&value, port.ptr, sizeof value);
    for (size_t i = 0; i < s->ports->n; i++) {
        const struct net_port *p = &s->ports->items[i];
        if (p->protocol == IPPROTO_UDP && p->first == ntohs(value) &&
            (net_port_is_any(p, s->family) || ip_eq(&p->host, asked))) {
            return true;
        }
    }
    return false;
}

static int read_entry(void *arg, const struct nlmsghdr *h, struct imgc_err *reterr)
{
    struct search *s = arg;
    size_t head = NLMSG_ALIGN(sizeof(struct nfgenmsg));
    struct ip_addr asked, answers;
    struct part all, there, back;
    (void)reterr;

    if (h->nlmsg_len < NLMSG_LENGTH(head) || s->n == NET_CONNTRACK_PEERS) {
        return 0;
    }
    all = (struct part){ netlink_body(h) + head, h->nlmsg_len - NLMSG_LENGTH(head) };
    if (!find(&all, CTA_TUPLE_ORIG, &there) || !find(&all, CTA_TUPLE_REPLY, &back) ||
        there.len > TUPLE_BYTES || !get_address(&there, s->family, false, &asked) ||
        !is_published(s, &there, &asked) || !get_address(&back, s->family, true, &answers) ||
        ip_eq(&asked, &answers) || ip_eq(&answers, s->address)) {
        return 0;
    }
    s->peers[s->n].asked = asked;
    memcpy(s->peers[s->n].tuple, there.ptr, there.len);
    s->peers[s->n++].len = there.len;
    return 0;
}

/* "All addresses" are those of this host: the others are somebody else's. */
static int forget_found(struct netlink *nl, const struct search *s, struct imgc_err *reterr)
{
    const struct nfgenmsg info = { .nfgen_family = (uint8_t)s->family, .version = NFNETLINK_V0 };
    netlink_auto struct netlink routes = NETLINK_INIT;
    struct netlink_message m;

    int r = s->n > 0 ? netlink_open(NETLINK_ROUTE, &routes, reterr) : 0;
    for (size_t i = 0; r == 0 && i < s->n; i++) {
        bool is_local = false;
        r = net_link_is_local(&routes, &s->peers[i].asked, &is_local, reterr);
        if (r < 0 || !is_local) {
            continue;
        }
        netlink_begin(&m, (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE, 0, &info,
                      sizeof info);
        netlink_add(&m, CTA_TUPLE_ORIG | NLA_F_NESTED, s->peers[i].tuple, s->peers[i].len);
        r = netlink_ask(nl, &m, reterr);
        if (r < 0 && reterr->sys == ENOENT) { /* it has ended meanwhile */
            r = 0;
        }
    }
    return r;
}

static int forget(struct netlink *nl, struct search *s, struct imgc_err *reterr)
{
    const struct nfgenmsg info = { .nfgen_family = (uint8_t)s->family, .version = NFNETLINK_V0 };
    struct netlink_message m;

    s->n = 0;
    netlink_begin(&m, (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET, NLM_F_DUMP, &info,
                  sizeof info);
    int r = netlink_dump(nl, &m, read_entry, s, reterr);
    return r < 0 ? r : forget_found(nl, s, reterr);
}

int net_conntrack_forget(struct netlink *nl, const struct net_port_list *ports,
                         const struct ip_addr *address4, const struct ip_addr *address6,
                         struct imgc_err *reterr)
{
    imgc_autofree struct peer *peers = NULL;
    bool is_any = false;

    for (size_t i = 0; i < ports->n; i++) {
        is_any = is_any || ports->items[i].protocol == IPPROTO_UDP;
    }
    if (!is_any) {
        return 0;
    }
    peers = calloc(NET_CONNTRACK_PEERS, sizeof *peers); /* pages of it that are used cost memory */
    if (!peers) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    struct search s = { .ports = ports, .peers = peers, .family = AF_INET, .address = address4 };
    int r = forget(nl, &s, reterr);
    s.family = AF_INET6;
    s.address = address6;
    return r < 0 ? r : forget(nl, &s, reterr);
}
