/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of published ports: sockets that hold them, so that nobody else gets them, and so
 * that one that is taken is an error before anything else is done.
 */
#ifndef IMGC_RUNTIME_NET_PORT_BIND_H
#define IMGC_RUNTIME_NET_PORT_BIND_H

#include <sys/socket.h>

#include "runtime/net_port.h"

/* One of the host's addresses, or all of one family. TCP ones listen, UDP ones tell with each
 * packet to which address it came. */
struct net_port_socket {
    int fd; /* does not block */
    int family;
    uint8_t protocol;
    uint16_t port; /* the container's */
};

struct net_port_sockets {
    struct net_port_socket *items;
    size_t n;
};
void net_port_sockets_done(struct net_port_sockets *sockets); /* closes them */
#define net_port_sockets_auto imgc_auto(net_port_sockets_done)

/**
 * Take all of @ports in the caller's network namespace. Of ranges, and where any port will do, a
 * free one is taken, the same for all addresses; @ports then has it. Where this host has no IPv6,
 * "all addresses" are those of IPv4.
 *
 * @ret     success only.
 * @return  0; -EXISTS (taken, which names it); -USAGE (no address of this host); -HOST; -SYS;
 * -NOMEM.
 */
IMGC_CHECK int net_port_bind(struct net_port_list *ports, struct net_port_sockets *ret,
                             struct imgc_err *reterr);

/** Write the address @a with @port for the kernel. @return its length. */
socklen_t net_port_sockaddr(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *ret);

#endif
