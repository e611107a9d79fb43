/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_port.h"

#include <netinet/in.h>

void net_port_list_done(struct net_port_list *list)
{
    free(list->items);
    *list = (struct net_port_list){ .n = 0 };
}

const char *net_port_protocol(const struct net_port *p)
{
    return p->protocol == IPPROTO_UDP ? "udp" : "tcp";
}

void net_port_host(const struct net_port *p, struct imgc_buf *b)
{
    char text[IP_TEXT_MAX];

    if (p->host.family == AF_INET6) {
        imgc_buf_printf(b, "[%s]:%u", ip_text(&p->host, text), (unsigned)p->first);
    } else {
        imgc_buf_printf(b, "%s:%u", p->host.family == 0 ? "0.0.0.0" : ip_text(&p->host, text),
                        (unsigned)p->first);
    }
}

static int append(struct net_port_list *list, const struct net_port *p, struct imgc_err *reterr)
{
    if (list->n >= NET_PORT_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "more than %d published ports", NET_PORT_MAX);
    }
    struct net_port *items = reallocarray(list->items, list->n + 1, sizeof *items);
    if (!items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    list->items = items;
    items[list->n++] = *p;
    return 0;
}

struct range {
    uint16_t first, last;
};

static bool parse_number(struct imgc_str s, uint16_t *ret)
{
    uint64_t v;

    if (!imgc_str_u64(s, &v) || v == 0 || v > UINT16_MAX) {
        return false;
    }
    *ret = (uint16_t)v;
    return true;
}

static bool parse_range(struct imgc_str s, struct range *ret)
{
    struct imgc_str first, last;
    bool is_range = imgc_str_split(s, '-', &first, &last);

    if (!parse_number(first, &ret->first)) {
        return false;
    }
    if (!is_range) {
        ret->last = ret->first;
        return true;
    }
    return parse_number(last, &ret->last) && ret->first <= ret->last;
}

/* "/tcp", "/udp" or nothing at the end of @s, which loses it. */
static bool parse_protocol(struct imgc_str *s, uint8_t *ret)
{
    struct imgc_str ports, name;

    *ret = IPPROTO_TCP;
    if (!imgc_str_split(*s, '/', &ports, &name)) {
        return true;
    }
    *s = ports;
    if (imgc_str_eq_nocase(name, IMGC_STR("udp"))) {
        *ret = IPPROTO_UDP;
        return true;
    }
    return imgc_str_eq_nocase(name, IMGC_STR("tcp"));
}

/* "1.2.3.4", "[::1]"; "" and "0.0.0.0" with "[::]" are all addresses, as listening shows them. */
static bool parse_host(struct imgc_str s, struct ip_addr *ret)
{
    if (s.len >= 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']') {
        s = (struct imgc_str){ s.ptr + 1, s.len - 2 };
        return ip_parse(s, ret) && ret->family == AF_INET6;
    }
    return s.len == 0 || (ip_parse(s, ret) && ret->family == AF_INET);
}

static int bad(struct imgc_str s, const char *why, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_USAGE, "-p '" IMGC_STR_FMT "': %s", IMGC_STR_ARG(s), why);
}

int net_port_parse(struct imgc_str s, struct net_port_list *list, struct imgc_err *reterr)
{
    struct imgc_str rest = s, before, inner, host_part = { .len = 0 }, outer = { .len = 0 };
    struct net_port p = { .port = 0 };
    struct range ctr, host = { .first = 0 };

    if (!parse_protocol(&rest, &p.protocol)) {
        return bad(s, "the protocol is tcp or udp", reterr);
    }
    if (imgc_str_rsplit(rest, ':', &before, &inner) &&
        !imgc_str_rsplit(before, ':', &host_part, &outer)) {
        outer = before;
    }
    if (!parse_range(inner, &ctr)) {
        return bad(s, "write [[IP:]HOST:]PORT[/tcp|/udp], ports from 1 to 65535", reterr);
    }
    if (!parse_host(host_part, &p.host)) {
        return bad(s, "the address is one of this host's, an IPv6 one in [ ]", reterr);
    }
    if (outer.len > 0 && !parse_range(outer, &host)) {
        return bad(s, "the host's port is a number from 1 to 65535, or a range", reterr);
    }
    if (ctr.first != ctr.last && host.first != 0 &&
        host.last - host.first != ctr.last - ctr.first) {
        return bad(s, "the two ranges have different lengths", reterr);
    }
    int r = 0;
    for (unsigned i = 0; r == 0 && i <= (unsigned)(ctr.last - ctr.first); i++) {
        p.port = (uint16_t)(ctr.first + i);
        p.first = host.first == 0 ? 0 : (uint16_t)(host.first + i);
        p.last = ctr.first == ctr.last ? host.last : p.first;
        r = append(list, &p, reterr);
    }
    return r;
}

static bool is_published(const struct net_port_list *list, const struct net_port *p)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].port == p->port && list->items[i].protocol == p->protocol) {
            return true;
        }
    }
    return false;
}

int net_port_expose(struct imgc_str s, struct net_port_list *list, struct imgc_err *reterr)
{
    struct imgc_str rest = s;
    struct net_port p = { .port = 0 };
    struct range ctr;
    int r = 0;

    if (!parse_protocol(&rest, &p.protocol) || !parse_range(rest, &ctr)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "'" IMGC_STR_FMT "' is no port to expose: write PORT[-PORT][/tcp|/udp]",
                         IMGC_STR_ARG(s));
    }
    for (unsigned i = ctr.first; r == 0 && i <= ctr.last; i++) {
        p.port = (uint16_t)i;
        r = is_published(list, &p) ? 0 : append(list, &p, reterr);
    }
    return r;
}

void net_port_write(const struct net_port_list *list, struct imgc_buf *b)
{
    char text[IP_TEXT_MAX];

    for (size_t i = 0; i < list->n; i++) {
        const struct net_port *p = &list->items[i];
        imgc_buf_printf(b, "%s %s %u %u\n", net_port_protocol(p),
                        p->host.family == 0 ? "*" : ip_text(&p->host, text), (unsigned)p->first,
                        (unsigned)p->port);
    }
}

static bool read_line(struct imgc_str line, struct net_port *p)
{
    struct imgc_str protocol, host, first, port;

    if (!imgc_str_token(&line, ' ', &protocol) || !imgc_str_token(&line, ' ', &host) ||
        !imgc_str_token(&line, ' ', &first) || !imgc_str_token(&line, ' ', &port)) {
        return false;
    }
    p->protocol = imgc_str_eq(protocol, IMGC_STR("udp")) ? IPPROTO_UDP : IPPROTO_TCP;
    if (!parse_number(first, &p->first) || !parse_number(port, &p->port)) {
        return false;
    }
    p->last = p->first;
    return imgc_str_eq(host, IMGC_STR("*")) || ip_parse(host, &p->host);
}

int net_port_read(struct imgc_str lines, struct net_port_list *list, struct imgc_err *reterr)
{
    struct imgc_str line;
    int r = 0;

    while (r == 0 && imgc_str_token(&lines, '\n', &line)) {
        struct net_port p = { .port = 0 };
        if (line.len == 0) {
            continue;
        }
        r = read_line(line, &p)
                ? append(list, &p, reterr)
                : imgc_fail(reterr, IMGC_E_STORE, "'" IMGC_STR_FMT "' is no published port",
                            IMGC_STR_ARG(line));
    }
    return r;
}
