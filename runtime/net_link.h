/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces, addresses and routes, in the network namespace that the socket was opened in.
 *
 * Source: rtnetlink(7); linux/if_link.h.
 */
#ifndef IMGC_RUNTIME_NET_LINK_H
#define IMGC_RUNTIME_NET_LINK_H

#include <net/if.h>

#include "runtime/netlink.h"
#include "schema/ip.h"

struct net_link {
    int index;
    unsigned mtu;
    uint8_t mac[IP_MAC_BYTES];
};

enum { NET_LINK_MISSING = 1, NET_LINK_EXISTS = 2 };

/** @return 0; NET_LINK_MISSING. */
IMGC_CHECK int net_link_find(struct netlink *nl, const char *name, struct net_link *ret,
                             struct imgc_err *reterr);

/** Add a bridge, up, and let nothing of its own speak IPv6 on it before it has addresses.
 * @mtu  0: the kernel's default. @return 0; NET_LINK_EXISTS where the name is taken; -HOST where
 * this host's kernel has no bridges or forbids them. */
IMGC_CHECK int net_link_add_bridge(struct netlink *nl, const char *name,
                                   const uint8_t mac[IP_MAC_BYTES], unsigned mtu,
                                   struct imgc_err *reterr);

struct net_link_veth {
    const char *name; /* of the end here */
    int master;       /* index of the bridge that it becomes a port of */
    unsigned mtu;
    const char *peer; /* name of the other end */
    const uint8_t *peer_mac;
    int peer_ns_fd; /* network namespace of the other end */
};

IMGC_CHECK int net_link_up(struct netlink *nl, int index, struct imgc_err *reterr);

/** Make an interface, up, a port of the bridge @master, which may send back where it came from. */
IMGC_CHECK int net_link_become_port(struct netlink *nl, int index, int master,
                                    struct imgc_err *reterr);

/** Add a pair of interfaces, of which the end here is up. @return 0; -HOST where this host's kernel
 * has none; -SYS. */
IMGC_CHECK int net_link_add_veth(struct netlink *nl, const struct net_link_veth *veth,
                                 struct imgc_err *reterr);

/** Remove an interface. A missing one is fine. */
IMGC_CHECK int net_link_delete(struct netlink *nl, const char *name, struct imgc_err *reterr);

/** Add an address, usable at once (no duplicate address detection). One that is there is fine. */
IMGC_CHECK int net_link_add_address(struct netlink *nl, int index, const struct ip_addr *a,
                                    unsigned prefix, struct imgc_err *reterr);

/** Add a default route. */
IMGC_CHECK int net_link_add_default(struct netlink *nl, int index, const struct ip_addr *gateway,
                                    struct imgc_err *reterr);

/** What is in use here: the destinations of all routes, but for default routes. */
struct net_link_used {
    struct ip_net *nets;
    size_t n;
    int default_index; /* interface of a default route, the first of IPv4 if there is one; 0: none
                        */
};
void net_link_used_done(struct net_link_used *u);
#define net_link_used_auto imgc_auto(net_link_used_done)
/** @except  index of an interface whose routes do not count; 0: none. */
IMGC_CHECK int net_link_find_used(struct netlink *nl, int except, struct net_link_used *ret,
                                  struct imgc_err *reterr);

/** Whether packets to @a are for this host itself. One that no route leads to is not. */
IMGC_CHECK int net_link_is_local(struct netlink *nl, const struct ip_addr *a, bool *ret,
                                 struct imgc_err *reterr);

/** The interface with @index. @return 0; NET_LINK_MISSING. */
IMGC_CHECK int net_link_by_index(struct netlink *nl, int index, struct net_link *ret,
                                 struct imgc_err *reterr);

#endif
