/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's published ports while it runs: a small process that holds them (net_port_bind.h)
 * and relays what the kernel's NAT must not lead to the container (net_port_relay.h). It is a child
 * of the process that runs the container, and ends with it however that ends: so the ports are free
 * again. It has no capabilities, no file and no socket but those of the ports, and its memory is
 * not that of the container's monitor.
 */
#ifndef IMGC_RUNTIME_NET_PUBLISH_H
#define IMGC_RUNTIME_NET_PUBLISH_H

#include <sys/types.h>

#include "runtime/net_port.h"

/* Zeroed: none. */
struct net_publish {
    pid_t pid; /* 0: none */
    int fd;    /* of a process: its end is the process's */
};

/**
 * Take @ports, which then says which ones of the host they are, in the caller's network namespace.
 * Connections wait until net_publish_serve(). No thread may be alive.
 * @return 0; what net_port_bind() returns: nothing is taken then.
 */
IMGC_CHECK int net_publish_begin(struct net_port_list *ports, struct net_publish *ret,
                                 struct imgc_err *reterr);

/** Say where the container is: from now on it is relayed. @return 0; -SYS. */
IMGC_CHECK int net_publish_serve(const struct net_publish *p, const struct ip_addr *address4,
                                 const struct ip_addr *address6, struct imgc_err *reterr);

/** Give the ports back. Idempotent. */
void net_publish_end(struct net_publish *p);

#endif
