/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP connections to published ports, relayed. Ends and resets of one side become those of the
 * other; what one of them does not take yet is kept, and nothing more read for it meanwhile.
 */
#ifndef IMGC_RUNTIME_NET_PORT_TCP_H
#define IMGC_RUNTIME_NET_PORT_TCP_H

#include "runtime/net_port_relay.h"

#define NET_PORT_TCP_MAX 1024 /* connections at once */
#define NET_PORT_TCP_FDS 2    /* of each */

/** Take what waits at the listening @socket. @source  of its fd. */
void net_port_tcp_accept(struct net_port_relay *relay, const struct net_port_source *source,
                         const struct net_port_socket *socket);

#endif
