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

bool net_port_is_any(const struct net_port *p, int family)
{
    return p->host.family == 0 || (p->host.family == family && ip_is_any(&p->host));
}

static bool share_address(const struct net_port *a, const struct net_port *b)
{
    if (a->host.family == 0 || b->host.family == 0) {
        return true;
    }
    return a->host.family == b->host.family &&
           (ip_is_any(&a->host) || ip_is_any(&b->host) || ip_eq(&a->host, &b->host));
}

bool net_port_clash(const struct net_port *a, const struct net_port *b)
{
    return a->protocol == b->protocol && a->first != 0 && a->first == a->last &&
           b->first == b->last && a->first == b->first && share_address(a, b);
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

/* "1.2.3.4", "[::1]"; "" for all addresses, "0.0.0.0" and "[::]" for all of one family. */
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
        return bad(s, "tcp and udp can be published, no other protocol (sctp)", reterr);
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

static bool is_same(const struct net_port *a, const struct net_port *b)
{
    return a->port == b->port && ip_eq(&a->host, &b->host);
}

static int remove_doubles(struct net_port_list *list, struct imgc_err *reterr)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++) {
        const struct net_port *p = &list->items[i];
        bool is_double = false;
        for (size_t j = 0; j < n && !is_double; j++) {
            is_double = net_port_clash(&list->items[j], p);
            if (is_double && !is_same(&list->items[j], p)) {
                return imgc_fail(reterr, IMGC_E_USAGE, "-p: port %u/%s of the host is given twice",
                                 (unsigned)p->first, net_port_protocol(p));
            }
        }
        if (!is_double) {
            list->items[n++] = *p;
        }
    }
    list->n = n;
    return 0;
}

int net_port_of_want(const struct net_want *w, struct net_port_list *list, struct imgc_err *reterr)
{
    int r = 0;

    for (char *const *p = w->ports; r == 0 && p && *p; p++) {
        r = net_port_parse(imgc_str_of(*p), list, reterr);
    }
    for (char *const *p = w->expose; r == 0 && w->publish_all && p && *p; p++) {
        r = net_port_expose(imgc_str_of(*p), list, reterr);
    }
    return r < 0 ? r : remove_doubles(list, reterr);
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

/* How many ports from @i on belong to one range, on both sides. */
static size_t run_length(const struct net_port_list *list, size_t i)
{
    const struct net_port *first = &list->items[i];
    size_t n = 1;

    while (i + n < list->n) {
        const struct net_port *p = &list->items[i + n];
        if (p->protocol != first->protocol || !ip_eq(&p->host, &first->host) ||
            p->first != first->first + n || p->port != first->port + n) {
            break;
        }
        n++;
    }
    return n;
}

void net_port_summary(const struct net_port_list *list, struct imgc_buf *b)
{
    for (size_t i = 0, n; i < list->n; i += n) {
        const struct net_port *p = &list->items[i], *last;
        n = run_length(list, i);
        last = &list->items[i + n - 1];
        imgc_buf_puts(b, i > 0 ? ", " : "");
        net_port_host(p, b);
        if (n == 1) {
            imgc_buf_printf(b, "->%u/%s", (unsigned)p->port, net_port_protocol(p));
        } else {
            imgc_buf_printf(b, "-%u->%u-%u/%s", (unsigned)last->first, (unsigned)p->port,
                            (unsigned)last->port, net_port_protocol(p));
        }
    }
}
