/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking slirp4netns to publish ports, over its socket.
 *
 * Source: slirp4netns(1), "API SOCKET".
 */
#ifndef IMGC_RUNTIME_NET_SLIRP_H
#define IMGC_RUNTIME_NET_SLIRP_H

#include "runtime/net_port.h"

#define NET_SLIRP_SOCKET "network-ports" /* in the directory of the container */

/** The request for one port, a line of JSON. Pure. @return 0; -HOST: IPv6, which it has not. */
IMGC_CHECK int net_slirp_request(const struct net_port *p, struct imgc_buf *b,
                                 struct imgc_err *reterr);

/** Publish @ports, each with its port of the host. @dir_fd  directory of the socket.
 * @return 0; -HOST with what it answered; -SYS. */
IMGC_CHECK int net_slirp_publish(int dir_fd, const struct net_port_list *ports,
                                 struct imgc_err *reterr);

#endif
