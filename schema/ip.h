/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv4 and IPv6 addresses and subnets as values: read, written, compared and counted in. Nothing
 * here asks the network.
 *
 * Source: RFC 4632 (prefixes), RFC 5952 (text of IPv6), inet_pton(3).
 */
#ifndef IMGC_SCHEMA_IP_H
#define IMGC_SCHEMA_IP_H

#include <stdint.h>

#include "schema/base/str.h"

#define IP_TEXT_MAX 46     /* INET6_ADDRSTRLEN */
#define IP_NET_TEXT_MAX 50 /* an address, '/' and 128 */
#define IP_MAC_BYTES 6
#define IP_MAC_TEXT_MAX 18 /* "02:00:0a:57:00:02" and the NUL */

/* Zeroed: none. */
struct ip_addr {
    int family;        /* AF_INET, AF_INET6; 0: none */
    uint8_t bytes[16]; /* network order; the first 4 of AF_INET; the others 0 */
};

struct ip_net {
    struct ip_addr addr; /* the network's: host bits are 0; family 0: none */
    unsigned prefix;
};

/** Bytes of an address of @family: 4 or 16. */
size_t ip_bytes(int family);

/** Read "192.0.2.1" or "2001:db8::1", without a zone. @return whether it is one. */
bool ip_parse(struct imgc_str s, struct ip_addr *ret);

/** Write it; "" for none. Returns @out. */
const char *ip_text(const struct ip_addr *a, char out[IP_TEXT_MAX]);

bool ip_eq(const struct ip_addr *a, const struct ip_addr *b);

/** Whether it belongs to the host alone: 127.0.0.0/8, ::1. */
bool ip_is_loopback(const struct ip_addr *a);

/** Whether it stands for all addresses of its family: 0.0.0.0, ::. */
bool ip_is_any(const struct ip_addr *a);

/** Read "10.87.0.0/16". Host bits are cleared. @return whether it is one. */
bool ip_net_parse(struct imgc_str s, struct ip_net *ret);

/** Write it; "" for none. Returns @out. */
const char *ip_net_text(const struct ip_net *n, char out[IP_NET_TEXT_MAX]);

/** The subnet of @prefix bits that @a is in. */
struct ip_net ip_net_of(const struct ip_addr *a, unsigned prefix);

bool ip_net_contains(const struct ip_net *n, const struct ip_addr *a);

/** Whether an address is in both. False where one is none, or of the other family. */
bool ip_net_overlaps(const struct ip_net *a, const struct ip_net *b);

/** The last address of a subnet; of IPv4 its broadcast address. */
struct ip_addr ip_net_last(const struct ip_net *n);

/** Address number @i of a subnet (0: its own). @return false behind its end. */
bool ip_net_nth(const struct ip_net *n, uint64_t i, struct ip_addr *ret);

/** Which number @a has in @n: what ip_net_nth() takes. @return false where it is not in it, or is
 * too far. */
bool ip_net_index(const struct ip_net *n, const struct ip_addr *a, uint64_t *ret);

/** Read six pairs of hex digits, with ':' or '-' between, of one interface (not of a group).
 * @return whether they are. */
bool ip_mac_parse(struct imgc_str s, uint8_t ret[IP_MAC_BYTES]);

/** Write it. Returns @out. */
const char *ip_mac_text(const uint8_t mac[IP_MAC_BYTES], char out[IP_MAC_TEXT_MAX]);

#endif
