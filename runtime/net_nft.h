/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one nftables table of a store: masquerading of what its networks send out, forwarding, and
 * published ports. The table is a function of what is in use: it is written whole and put in its
 * place in one transaction, so that nothing of it can be half there, and writing it again mends
 * whatever was done to it. No other table is touched.
 *
 * What goes into a bridge must be an answer, or sent to a published port; so networks do not reach
 * each other, and nobody who routes over this host reaches what was not published (as docker 28).
 * What comes for 127.0.0.1 and ::1 is not the table's: without route_localnet, which would open the
 * host's own services to containers and neighbours (CVE-2020-8558), it cannot be; nor is what comes
 * for a link-local address, which is never forwarded. net_publish.h relays both.
 *
 * Source: nft(8); wiki.nftables.org, "Performing Network Address Translation".
 */
#ifndef IMGC_RUNTIME_NET_NFT_H
#define IMGC_RUNTIME_NET_NFT_H

#include "runtime/net_port.h"
#include "runtime/nft_batch.h"

#define NET_NFT_TABLE_MAX 32

struct net_nft_network {
    const char *bridge;             /* interface name */
    struct ip_net subnet4, subnet6; /* family 0: none */
    bool is_internal;               /* nothing goes in or out */
};

/* Where one container has its published ports. */
struct net_nft_target {
    struct ip_addr address4, address6; /* family 0: none */
    struct net_port_list ports;
};

struct net_nft_rules {
    const char *table;
    const struct net_nft_network *networks;
    size_t n_networks;
    const struct net_nft_target *targets;
    size_t n_targets;
};

/** Append the requests that make the table have @rules as its content, but for the table itself.
 * Pure. */
void net_nft_fill(const struct net_nft_rules *rules, struct nft_batch *b);

/** Make @rules the table's content, or without networks remove it. What is the same by the mark
 * that the table carries is left as it is.
 * @is_repair  write it also then: somebody may have taken rules out of it.
 * @nl  NETLINK_NETFILTER; closing such a socket waits some ten milliseconds until what the kernel
 *      has removed is gone, so it is better kept open.
 * @return 0; -HOST. */
IMGC_CHECK int net_nft_write(struct netlink *nl, const struct net_nft_rules *rules, bool is_repair,
                             struct imgc_err *reterr);

/** Open a socket for all that is asked of netfilter. @return 0; -HOST without nftables. */
IMGC_CHECK int net_nft_open(struct netlink *ret, struct imgc_err *reterr);

/** Whether there is such a table, of which as much as was made is left. Takes microseconds.
 * @return 0; -HOST without nftables. */
IMGC_CHECK int net_nft_exists(struct netlink *nl, const char *table, bool *ret,
                              struct imgc_err *reterr);

#endif
