/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/ip.h"

#include <arpa/inet.h>
#include <stdio.h>

size_t ip_bytes(int family)
{
    return family == AF_INET ? 4 : 16;
}

bool ip_parse(struct imgc_str s, struct ip_addr *ret)
{
    char text[IP_TEXT_MAX];
    struct ip_addr a = { .family = imgc_str_find(s, ':') < s.len ? AF_INET6 : AF_INET };

    if (s.len >= sizeof text || (s.len > 0 && memchr(s.ptr, '\0', s.len))) {
        return false;
    }
    (void)snprintf(text, sizeof text, "%.*s", (int)s.len, s.len > 0 ? s.ptr : "");
    if (inet_pton(a.family, text, a.bytes) != 1) {
        return false;
    }
    *ret = a;
    return true;
}

const char *ip_text(const struct ip_addr *a, char out[IP_TEXT_MAX])
{
    out[0] = '\0';
    if (a->family != 0) {
        (void)inet_ntop(a->family, a->bytes, out, IP_TEXT_MAX);
    }
    return out;
}

bool ip_eq(const struct ip_addr *a, const struct ip_addr *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool ip_is_loopback(const struct ip_addr *a)
{
    static const uint8_t one[16] = { [15] = 1 };

    return (a->family == AF_INET && a->bytes[0] == 127) ||
           (a->family == AF_INET6 && memcmp(a->bytes, one, sizeof one) == 0);
}

bool ip_is_any(const struct ip_addr *a)
{
    static const uint8_t none[16] = { 0 };

    return a->family != 0 && memcmp(a->bytes, none, sizeof none) == 0;
}

struct ip_net ip_net_of(const struct ip_addr *a, unsigned prefix)
{
    struct ip_net n = { .addr = *a, .prefix = prefix };

    for (size_t i = 0; i < sizeof n.addr.bytes; i++) {
        unsigned bit = (unsigned)i * 8;
        unsigned keep = prefix <= bit ? 0 : prefix - bit;
        if (keep < 8) {
            n.addr.bytes[i] &= (uint8_t)(0xff00u >> keep);
        }
    }
    return n;
}

bool ip_net_parse(struct imgc_str s, struct ip_net *ret)
{
    struct imgc_str address, digits;
    struct ip_addr a;
    uint64_t prefix;

    if (!imgc_str_split(s, '/', &address, &digits) || !ip_parse(address, &a) ||
        !imgc_str_u64(digits, &prefix) || prefix > 8 * ip_bytes(a.family)) {
        return false;
    }
    *ret = ip_net_of(&a, (unsigned)prefix);
    return true;
}

const char *ip_net_text(const struct ip_net *n, char out[IP_NET_TEXT_MAX])
{
    char text[IP_TEXT_MAX];

    out[0] = '\0';
    if (n->addr.family != 0) {
        (void)snprintf(out, IP_NET_TEXT_MAX, "%s/%u", ip_text(&n->addr, text), n->prefix % 1000);
    }
    return out;
}

bool ip_net_contains(const struct ip_net *n, const struct ip_addr *a)
{
    if (n->addr.family == 0 || n->addr.family != a->family) {
        return false;
    }
    struct ip_net of = ip_net_of(a, n->prefix);
    return ip_eq(&of.addr, &n->addr);
}

bool ip_net_overlaps(const struct ip_net *a, const struct ip_net *b)
{
    return a->prefix <= b->prefix ? ip_net_contains(a, &b->addr) : ip_net_contains(b, &a->addr);
}

struct ip_addr ip_net_last(const struct ip_net *n)
{
    struct ip_addr a = n->addr;

    for (size_t i = 0; i < ip_bytes(a.family); i++) {
        unsigned bit = (unsigned)i * 8;
        unsigned keep = n->prefix <= bit ? 0 : n->prefix - bit;
        if (keep < 8) {
            a.bytes[i] |= (uint8_t)(0xffu >> keep);
        }
    }
    return a;
}

bool ip_net_nth(const struct ip_net *n, uint64_t i, struct ip_addr *ret)
{
    struct ip_addr a = n->addr;
    uint64_t carry = i;

    for (size_t k = ip_bytes(a.family); k-- > 0 && carry > 0;) {
        uint64_t sum = a.bytes[k] + (carry & 0xff);
        a.bytes[k] = (uint8_t)sum;
        carry = (carry >> 8) + (sum >> 8);
    }
    if (carry > 0 || !ip_net_contains(n, &a)) {
        return false;
    }
    *ret = a;
    return true;
}

/* The low 8 bytes as a number; all of IPv4. */
static uint64_t low_bits(const struct ip_addr *a)
{
    uint64_t v = 0;

    for (size_t i = a->family == AF_INET ? 0 : 8; i < ip_bytes(a->family); i++) {
        v = v << 8 | a->bytes[i];
    }
    return v;
}

bool ip_net_index(const struct ip_net *n, const struct ip_addr *a, uint64_t *ret)
{
    if (!ip_net_contains(n, a) ||
        (a->family == AF_INET6 && memcmp(a->bytes, n->addr.bytes, 8) != 0)) {
        return false;
    }
    *ret = low_bits(a) - low_bits(&n->addr);
    return true;
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *p = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

    return p ? (int)(p - digits) : -1;
}

bool ip_mac_parse(struct imgc_str s, uint8_t ret[IP_MAC_BYTES])
{
    uint8_t mac[IP_MAC_BYTES];
    bool any = false;

    if (s.len != IP_MAC_TEXT_MAX - 1) {
        return false;
    }
    for (size_t i = 0; i < IP_MAC_BYTES; i++) {
        const char *p = s.ptr + 3 * i;
        int high = hex_value(p[0]), low = hex_value(p[1]);
        if (high < 0 || low < 0 || (i + 1 < IP_MAC_BYTES && p[2] != ':' && p[2] != '-')) {
            return false;
        }
        mac[i] = (uint8_t)(high * 16 + low);
        any = any || mac[i] != 0;
    }
    if (!any || (mac[0] & 1)) {
        return false;
    }
    memcpy(ret, mac, sizeof mac);
    return true;
}

const char *ip_mac_text(const uint8_t mac[IP_MAC_BYTES], char out[IP_MAC_TEXT_MAX])
{
    (void)snprintf(out, IP_MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                   mac[3], mac[4], mac[5]);
    return out;
}
