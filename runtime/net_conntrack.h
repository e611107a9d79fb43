/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel remembers of UDP peers: as long as one sends, its packets go where the first of
 * them was sent to, whatever the rules say by now. So a client that keeps asking from one port
 * would ask a container that is gone for ever.
 *
 * Source: linux/netfilter/nfnetlink_conntrack.h.
 */
#ifndef IMGC_RUNTIME_NET_CONNTRACK_H
#define IMGC_RUNTIME_NET_CONNTRACK_H

#include "runtime/net_port.h"
#include "runtime/netlink.h"

#define NET_CONNTRACK_PEERS 4096 /* of one family, at once */

/** Have the kernel forget where it sends the packets to UDP @ports of this host, where that is
 * neither of the addresses. Only translated ones, and only of the addresses that are published:
 * what somebody else leads on from another address, though by the same port, stays.
 * @return 0; -HOST; -SYS; -NOMEM. */
IMGC_CHECK int net_conntrack_forget(struct netlink *nl, const struct net_port_list *ports,
                                    const struct ip_addr *address4, const struct ip_addr *address6,
                                    struct imgc_err *reterr);

#endif
