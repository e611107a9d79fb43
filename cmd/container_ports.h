/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published ports of a container that runs, as `ps`, `port` and `inspect` show them.
 */
#ifndef IMGC_CMD_CONTAINER_PORTS_H
#define IMGC_CMD_CONTAINER_PORTS_H

#include "runtime/net_port.h"
#include "store/network_lease.h"

/** Those of @c out of @leases, which may be of all containers. @ret is appended to; nothing where
 * it does not run. @return 0; -STORE; -NOMEM. */
IMGC_CHECK int container_ports_of(const struct container *c,
                                  const struct network_lease_list *leases,
                                  struct net_port_list *ret, struct imgc_err *reterr);

/** The same, of one container. */
IMGC_CHECK int container_ports_list(struct store *s, const struct container *c,
                                    struct net_port_list *ret, struct imgc_err *reterr);

#endif
