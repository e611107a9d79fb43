/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports: "-p", EXPOSE, and the lines in which they are kept. Pure.
 *
 * Source: docker's and podman's "-p [[IP:][HOST[-HOST]]:]PORT[-PORT][/PROTOCOL]".
 */
#ifndef IMGC_RUNTIME_NET_PORT_H
#define IMGC_RUNTIME_NET_PORT_H

#include "runtime/net_want.h"
#include "schema/base/buf.h"
#include "schema/ip.h"

#define NET_PORT_MAX                                                                 \
    4096 /* ports of one container: each is a socket of the process that holds them, \
            and an element of a map */
#define NET_PORT_LINES_BYTES ((size_t)NET_PORT_MAX * 64) /* as kept: a line is under 64 bytes */

struct net_port {
    uint8_t protocol;     /* IPPROTO_TCP or IPPROTO_UDP */
    struct ip_addr host;  /* the host's address; family 0: all of them; 0.0.0.0 and :: all of
                             their family */
    uint16_t first, last; /* the host's port, or the range that it is taken from; 0: any free one.
                             Equal once it is taken */
    uint16_t port;        /* the container's */
};

struct net_port_list {
    struct net_port *items;
    size_t n;
};
void net_port_list_done(struct net_port_list *list);
#define net_port_list_auto imgc_auto(net_port_list_done)

/** Append what one -p means: one port for each of its range. @return 0; -USAGE; -LIMIT; -NOMEM. */
IMGC_CHECK int net_port_parse(struct imgc_str s, struct net_port_list *list,
                              struct imgc_err *reterr);

/** Append a port of the container, "80", "80/udp" or "80-90/tcp", for any free port of the host,
 * unless it is published already. @return as net_port_parse(). */
IMGC_CHECK int net_port_expose(struct imgc_str s, struct net_port_list *list,
                               struct imgc_err *reterr);

/** Append what a container is to publish: its -p, and with -P what is exposed besides. What was
 * asked for twice is there once. @return as net_port_parse(); -USAGE where a port of the host would
 * lead to two of the container. */
IMGC_CHECK int net_port_of_want(const struct net_want *w, struct net_port_list *list,
                                struct imgc_err *reterr);

/** Whether it is for all addresses of @family. */
bool net_port_is_any(const struct net_port *p, int family);

/** Whether both need the same port of the host. Ranges and free ports need none by name. */
bool net_port_clash(const struct net_port *a, const struct net_port *b);

/** Append the ports to @b, one a line: "tcp * 8080 80". */
void net_port_write(const struct net_port_list *list, struct imgc_buf *b);

/** Read such lines. @return 0; -STORE where they are none; -LIMIT; -NOMEM. */
IMGC_CHECK int net_port_read(struct imgc_str lines, struct net_port_list *list,
                             struct imgc_err *reterr);

/** "tcp", "udp". */
const char *net_port_protocol(const struct net_port *p);

/** Append "0.0.0.0:8080" or "[::1]:8080". */
void net_port_host(const struct net_port *p, struct imgc_buf *b);

/** Append "0.0.0.0:8080->80/tcp, [::1]:7000-7002->80-82/udp", as `ps` has it. */
void net_port_summary(const struct net_port_list *list, struct imgc_buf *b);

#endif
