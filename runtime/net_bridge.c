/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_bridge.h"

#include <dirent.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "schema/base/fd.h"

#define BRIDGES_MAX 1024
#define ULA_TRIES 16

void net_bridge_mac(const char *id, uint8_t ret[IP_MAC_BYTES])
{
    char digits[9] = "";

    (void)snprintf(digits, sizeof digits, "%.8s", id);
    unsigned long value = strtoul(digits, NULL, 16);
    ret[0] = 0x02; /* locally administered; containers have 02:42 */
    ret[1] = 0x69;
    for (unsigned i = 0; i < 4; i++) {
        ret[2 + i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

struct ip_net net_bridge_candidate(bool is_small, uint64_t seed, unsigned i)
{
    /* /16: 10.87, 10.86, ... 10.64. /24: of 10.96.0.0/11, each of 8192 in an order that jumps. */
    uint64_t n = seed + i;
    struct ip_addr a = { .family = AF_INET, .bytes = { 10 } };

    if (is_small) {
        a.bytes[1] = (uint8_t)(96 + n % 32);
        a.bytes[2] = (uint8_t)(n / 32 % 256);
        return ip_net_of(&a, 24);
    }
    a.bytes[1] = (uint8_t)(87 - n % 24);
    return ip_net_of(&a, 16);
}

struct ip_addr net_bridge_gateway(const struct ip_net *subnet)
{
    struct ip_addr a = subnet->addr;

    (void)ip_net_nth(subnet, 1, &a);
    return a;
}

static bool is_free(const struct net_bridge *b, const struct net_link_used *used,
                    const struct ip_net *net)
{
    for (size_t i = 0; i < used->n; i++) {
        if (ip_net_overlaps(&used->nets[i], net)) {
            return false;
        }
    }
    for (size_t i = 0; i < b->n_avoid; i++) {
        if (ip_net_overlaps(&b->avoid[i], net)) {
            return false;
        }
    }
    return true;
}

static int choose_subnet4(struct net_bridge *b, const struct net_link_used *used,
                          struct imgc_err *reterr)
{
    for (unsigned i = 0; i < NET_BRIDGE_CANDIDATES; i++) {
        struct ip_net net = net_bridge_candidate(b->is_small, b->seed, i);
        if (is_free(b, used, &net)) {
            b->subnet4 = net;
            b->gateway4 = net_bridge_gateway(&net);
            return 0;
        }
    }
    return imgc_fail(reterr, IMGC_E_HOST,
                     "this host uses all subnets that imgc would choose from (10.64.0.0/10): name "
                     "one with network create --subnet");
}

/* RFC 4193: 40 random bits make it improbable that two networks ever clash; whether they do here is
 * asked all the same. */
static int choose_subnet6(struct net_bridge *b, const struct net_link_used *used,
                          struct imgc_err *reterr)
{
    for (int i = 0; i < ULA_TRIES; i++) {
        struct ip_addr a = { .family = AF_INET6, .bytes = { 0xfd } };
        if (getrandom(a.bytes + 1, 5, 0) != 5) {
            return imgc_fail_sys(reterr, errno, "get random bytes");
        }
        struct ip_net net = ip_net_of(&a, 64);
        if (is_free(b, used, &net)) {
            b->subnet6 = net;
            b->gateway6 = net_bridge_gateway(&net);
            return 0;
        }
    }
    return imgc_fail(reterr, IMGC_E_HOST, "no free IPv6 subnet was found");
}

static bool has_ipv6(void)
{
    return access("/proc/sys/net/ipv6/conf/all/forwarding", F_OK) == 0;
}

static bool needs(const struct net_bridge *b, const struct net_link_used *used,
                  const struct ip_net *net)
{
    return net->addr.family == 0 || (!b->is_fixed && !is_free(b, used, net));
}

/* What the user named, or containers have, stays; anything else moves out of the way. */
static int choose_subnets(struct net_bridge *b, const struct net_link_used *used, bool *changed,
                          struct imgc_err *reterr)
{
    const struct ip_net *const nets[2] = { &b->subnet4, &b->subnet6 };
    char text[IP_NET_TEXT_MAX];
    int r = 0;

    if (b->is_used) {
        return 0;
    }
    for (size_t i = 0; i < 2 && b->is_fixed; i++) {
        if (nets[i]->addr.family != 0 && !is_free(b, used, nets[i])) {
            return imgc_fail(reterr, IMGC_E_INUSE,
                             "subnet %s is in use on this host (see 'ip route')",
                             ip_net_text(nets[i], text));
        }
    }
    if (b->wants4 && needs(b, used, &b->subnet4)) {
        r = choose_subnet4(b, used, reterr);
        *changed = true;
    }
    if (r == 0 && b->wants6 && has_ipv6() && needs(b, used, &b->subnet6)) {
        r = choose_subnet6(b, used, reterr);
        *changed = true;
    }
    return r;
}

static int mtu_outside(struct netlink *nl, const struct net_link_used *used, unsigned *ret,
                       struct imgc_err *reterr)
{
    struct net_link link = { .mtu = 0 };

    if (used->default_index == 0) {
        return 0;
    }
    int r = net_link_by_index(nl, used->default_index, &link, reterr);
    *ret = r == 0 ? link.mtu : 0;
    return r < 0 ? r : 0;
}

/* The name it had, or the first that is free. */
static int add_link(struct netlink *nl, struct net_bridge *b, unsigned mtu, bool *changed,
                    struct imgc_err *reterr)
{
    int r = NET_LINK_EXISTS;

    if (b->name[0]) {
        r = net_link_add_bridge(nl, b->name, b->mac, mtu, reterr);
    }
    bool stays = b->name[0] && (b->is_used || b->is_named);
    for (int i = 0; r == NET_LINK_EXISTS && i < BRIDGES_MAX && !stays; i++) {
        (void)snprintf(b->name, sizeof b->name, "imgc%d", i);
        r = net_link_add_bridge(nl, b->name, b->mac, mtu, reterr);
        *changed = true;
    }
    return r == NET_LINK_EXISTS
               ? imgc_fail(reterr, IMGC_E_HOST, "the interface name %s is somebody else's", b->name)
               : r;
}

static int create(struct netlink *nl, struct net_bridge *b, bool *changed, struct imgc_err *reterr)
{
    net_link_used_auto struct net_link_used used = { .n = 0 };
    unsigned mtu = b->mtu;

    int r = net_link_find_used(nl, 0, &used, reterr);
    r = r < 0 ? r : choose_subnets(b, &used, changed, reterr);
    if (r == 0 && mtu == 0) {
        r = mtu_outside(nl, &used, &mtu, reterr);
    }
    return r < 0 ? r : add_link(nl, b, mtu, changed, reterr);
}

static bool write_sysctl(const char *path, const char *value)
{
    imgc_autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
}

static char read_sysctl(const char *path)
{
    char c = '\0';
    imgc_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && read(fd, &c, 1) != 1) {
        c = '\0';
    }
    return c;
}

/* A host that forwards IPv6 no longer heeds router advertisements, from which it may have its own
 * way out, unless it is told so (accept_ra = 2). */
static void keep_advertisements(void)
{
    DIR *dir = opendir("/proc/sys/net/ipv6/conf");
    const struct dirent *e;

    while (dir && (e = readdir(dir))) {
        char path[sizeof "/proc/sys/net/ipv6/conf//accept_ra" + sizeof e->d_name];
        (void)snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/accept_ra", e->d_name);
        if (e->d_name[0] != '.' && strcmp(e->d_name, "all") != 0 &&
            strcmp(e->d_name, "default") != 0 && read_sysctl(path) == '1') {
            (void)write_sysctl(path, "2");
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
}

static int forward(const struct net_bridge *b, struct imgc_err *reterr)
{
    static const char v4[] = "/proc/sys/net/ipv4/ip_forward";
    static const char v6[] = "/proc/sys/net/ipv6/conf/all/forwarding";

    if (b->is_internal) {
        return 0;
    }
    if (b->subnet4.addr.family != 0 && read_sysctl(v4) != '1' && !write_sysctl(v4, "1")) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this host does not forward IPv4, and %s cannot be set", v4);
    }
    if (b->subnet6.addr.family != 0 && read_sysctl(v6) == '0') {
        keep_advertisements();
        (void)write_sysctl(v6, "1"); /* else containers have IPv6 among themselves only */
    }
    return 0;
}

static int add_gateways(struct netlink *nl, const struct net_bridge *b, int index,
                        struct imgc_err *reterr)
{
    int r = 0;

    if (b->subnet4.addr.family != 0) {
        r = net_link_add_address(nl, index, &b->gateway4, b->subnet4.prefix, reterr);
    }
    if (r == 0 && b->subnet6.addr.family != 0) {
        r = net_link_add_address(nl, index, &b->gateway6, b->subnet6.prefix, reterr);
    }
    return r;
}

/* Whether it is there, and ours. */
static int find(struct netlink *nl, const struct net_bridge *b, struct net_link *ret,
                struct imgc_err *reterr)
{
    int r = b->name[0] ? net_link_find(nl, b->name, ret, reterr) : NET_LINK_MISSING;
    return r == 0 && memcmp(ret->mac, b->mac, sizeof b->mac) != 0 ? NET_LINK_MISSING : r;
}

int net_bridge_choose(struct net_bridge *b, struct imgc_err *reterr)
{
    net_link_used_auto struct net_link_used used = { .n = 0 };
    netlink_auto struct netlink nl = NETLINK_INIT;
    bool ignored = false;

    int r = netlink_open(NETLINK_ROUTE, &nl, reterr);
    r = r < 0 ? r : net_link_find_used(&nl, 0, &used, reterr);
    return r < 0 ? r : choose_subnets(b, &used, &ignored, reterr);
}

int net_bridge_is_taken(const struct net_bridge *b, bool *ret, struct imgc_err *reterr)
{
    netlink_auto struct netlink nl = NETLINK_INIT;
    struct net_link link = { .index = 0 };

    int r = netlink_open(NETLINK_ROUTE, &nl, reterr);
    r = r < 0 ? r : net_link_find(&nl, b->name, &link, reterr);
    if (r < 0) {
        return r;
    }
    *ret = r == 0 && memcmp(link.mac, b->mac, sizeof b->mac) != 0;
    return 0;
}

int net_bridge_up(struct net_bridge *b, bool *ret_changed, struct imgc_err *reterr)
{
    netlink_auto struct netlink nl = NETLINK_INIT;
    struct net_link link = { .index = 0 };
    bool changed = false;

    int r = netlink_open(NETLINK_ROUTE, &nl, reterr);
    r = r < 0 ? r : find(&nl, b, &link, reterr);
    if (r == NET_LINK_MISSING) {
        r = create(&nl, b, &changed, reterr);
        r = r < 0 ? r : find(&nl, b, &link, reterr);
    }
    if (r == NET_LINK_MISSING) {
        r = imgc_fail(reterr, IMGC_E_SYS, "bridge %s is gone", b->name);
    }
    r = r < 0 ? r : add_gateways(&nl, b, link.index, reterr);
    r = r < 0 ? r : forward(b, reterr);
    if (r == 0) {
        *ret_changed = changed;
    }
    return r;
}

int net_bridge_down(const struct net_bridge *b, struct imgc_err *reterr)
{
    netlink_auto struct netlink nl = NETLINK_INIT;
    struct net_link link = { .index = 0 };

    int r = netlink_open(NETLINK_ROUTE, &nl, reterr);
    r = r < 0 ? r : find(&nl, b, &link, reterr);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    return net_link_delete(&nl, b->name, reterr);
}

/* A netlink socket that stays in the namespace @netns_fd. */
static int open_inside(int netns_fd, struct netlink *ret, struct imgc_err *reterr)
{
    imgc_autoclose int own_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

    if (own_fd < 0) {
        return imgc_fail_sys(reterr, errno, "open one's own network namespace");
    }
    if (setns(netns_fd, CLONE_NEWNET) < 0) {
        return imgc_fail_sys(reterr, errno, "enter the container's network namespace");
    }
    int r = netlink_open(NETLINK_ROUTE, ret, reterr);
    if (setns(own_fd, CLONE_NEWNET) < 0) {
        return imgc_fail_sys(reterr, errno, "return to one's own network namespace");
    }
    return r;
}

static int configure(struct netlink *nl, const struct net_bridge *b,
                     const struct net_bridge_member *m, struct imgc_err *reterr)
{
    struct net_link link = { .index = 0 };

    int r = net_link_find(nl, m->inside, &link, reterr);
    if (r == NET_LINK_MISSING) {
        return imgc_fail(reterr, IMGC_E_SYS, "the container's %s is gone", m->inside);
    }
    r = r < 0 ? r : net_link_up(nl, link.index, reterr);
    if (r == 0 && m->address4.family != 0) {
        r = net_link_add_address(nl, link.index, &m->address4, b->subnet4.prefix, reterr);
        if (r == 0 && m->is_way_out4) {
            r = net_link_add_default(nl, link.index, &b->gateway4, reterr);
        }
    }
    if (r == 0 && m->address6.family != 0) {
        r = net_link_add_address(nl, link.index, &m->address6, b->subnet6.prefix, reterr);
        if (r == 0 && m->is_way_out6) {
            r = net_link_add_default(nl, link.index, &b->gateway6, reterr);
        }
    }
    return r;
}

int net_bridge_attach(const struct net_bridge *b, const struct net_bridge_member *m, int netns_fd,
                      struct imgc_err *reterr)
{
    netlink_auto struct netlink outside = NETLINK_INIT, inside = NETLINK_INIT;
    struct net_link bridge = { .index = 0 };

    int r = netlink_open(NETLINK_ROUTE, &outside, reterr);
    r = r < 0 ? r : find(&outside, b, &bridge, reterr);
    if (r == NET_LINK_MISSING) {
        return imgc_fail(reterr, IMGC_E_SYS, "bridge %s is gone", b->name);
    }
    r = r < 0 ? r : open_inside(netns_fd, &inside, reterr);
    if (r == 0) {
        r = net_link_add_veth(&outside,
                              &(struct net_link_veth){ .name = m->interface,
                                                       .master = bridge.index,
                                                       .mtu = bridge.mtu,
                                                       .peer = m->inside,
                                                       .peer_mac = m->mac,
                                                       .peer_ns_fd = netns_fd },
                              reterr);
    }
    return r < 0 ? r : configure(&inside, b, m, reterr);
}

int net_bridge_rejoin(const struct net_bridge *b, const char *interface, struct imgc_err *reterr)
{
    netlink_auto struct netlink nl = NETLINK_INIT;
    struct net_link bridge = { .index = 0 }, link = { .index = 0 };

    int r = netlink_open(NETLINK_ROUTE, &nl, reterr);
    r = r < 0 ? r : find(&nl, b, &bridge, reterr);
    if (r == NET_LINK_MISSING) {
        return imgc_fail(reterr, IMGC_E_SYS, "bridge %s is gone", b->name);
    }
    r = r < 0 ? r : net_link_find(&nl, interface, &link, reterr);
    if (r == NET_LINK_MISSING) {
        return NET_BRIDGE_LOST;
    }
    return r < 0 ? r : net_link_become_port(&nl, link.index, bridge.index, reterr);
}

int net_bridge_way_out(const char *inside, const struct ip_addr *gateway, int netns_fd,
                       struct imgc_err *reterr)
{
    netlink_auto struct netlink nl = NETLINK_INIT;
    struct net_link link = { .index = 0 };

    int r = open_inside(netns_fd, &nl, reterr);
    r = r < 0 ? r : net_link_find(&nl, inside, &link, reterr);
    if (r == NET_LINK_MISSING) {
        return imgc_fail(reterr, IMGC_E_SYS, "the container's %s is gone", inside);
    }
    return r < 0 ? r : net_link_add_default(&nl, link.index, gateway, reterr);
}

int net_bridge_detach(const char *interface, struct imgc_err *reterr)
{
    netlink_auto struct netlink nl = NETLINK_INIT;

    int r = netlink_open(NETLINK_ROUTE, &nl, reterr);
    return r < 0 ? r : net_link_delete(&nl, interface, reterr);
}
