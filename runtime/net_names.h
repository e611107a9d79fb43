/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a container finds others: the text of its resolv.conf, and what stands in its hosts file of
 * the other members of its network. Pure.
 *
 * Names of members are in the hosts files, not in a name server of ours: no process has to live for
 * them, every libc reads them first, and a file has no port to attack. The file is rewritten in
 * place, since it is what the container's mount shows; what the container itself wrote in it
 * stays.
 *
 * Source: resolv.conf(5), hosts(5); what docker does with them (docs/security.md).
 */
#ifndef IMGC_RUNTIME_NET_NAMES_H
#define IMGC_RUNTIME_NET_NAMES_H

#include "schema/base/buf.h"

#define NET_NAMES_FILE_BYTES (1u << 20) /* of a hosts file or resolv.conf, the host's or ours */

struct net_names_resolv {
    struct imgc_str host;                 /* the host's resolv.conf */
    bool has_ipv6;                        /* the container has */
    char *const *servers;                 /* --dns: instead of the host's; NULL: none given */
    char *const *search, *const *options; /* --dns-search ("." alone: none), --dns-option */
};

/** Append a resolv.conf for a container with a network of its own: without the host's loopback
 * servers, which are not there, and public ones where none is left. */
void net_names_resolv(const struct net_names_resolv *args, struct imgc_buf *b);

/** Whether all that @text says is to ask systemd-resolved on 127.0.0.53: then the real servers are
 * in /run/systemd/resolve/resolv.conf. */
bool net_names_is_stub(struct imgc_str text);

/** Whether all servers that @text names, one at least, are on the loopback of the host. */
bool net_names_is_loopback(struct imgc_str text);

/** Append the hosts file @text with @members (lines) as the part that is ours. */
void net_names_replace(struct imgc_str text, struct imgc_str members, struct imgc_buf *b);

#endif
