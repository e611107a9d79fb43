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
    const struct ip_addr *gateway;           /* NULL: there is none */
    const char *id;                          /* the container's; NULL: it is on no network */
    const struct network_lease_list *leases; /* its own and all others, of all networks */
};

/** The lines of a container's hosts file that the network knows: its own, those of --add-host, and
 * the other members'. @return 0; -USAGE for host-gateway without a gateway; -LIMIT; -NOMEM. */
IMGC_CHECK int network_names_hosts(const struct network_names_args *args, char **ret,
                                   struct imgc_err *reterr);

/** Write into the hosts files of the members of the network @network_id, but @except (a container's
 * id; may be NULL), who is on each of their networks. A file that is missing, or that its container
 * has made too large, is left alone. @leases  all that there are. */
void network_names_update(struct store *s, const struct network_lease_list *leases,
                          const char *network_id, const char *except);

/** The same for the container @id alone, which has left a network. */
void network_names_refresh(struct store *s, const struct network_lease_list *leases,
                           const char *id);

/** The resolv.conf of a container with a network of its own. */
IMGC_CHECK int network_names_resolv(const struct net_want *want, bool has_ipv6, char **ret,
                                    struct imgc_err *reterr);

#endif
