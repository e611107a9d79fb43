/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reaches the sockets of published ports is relayed to the container: above all what comes
 * from the host's loopback, which the kernel's NAT is not allowed to lead anywhere (net_nft.h).
 * net_port_tcp and net_port_udp do it; this is the loop that wakes them.
 *
 * Bounded: so many connections (more are reset at once, not left to wait), so many peers over UDP
 * (the one that was silent for longest makes room). Nothing of what passes through is looked at.
 */
#ifndef IMGC_RUNTIME_NET_PORT_RELAY_H
#define IMGC_RUNTIME_NET_PORT_RELAY_H

#include "runtime/net_port_bind.h"

struct net_port_relay;

/* What the loop waits for. The first member of whatever it belongs to. */
struct net_port_source {
    int fd;
    uint32_t events; /* that it is waited for; 0: it is not */
    /** May free itself: the loop does not come back to it. */
    void (*serve)(struct net_port_relay *relay, struct net_port_source *source, uint32_t events);
};

struct net_port_udp;

#define NET_PORT_RELAY_BYTES 65536 /* no UDP packet is larger */

struct net_port_relay {
    int epoll_fd;
    struct ip_addr address4, address6; /* the container's; family 0: none */
    size_t n_connections, max_connections;
    struct net_port_udp *udp;
    bool is_over;
    char buffer[NET_PORT_RELAY_BYTES]; /* of whoever has his turn */
};

/** Wait for @events of @source (0: for nothing), from now on. */
void net_port_relay_watch(struct net_port_relay *relay, struct net_port_source *source,
                          uint32_t events);

/** Where in the container what came in over @family goes: the address of the same family, or of
 * the other where it has none. @return its length; 0: it has none at all. */
socklen_t net_port_relay_target(const struct net_port_relay *relay, int family, uint16_t port,
                                struct sockaddr_storage *ret);

struct net_port_relay_args {
    const struct net_port_sockets *sockets;
    struct ip_addr address4, address6;
    int control_fd; /* until something comes, or it is closed */
};

/** Relay. @return 0 when @control_fd says so; -NOMEM; -SYS. Context: a process of its own, with
 * SIGPIPE blocked. */
IMGC_CHECK int net_port_relay_run(const struct net_port_relay_args *args, struct imgc_err *reterr);

#endif
