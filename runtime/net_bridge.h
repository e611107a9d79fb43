/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network on this host: its bridge with the gateways' addresses, the choice of subnets that
 * nothing here uses, forwarding, and the pair of interfaces that puts a container on it.
 *
 * A bridge is known by its MAC, which is made from the network's id: so another store's bridge, or
 * somebody else's, is never taken for it, whatever its name.
 *
 * Source: RFC 1918; RFC 4193 (3.2, unique local addresses); ip-sysctl.rst of the kernel.
 */
#ifndef IMGC_RUNTIME_NET_BRIDGE_H
#define IMGC_RUNTIME_NET_BRIDGE_H

#include <net/if.h>

#include "runtime/net_link.h"

struct net_bridge {
    char name[IFNAMSIZ]; /* "": not chosen yet */
    uint8_t mac[IP_MAC_BYTES];
    struct ip_net subnet4, subnet6; /* family 0: none */
    struct ip_addr gateway4, gateway6;
    bool is_internal;
    bool wants4,
        wants6;    /* a subnet is chosen where there is none; IPv6 only where the host has it */
    bool is_fixed; /* the subnets are the user's choice: a clash is an error */
    bool is_named; /* the name is the user's choice: a clash is an error */
    bool is_used;  /* containers are on it: name and subnets stay */
    bool is_small; /* of the candidates a /24 is enough; else a /16 */
    unsigned mtu;  /* 0: that of the way to the outside */
    uint64_t seed; /* where to begin among the candidates */
    const struct ip_net *avoid; /* borrowed: subnets that are promised, though not in use now */
    size_t n_avoid;
};

/** The MAC of the bridge of the network @id (hex digits). */
void net_bridge_mac(const char *id, uint8_t ret[IP_MAC_BYTES]);

/** Candidate @i for the IPv4 subnet of a network: of 10.64.0.0/10, without what podman takes by
 * itself (10.88.0.0/13). Pure. */
struct ip_net net_bridge_candidate(bool is_small, uint64_t seed, unsigned i);
#define NET_BRIDGE_CANDIDATES 4096

/** The first address of a subnet, which is the gateway's unless another is named. */
struct ip_addr net_bridge_gateway(const struct ip_net *subnet);

/** Choose its subnets and gateways, as far as it has none, and check those that it has, without
 * making anything. @return 0; -INUSE where a fixed subnet is in use on this host; -HOST. */
IMGC_CHECK int net_bridge_choose(struct net_bridge *b, struct imgc_err *reterr);

/** Whether there is an interface of that name here, which is not this bridge. */
IMGC_CHECK int net_bridge_is_taken(const struct net_bridge *b, bool *ret, struct imgc_err *reterr);

/**
 * Bring it up in the caller's network namespace, as far as it is not. Idempotent.
 * @ret_changed  whether name, subnets or gateways of @b were chosen here.
 * @return 0; -INUSE where a fixed subnet is in use on this host; -HOST; -SYS.
 */
IMGC_CHECK int net_bridge_up(struct net_bridge *b, bool *ret_changed, struct imgc_err *reterr);

/** Take it down, where it is ours. */
IMGC_CHECK int net_bridge_down(const struct net_bridge *b, struct imgc_err *reterr);

struct net_bridge_member {
    const char *interface;             /* name of the host's end */
    const char *inside;                /* of the container's: "eth0" */
    struct ip_addr address4, address6; /* family 0: none */
    const uint8_t *mac;
    bool is_way_out4, is_way_out6; /* the default route goes over this network */
};

/** Give the network namespace @netns_fd an interface on the bridge, with addresses and default
 * routes. The caller's own namespace is as before on return. Nothing of the container's is
 * read or run. Context: parent, single-threaded. @return 0; -HOST; -SYS. */
IMGC_CHECK int net_bridge_attach(const struct net_bridge *b, const struct net_bridge_member *m,
                                 int netns_fd, struct imgc_err *reterr);

enum { NET_BRIDGE_LOST = 1 };

/** Make the host's end @interface of a container a port of the bridge again, which may have been
 * removed and made anew. Idempotent. @return 0; NET_BRIDGE_LOST where there is no such interface.
 */
IMGC_CHECK int net_bridge_rejoin(const struct net_bridge *b, const char *interface,
                                 struct imgc_err *reterr);

/** Let the default route of @gateway's family go over the interface @inside of the namespace
 * @netns_fd, which has none. Context: as net_bridge_attach(). */
IMGC_CHECK int net_bridge_way_out(const char *inside, const struct ip_addr *gateway, int netns_fd,
                                  struct imgc_err *reterr);

/** Remove the host's end @interface, and with it the container's. A missing one is fine. */
IMGC_CHECK int net_bridge_detach(const char *interface, struct imgc_err *reterr);

#endif
