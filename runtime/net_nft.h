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
#include "runtime/net_tool.h"

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

/** Append the script for nft that makes @rules the table's content, or without networks removes it.
 * Pure. */
void net_nft_script(const struct net_nft_rules *rules, struct imgc_buf *b);

/** The program on this host, by absolute path; NULL: not installed. The caller's PATH is not asked:
 * root's may be anybody's. */
const char *net_nft_program(void);

struct net_nft_run {
    struct net_tool tool;
};

#define NET_NFT_RUN_INIT      \
    {                         \
        .tool = NET_TOOL_INIT \
    }

/** Start nft on @script. @return 0; -HOST where it is not installed. */
IMGC_CHECK int net_nft_start(struct imgc_str script, struct net_nft_run *ret,
                             struct imgc_err *reterr);

/** Wait until it has done it. @return 0; -HOST with what nft said. */
IMGC_CHECK int net_nft_wait(struct net_nft_run *run, struct imgc_err *reterr);
void net_nft_done(struct net_nft_run *run); /* idempotent; waits */
#define net_nft_auto imgc_auto(net_nft_done)

/** Whether there is such a table, of which as much as was made is left. Asks the kernel itself,
 * in microseconds. @return 0; -HOST without nftables. */
IMGC_CHECK int net_nft_exists(const char *table, bool *ret, struct imgc_err *reterr);

#endif
