/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP packets to published ports, relayed: each peer has a socket towards the container, by which
 * its answers are known. A peer is forgotten after a silence.
 */
#ifndef IMGC_RUNTIME_NET_PORT_UDP_H
#define IMGC_RUNTIME_NET_PORT_UDP_H

#include "runtime/net_port_relay.h"

#define NET_PORT_UDP_PEERS 256
#define NET_PORT_UDP_SILENCE_MS 90000

IMGC_CHECK int net_port_udp_new(struct net_port_udp **ret, struct imgc_err *reterr);
void net_port_udp_free(struct net_port_udp **udp);

/** Take what waits at @socket. @source  of its fd. */
void net_port_udp_receive(struct net_port_relay *relay, const struct net_port_source *source,
                          const struct net_port_socket *socket);

/** Forget whoever was silent for too long. @return ms until there may be somebody again; -1: there
 * is nobody. */
int net_port_udp_expire(struct net_port_relay *relay);

#endif
