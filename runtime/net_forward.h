/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts that forward nothing unless it is allowed: Docker and ufw set the policy of iptables'
 * FORWARD chain to drop, administrators that of chains of their own. What one table accepts another
 * still drops, so that imgc's own (net_nft.h) is not enough.
 *
 * Of FORWARD, which programs share, imgc becomes a user as others are: at its end, where all the
 * host's own rules have had their say, two rules for each bridge accept what the policy would drop,
 * with a comment by which they are found again. They are of the kind that iptables itself writes,
 * as it refuses whole tables in which it does not know something. What may enter a bridge is still
 * decided in imgc's table, so the caller writes that first. Chains that are
 * somebody's own are left alone; there is a warning that says what to do.
 *
 * Source: nft(8), "base chains": a packet is accepted only if no chain drops it; iptables(8).
 */
#ifndef IMGC_RUNTIME_NET_FORWARD_H
#define IMGC_RUNTIME_NET_FORWARD_H

#include "runtime/nft_batch.h"

#define NET_FORWARD_CHAINS 16 /* that are looked at */
#define NET_FORWARD_RULES 256 /* of imgc's, of all stores */
#define NET_FORWARD_NAME 64

struct net_forward_chain {
    uint8_t family; /* NFPROTO_ */
    bool is_drop;   /* its policy */
    bool is_shared; /* iptables' or ip6tables' FORWARD */
    char table[NET_FORWARD_NAME], name[NET_FORWARD_NAME];
};

struct net_forward_rule {
    size_t chain; /* index */
    uint64_t handle;
};

/* Chains of others that all forwarded packets pass, and imgc's rules in them. */
struct net_forward {
    struct net_forward_chain chains[NET_FORWARD_CHAINS];
    size_t n_chains;
    struct net_forward_rule rules[NET_FORWARD_RULES];
    size_t n_rules;
};

/** Look, over @nl (NETLINK_NETFILTER). @table  the store's own: by it its rules are known. @return
 * 0; -HOST; -SYS. */
IMGC_CHECK int net_forward_find(struct netlink *nl, const char *table, struct net_forward *ret,
                                struct imgc_err *reterr);

/** Append the requests that let what @bridges send and get pass the shared chains that drop, and
 * nothing of others any more: nothing where there is nothing to do. Pure. */
void net_forward_fill(const struct net_forward *f, const char *table, const char *const *bridges,
                      size_t n_bridges, struct nft_batch *b);

/** Append one line of warning, with the remedy, about chains that nothing can be added to; nothing
 * where there are none. Pure. */
void net_forward_warning(const struct net_forward *f, const char *bridge, struct imgc_buf *b);

/** Find, and do that; and the same for iptables' legacy tables (net_iptables.h).
 * Idempotent, and quick where there is nothing to do. @return 0; -HOST with what was refused.
 */
IMGC_CHECK int net_forward_apply(struct netlink *nl, const char *table, const char *const *bridges,
                                 size_t n_bridges, struct imgc_err *reterr);

/** Whether a rule of the table that @chain belongs to names @bridge: somebody has seen to it. */
IMGC_CHECK int net_forward_is_named(struct netlink *nl, const struct net_forward_chain *chain,
                                    const char *bridge, bool *ret, struct imgc_err *reterr);

#endif
