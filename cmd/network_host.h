/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rows of a store's networks mean on this host: bridges, and the store's nftables table.
 * Called with network_lock() held.
 */
#ifndef IMGC_CMD_NETWORK_HOST_H
#define IMGC_CMD_NETWORK_HOST_H

#include "runtime/net_bridge.h"
#include "runtime/net_nft.h"
#include "store/network_lease.h"

/** The store's table: "imgc" for root's usual store, "imgc-" and a number for another root. Returns
 * @out. */
const char *network_host_table(struct store *s, char out[NET_NFT_TABLE_MAX]);

/** The network called @name. The default one is made when it is first asked for.
 * @return 0; NETWORK_MISSING. */
IMGC_CHECK int network_host_find(struct store *s, const char *name, struct network *ret,
                                 struct imgc_err *reterr);

/** Choose what @n has not of subnets and gateways, so that they clash neither with this host's
 * routes nor with other networks of the store; check what it has if it is fixed. For the wanted
 * families. @return as net_bridge_choose(). */
IMGC_CHECK int network_host_choose(struct store *s, struct network *n, bool wants4, bool wants6,
                                   struct imgc_err *reterr);

/** Choose a bridge name that is free on this host and in this store.
 * @return 0; -LIMIT where there are too many. */
IMGC_CHECK int network_host_name(struct store *s, struct network *n, struct imgc_err *reterr);

/** What @n is on this host, as its row says. */
struct net_bridge network_host_bridge(struct store *s, const struct network *n);

/* Of the bridge, as asked for. */
#define NETWORK_HOST_OPTION_NAME "com.docker.network.bridge.name"
#define NETWORK_HOST_OPTION_MTU "mtu"

/** Bring the bridge of @n up, and note in its row what was chosen for it.
 * @is_used  whether containers are on it already. @return as net_bridge_up(). */
IMGC_CHECK int network_host_up(struct store *s, struct network *n, bool is_used,
                               struct net_bridge *ret, struct imgc_err *reterr);

/** Write the table, of all networks that have a container on them, where it is not so already.
 * @nl  of net_nft_open(). @return as net_nft_write(). */
IMGC_CHECK int network_host_write_rules(struct store *s, struct netlink *nl,
                                        struct imgc_err *reterr);

/** Let other tables pass what the networks in use send and get (net_forward.h). After the table is
 * written. @warnings  gets what is left for the user to do, a line each. @return 0; -HOST. */
IMGC_CHECK int network_host_forward(struct store *s, struct netlink *nl, struct imgc_buf *warnings,
                                    struct imgc_err *reterr);

/* What is to be done on the host so that nothing is left that nobody uses: the table anew, or gone
 * with the last container, and bridges without one down. */
struct network_host_rest {
    struct network_host_content *content; /* of the table; NULL: nothing was ever there */
    char table[NET_NFT_TABLE_MAX];
    struct net_bridge *bridges;
    size_t n;
};
void network_host_rest_done(struct network_host_rest *rest);
#define network_host_rest_auto imgc_auto(network_host_rest_done)

IMGC_CHECK int network_host_find_rest(struct store *s, struct network_host_rest *ret,
                                      struct imgc_err *reterr);

/** Do it. Knows nothing of the store, so that a child process may do it. */
IMGC_CHECK int network_host_trim(const struct network_host_rest *rest, struct imgc_err *reterr);

#endif
