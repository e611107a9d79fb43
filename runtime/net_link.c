/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_link.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define USED_MAX                                                                      \
    65536 /* routes looked at: a host with a full table of the Internet has more, and \
             then the rest is not looked at */

static int read_link(void *arg, const struct nlmsghdr *h, struct imgc_err *reterr)
{
    struct net_link *link = arg;
    const struct ifinfomsg *info = (const void *)netlink_body(h);
    size_t len = 0;

    if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof *info)) {
        return imgc_fail(reterr, IMGC_E_SYS, "the kernel's answer is no interface");
    }
    const char *attributes = (const char *)info + NLMSG_ALIGN(sizeof *info);
    size_t rest = h->nlmsg_len - NLMSG_LENGTH(sizeof *info);
    link->index = info->ifi_index;
    const void *p = netlink_find(attributes, rest, IFLA_MTU, &len);
    if (p && len == sizeof link->mtu) {
        memcpy(&link->mtu, p, sizeof link->mtu);
    }
    p = netlink_find(attributes, rest, IFLA_ADDRESS, &len);
    if (p && len == sizeof link->mac) {
        memcpy(link->mac, p, sizeof link->mac);
    }
    return 0;
}

static int get_link(struct netlink *nl, struct netlink_message *m, struct net_link *ret,
                    struct imgc_err *reterr)
{
    struct net_link link = { .index = 0 };

    int r = netlink_dump(nl, m, read_link, &link, reterr);
    if (r < 0) {
        return reterr->sys == ENODEV ? NET_LINK_MISSING : r;
    }
    *ret = link;
    return 0;
}

int net_link_find(struct netlink *nl, const char *name, struct net_link *ret,
                  struct imgc_err *reterr)
{
    struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
    struct netlink_message m;

    netlink_begin(&m, RTM_GETLINK, 0, &info, sizeof info);
    netlink_add_text(&m, IFLA_IFNAME, name);
    return get_link(nl, &m, ret, reterr);
}

int net_link_by_index(struct netlink *nl, int index, struct net_link *ret, struct imgc_err *reterr)
{
    struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = index };
    struct netlink_message m;

    netlink_begin(&m, RTM_GETLINK, 0, &info, sizeof info);
    return get_link(nl, &m, ret, reterr);
}

static int add_failed(const char *what, struct imgc_err *reterr)
{
    switch (reterr->sys) {
    case EOPNOTSUPP:
        return imgc_fail(reterr, IMGC_E_HOST, "this host's kernel has no %s interfaces", what);
    case EPERM:
    case EACCES:
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this host forbids %s interfaces (CAP_NET_ADMIN is needed)", what);
    default:
        return imgc_context(reterr, "add a %s interface", what);
    }
}

int net_link_add_bridge(struct netlink *nl, const char *name, const uint8_t mac[IP_MAC_BYTES],
                        unsigned mtu, struct imgc_err *reterr)
{
    const struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    struct netlink_message m;

    netlink_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
    netlink_add_text(&m, IFLA_IFNAME, name);
    netlink_add(&m, IFLA_ADDRESS, mac, IP_MAC_BYTES);
    if (mtu > 0) {
        netlink_add_u32(&m, IFLA_MTU, mtu);
    }
    size_t kind = netlink_nest(&m, IFLA_LINKINFO, NULL, 0);
    netlink_add_text(&m, IFLA_INFO_KIND, "bridge");
    netlink_end(&m, kind);
    int r = netlink_ask(nl, &m, reterr);
    if (r < 0) {
        return reterr->sys == EEXIST ? NET_LINK_EXISTS : add_failed("bridge", reterr);
    }
    return 0;
}

/* The host's end speaks no IPv6 of its own: the bridge does. Only while it is down, and where there
 * is IPv6 at all. */
static void drop_link_local(struct netlink *nl, int index)
{
    const struct ifinfomsg info = { .ifi_index = index };
    uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
    struct netlink_message m;
    struct imgc_err ignored;

    netlink_begin(&m, RTM_SETLINK, 0, &info, sizeof info);
    size_t spec = netlink_nest(&m, IFLA_AF_SPEC | NLA_F_NESTED, NULL, 0);
    size_t six = netlink_nest(&m, AF_INET6 | NLA_F_NESTED, NULL, 0);
    netlink_add(&m, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof mode);
    netlink_end(&m, six);
    netlink_end(&m, spec);
    (void)!netlink_ask(nl, &m, &ignored);
}

static int enslave(struct netlink *nl, int index, int master, struct imgc_err *reterr)
{
    const struct ifinfomsg info = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    struct netlink_message m;

    netlink_begin(&m, RTM_SETLINK, 0, &info, sizeof info);
    netlink_add_u32(&m, IFLA_MASTER, (uint32_t)master);
    return netlink_ask(nl, &m, reterr);
}

/* Where bridges pass what they forward through the host's netfilter (br_netfilter), a container
 * that asks for its own published port is answered through the port that it asked on. */
static int set_hairpin(struct netlink *nl, int index, struct imgc_err *reterr)
{
    const struct ifinfomsg info = { .ifi_family = AF_BRIDGE, .ifi_index = index };
    struct netlink_message m;
    uint8_t on = 1;

    netlink_begin(&m, RTM_SETLINK, 0, &info, sizeof info);
    size_t port = netlink_nest(&m, IFLA_PROTINFO | NLA_F_NESTED, NULL, 0);
    netlink_add(&m, IFLA_BRPORT_MODE, &on, sizeof on);
    netlink_end(&m, port);
    return netlink_ask(nl, &m, reterr);
}

int net_link_become_port(struct netlink *nl, int index, int master, struct imgc_err *reterr)
{
    int r = enslave(nl, index, master, reterr);
    r = r < 0 ? r : set_hairpin(nl, index, reterr);
    return r < 0 ? imgc_context(reterr, "make an interface a port of a bridge") : 0;
}

static int add_pair(struct netlink *nl, const struct net_link_veth *veth, struct imgc_err *reterr)
{
    const struct ifinfomsg down = { .ifi_flags = 0 }; /* an end without the other cannot be up */
    struct netlink_message m;

    netlink_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &down, sizeof down);
    netlink_add_text(&m, IFLA_IFNAME, veth->name);
    netlink_add_u32(&m, IFLA_MTU, veth->mtu);
    size_t kind = netlink_nest(&m, IFLA_LINKINFO, NULL, 0);
    netlink_add_text(&m, IFLA_INFO_KIND, "veth");
    size_t data = netlink_nest(&m, IFLA_INFO_DATA, NULL, 0);
    size_t peer = netlink_nest(&m, VETH_INFO_PEER, &down, sizeof down);
    netlink_add_text(&m, IFLA_IFNAME, veth->peer);
    netlink_add(&m, IFLA_ADDRESS, veth->peer_mac, IP_MAC_BYTES);
    netlink_add_u32(&m, IFLA_MTU, veth->mtu);
    netlink_add_u32(&m, IFLA_NET_NS_FD, (uint32_t)veth->peer_ns_fd);
    netlink_end(&m, peer);
    netlink_end(&m, data);
    netlink_end(&m, kind);
    int r = netlink_ask(nl, &m, reterr);
    return r < 0 ? add_failed("veth", reterr) : 0;
}

int net_link_add_veth(struct netlink *nl, const struct net_link_veth *veth, struct imgc_err *reterr)
{
    struct net_link link = { .index = 0 };

    int r = add_pair(nl, veth, reterr);
    r = r < 0 ? r : net_link_find(nl, veth->name, &link, reterr);
    if (r == NET_LINK_MISSING) {
        r = imgc_fail(reterr, IMGC_E_SYS, "interface %s is gone", veth->name);
    }
    if (r == 0) {
        drop_link_local(nl, link.index);
        r = net_link_become_port(nl, link.index, veth->master, reterr);
    }
    return r < 0 ? imgc_context(reterr, "interface %s", veth->name) : 0;
}

int net_link_up(struct netlink *nl, int index, struct imgc_err *reterr)
{
    const struct ifinfomsg info = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    struct netlink_message m;

    netlink_begin(&m, RTM_SETLINK, 0, &info, sizeof info);
    int r = netlink_ask(nl, &m, reterr);
    return r < 0 ? imgc_context(reterr, "bring up an interface") : 0;
}

int net_link_delete(struct netlink *nl, const char *name, struct imgc_err *reterr)
{
    struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
    struct netlink_message m;

    netlink_begin(&m, RTM_DELLINK, 0, &info, sizeof info);
    netlink_add_text(&m, IFLA_IFNAME, name);
    int r = netlink_ask(nl, &m, reterr);
    return r < 0 && reterr->sys != ENODEV ? imgc_context(reterr, "remove interface %s", name) : 0;
}

int net_link_add_address(struct netlink *nl, int index, const struct ip_addr *a, unsigned prefix,
                         struct imgc_err *reterr)
{
    const struct ifaddrmsg info = {
        .ifa_family = (uint8_t)a->family,
        .ifa_prefixlen = (uint8_t)prefix,
        .ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0,
        .ifa_index = (uint32_t)index,
    };
    const struct ip_net net = ip_net_of(a, prefix);
    const struct ip_addr last = ip_net_last(&net);
    struct netlink_message m;
    char text[IP_TEXT_MAX];

    netlink_begin(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
    netlink_add(&m, IFA_LOCAL, a->bytes, ip_bytes(a->family));
    netlink_add(&m, IFA_ADDRESS, a->bytes, ip_bytes(a->family));
    if (a->family == AF_INET && prefix < 31) {
        netlink_add(&m, IFA_BROADCAST, last.bytes, ip_bytes(a->family));
    }
    int r = netlink_ask(nl, &m, reterr);
    if (r < 0 && reterr->sys != EEXIST) {
        return imgc_context(reterr, "give an interface the address %s", ip_text(a, text));
    }
    return 0;
}

int net_link_add_default(struct netlink *nl, int index, const struct ip_addr *gateway,
                         struct imgc_err *reterr)
{
    const struct rtmsg info = {
        .rtm_family = (uint8_t)gateway->family,
        .rtm_table = RT_TABLE_MAIN,
        .rtm_protocol = RTPROT_STATIC,
        .rtm_scope = RT_SCOPE_UNIVERSE,
        .rtm_type = RTN_UNICAST,
    };
    struct netlink_message m;
    char text[IP_TEXT_MAX];

    netlink_begin(&m, RTM_NEWROUTE, NLM_F_CREATE, &info, sizeof info);
    netlink_add(&m, RTA_GATEWAY, gateway->bytes, ip_bytes(gateway->family));
    netlink_add_u32(&m, RTA_OIF, (uint32_t)index);
    int r = netlink_ask(nl, &m, reterr);
    return r < 0 ? imgc_context(reterr, "add a default route over %s", ip_text(gateway, text)) : 0;
}

void net_link_used_done(struct net_link_used *u)
{
    free(u->nets);
    u->nets = NULL;
    u->n = 0;
}

struct route_reader {
    struct net_link_used *used;
    int except;
    bool has_default4;
};

static void note_default(struct route_reader *reader, int family, int index)
{
    struct net_link_used *u = reader->used;

    if (index != 0 && (u->default_index == 0 || (family == AF_INET && !reader->has_default4))) {
        u->default_index = index;
        reader->has_default4 = family == AF_INET;
    }
}

static int note_net(struct net_link_used *u, const struct rtmsg *info, const void *to,
                    struct imgc_err *reterr)
{
    struct ip_addr a = { .family = info->rtm_family };

    if ((u->n & (u->n - 1)) == 0) { /* room doubles */
        struct ip_net *nets = reallocarray(u->nets, u->n > 0 ? 2 * u->n : 1, sizeof *nets);
        if (!nets) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        u->nets = nets;
    }
    memcpy(a.bytes, to, ip_bytes(a.family));
    u->nets[u->n++] = ip_net_of(&a, info->rtm_dst_len);
    return 0;
}

static int read_route(void *arg, const struct nlmsghdr *h, struct imgc_err *reterr)
{
    struct route_reader *reader = arg;
    const struct rtmsg *info = (const void *)netlink_body(h);
    size_t len = 0;
    int index = 0;

    if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof *info) ||
        (info->rtm_family != AF_INET && info->rtm_family != AF_INET6)) {
        return 0;
    }
    const char *attributes = (const char *)info + NLMSG_ALIGN(sizeof *info);
    size_t rest = h->nlmsg_len - NLMSG_LENGTH(sizeof *info);
    const void *p = netlink_find(attributes, rest, RTA_OIF, &len);
    if (p && len == sizeof index) {
        memcpy(&index, p, sizeof index);
    }
    if (info->rtm_dst_len == 0) {
        if (info->rtm_type == RTN_UNICAST) {
            note_default(reader, info->rtm_family, index);
        }
        return 0;
    }
    p = netlink_find(attributes, rest, RTA_DST, &len);
    if (!p || len != ip_bytes(info->rtm_family) || (index != 0 && index == reader->except) ||
        info->rtm_type == RTN_MULTICAST || reader->used->n >= USED_MAX) {
        return 0;
    }
    return note_net(reader->used, info, p, reterr);
}

int net_link_find_used(struct netlink *nl, int except, struct net_link_used *ret,
                       struct imgc_err *reterr)
{
    static const int families[] = { AF_INET, AF_INET6 };
    net_link_used_auto struct net_link_used used = { .n = 0 };
    struct route_reader reader = { .used = &used, .except = except };
    int r = 0;

    /* Each address has a route too: the local one, and that of its subnet. */
    for (size_t i = 0; i < sizeof families / sizeof *families && r == 0; i++) {
        const struct rtmsg info = { .rtm_family = (uint8_t)families[i] };
        struct netlink_message m;
        netlink_begin(&m, RTM_GETROUTE, NLM_F_DUMP, &info, sizeof info);
        r = netlink_dump(nl, &m, read_route, &reader, reterr);
        if (r < 0 && (reterr->sys == EOPNOTSUPP || reterr->sys == EAFNOSUPPORT)) {
            r = 0; /* a kernel without IPv6 */
        }
    }
    if (r == 0) {
        *ret = used;
        used = (struct net_link_used){ .n = 0 };
    }
    return r;
}

static int read_type(void *arg, const struct nlmsghdr *h, struct imgc_err *reterr)
{
    const struct rtmsg *info = (const void *)netlink_body(h);
    bool *is_local = arg;
    (void)reterr;

    *is_local = h->nlmsg_type == RTM_NEWROUTE && h->nlmsg_len >= NLMSG_LENGTH(sizeof *info) &&
                info->rtm_type == RTN_LOCAL;
    return 0;
}

int net_link_is_local(struct netlink *nl, const struct ip_addr *a, bool *ret,
                      struct imgc_err *reterr)
{
    const struct rtmsg info = { .rtm_family = (uint8_t)a->family,
                                .rtm_dst_len = (uint8_t)(8 * ip_bytes(a->family)) };
    struct netlink_message m;

    *ret = false;
    netlink_begin(&m, RTM_GETROUTE, 0, &info, sizeof info);
    netlink_add(&m, RTA_DST, a->bytes, ip_bytes(a->family));
    int r = netlink_dump(nl, &m, read_type, ret, reterr);
    if (r < 0 && reterr->sys != ENETUNREACH && reterr->sys != EHOSTUNREACH &&
        reterr->sys != EACCES && reterr->sys != EINVAL) {
        return imgc_context(reterr, "look up a route");
    }
    return 0;
}
