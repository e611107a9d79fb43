/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The legacy tables of iptables, which nftables does not show: where their FORWARD chain drops by
 * policy, rules at its end let imgc's bridges through, as net_forward.h does it in nftables'. The
 * tables are read from the kernel, and only where this network namespace has one; they are changed
 * by iptables-legacy-restore, which knows how to do that beside others.
 *
 * Source: linux/netfilter_ipv4/ip_tables.h; iptables-restore(8).
 */
#ifndef IMGC_RUNTIME_NET_IPTABLES_H
#define IMGC_RUNTIME_NET_IPTABLES_H

#include "schema/base/buf.h"

#define NET_IPTABLES_RULES 256 /* of imgc's, of all stores */
#define NET_IPTABLES_NAME 16   /* of an interface */

struct net_iptables_rule {
    char interface[NET_IPTABLES_NAME];
    bool is_in; /* -i, else -o */
};

/* FORWARD of one family, and this store's rules in it. */
struct net_iptables {
    bool is_drop; /* its policy */
    struct net_iptables_rule rules[NET_IPTABLES_RULES];
    size_t n;
};

/** Look at the table "filter" of @family, as far as there is one. @comment  of the rules looked
 * for.
 * @return 0; -SYS. */
IMGC_CHECK int net_iptables_find(int family, const char *comment, struct net_iptables *ret,
                                 struct imgc_err *reterr);

/** Append what iptables-restore makes of it: only @bridges are let through, where the policy drops.
 * Nothing where that is so already. Pure. */
void net_iptables_script(const struct net_iptables *t, const char *comment,
                         const char *const *bridges, size_t n_bridges, struct imgc_buf *b);

/** Find, and do it, in both families. @return 0; -HOST where the program is missing, or refuses. */
IMGC_CHECK int net_iptables_apply(const char *comment, const char *const *bridges, size_t n_bridges,
                                  struct imgc_err *reterr);

#endif
