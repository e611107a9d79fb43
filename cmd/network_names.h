/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the containers of one network find each other: lines in their hosts files
 * (runtime/net_names.h). Called with network_lock() held.
 */
#ifndef IMGC_CMD_NETWORK_NAMES_H
#define IMGC_CMD_NETWORK_NAMES_H

#include "runtime/net_want.h"
#include "store/network_lease.h"

struct network_names_args { /* all borrowed */
    const struct net_want *want;
    const char *hostname;
    const struct ip_addr *gateway;            /* NULL: there is none */
    const struct network_lease *own;          /* NULL: it has no addresses, and then no members */
    const struct network_lease_list *members; /* of its network */
};

/** The lines of a container's hosts file that the network knows: its own, those of --add-host, and
 * the other members'. @return 0; -USAGE for host-gateway without a gateway; -LIMIT; -NOMEM. */
IMGC_CHECK int network_names_hosts(const struct network_names_args *args, char **ret,
                                   struct imgc_err *reterr);

/** Write the members' names into the hosts files of all @members but @except (a container's id;
 * may be NULL). A file that is missing, or that its container has made too large, is left alone. */
void network_names_update(struct store *s, const struct network_lease_list *members,
                          const char *except);

/** The resolv.conf of a container with a network of its own. */
IMGC_CHECK int network_names_resolv(const struct net_want *want, bool has_ipv6, char **ret,
                                    struct imgc_err *reterr);

#endif
