/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_port_bind.h"

#include <errno.h>
#include <netinet/in.h>

#include "schema/base/fd.h"

#define BACKLOG 128
#define ANY_TRIES 64 /* for a port that is free in both families */

void net_port_sockets_done(struct net_port_sockets *sockets)
{
    for (size_t i = 0; i < sockets->n; i++) {
        imgc_closep(&sockets->items[i].fd);
    }
    free(sockets->items);
    *sockets = (struct net_port_sockets){ .n = 0 };
}

socklen_t net_port_sockaddr(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *ret)
{
    *ret = (struct sockaddr_storage){ .ss_family = (sa_family_t)a->family };
    if (a->family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)ret;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, a->bytes, sizeof in->sin_addr);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
    in6->sin6_port = htons(port);
    memcpy(&in6->sin6_addr, a->bytes, sizeof in6->sin6_addr);
    return sizeof *in6;
}

static int port_of(int fd, uint16_t *ret, struct imgc_err *reterr)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } a = { .in6 = { .sin6_family = AF_UNSPEC } };
    socklen_t len = sizeof a;

    if (getsockname(fd, &a.any, &len) < 0) {
        return imgc_fail_sys(reterr, errno, "look at a published port");
    }
    *ret = ntohs(a.any.sa_family == AF_INET ? a.in.sin_port : a.in6.sin6_port);
    return 0;
}

enum { TAKEN = 1, LACKING = 2 };

static int refused(const struct net_port *p, const struct ip_addr *host, uint16_t port,
                   struct imgc_err *reterr)
{
    char text[IP_TEXT_MAX];
    int error = errno;

    if (error == EADDRINUSE) {
        return TAKEN;
    }
    if (error == EADDRNOTAVAIL) {
        return p->host.family == 0
                   ? LACKING
                   : imgc_fail(reterr, IMGC_E_USAGE, "-p: %s is no address of this host",
                               ip_text(host, text));
    }
    if (error == EACCES) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "port %u/%s is root's on this host: choose one above 1023, or root has to "
                         "run 'sysctl net.ipv4.ip_unprivileged_port_start=%u'",
                         (unsigned)port, net_port_protocol(p), (unsigned)port);
    }
    return imgc_fail_sys(reterr, error, "take port %u/%s of %s", (unsigned)port,
                         net_port_protocol(p), ip_text(host, text));
}

/* Before it is bound: what comes in between would not be told to which address. */
static int prepare_udp(int fd, int family)
{
    int on = 1;

    return family == AF_INET ? setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on)
                             : setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
}

/* SO_REUSEADDR lets TCP take a port whose connections of before are still waited out; what listens
 * there refuses it all the same. With UDP it would share the port. */
static int take(const struct net_port *p, int family, uint16_t port, int *ret_fd,
                struct imgc_err *reterr)
{
    bool is_tcp = p->protocol == IPPROTO_TCP;
    struct ip_addr host = p->host.family == 0 ? (struct ip_addr){ .family = family } : p->host;
    struct sockaddr_storage address;
    int on = 1;
    imgc_autoclose int fd =
        socket(family, (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return errno == EAFNOSUPPORT && p->host.family == 0
                   ? LACKING
                   : imgc_fail_sys(reterr, errno, "make a socket for a published port");
    }
    socklen_t len = net_port_sockaddr(&host, port, &address);
    if ((family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0) ||
        (is_tcp ? setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on)
                : prepare_udp(fd, family)) < 0) {
        return imgc_fail_sys(reterr, errno, "prepare a socket for a published port");
    }
    if (bind(fd, (struct sockaddr *)&address, len) < 0 || (is_tcp && listen(fd, BACKLOG) < 0)) {
        return refused(p, &host, port, reterr);
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}

static void add(struct net_port_sockets *sockets, const struct net_port *p, int family, int fd)
{
    sockets->items[sockets->n++] = (struct net_port_socket){
        .fd = fd, .family = family, .protocol = p->protocol, .port = p->port
    };
}

/* Take *port (0: any, and then it is set) on all addresses that @p names, or on none of them. */
static int take_all(const struct net_port *p, uint16_t *port, struct net_port_sockets *sockets,
                    struct imgc_err *reterr)
{
    static const int families[] = { AF_INET, AF_INET6 };
    size_t before = sockets->n;
    int r = 0;

    for (size_t i = 0; i < 2 && (r == 0 || r == LACKING); i++) {
        int fd = -1;
        if (p->host.family != 0 && p->host.family != families[i]) {
            continue;
        }
        r = take(p, families[i], *port, &fd, reterr);
        if (r == 0) {
            add(sockets, p, families[i], fd);
            r = *port == 0 ? port_of(fd, port, reterr) : 0;
        }
    }
    if (r == LACKING) {
        r = sockets->n > before
                ? 0
                : imgc_fail(reterr, IMGC_E_HOST, "this host has no address to publish a port on");
    }
    while (r != 0 && sockets->n > before) {
        imgc_closep(&sockets->items[--sockets->n].fd);
    }
    return r;
}

static int taken(const struct net_port *p, struct imgc_err *reterr)
{
    char text[IP_TEXT_MAX];
    const char *host = p->host.family == 0 ? "0.0.0.0" : ip_text(&p->host, text);

    if (p->first == p->last && p->first != 0) {
        return imgc_fail(reterr, IMGC_E_EXISTS, "port %u/%s of %s is taken by another process",
                         (unsigned)p->first, net_port_protocol(p), host);
    }
    if (p->first == 0) {
        return imgc_fail(reterr, IMGC_E_EXISTS, "no port/%s of %s is free", net_port_protocol(p),
                         host);
    }
    return imgc_fail(reterr, IMGC_E_EXISTS, "no port of %u-%u/%s of %s is free", (unsigned)p->first,
                     (unsigned)p->last, net_port_protocol(p), host);
}

static int bind_port(struct net_port *p, struct net_port_sockets *sockets, struct imgc_err *reterr)
{
    unsigned tries = p->first == 0 ? ANY_TRIES : (unsigned)(p->last - p->first) + 1;
    uint16_t port = 0;
    int r = TAKEN;

    for (unsigned i = 0; i < tries && r == TAKEN; i++) {
        port = p->first == 0 ? 0 : (uint16_t)(p->first + i);
        r = take_all(p, &port, sockets, reterr);
    }
    if (r == TAKEN) {
        return taken(p, reterr);
    }
    if (r == 0) {
        p->first = p->last = port;
    }
    return r;
}

/* Those that must have the one port come first, then those of ranges, then those that take any. */
static unsigned char turn_of(const struct net_port *p)
{
    if (p->first == 0) {
        return 2;
    }
    return p->first == p->last ? 0 : 1;
}

static int bind_all(struct net_port_list *ports, struct net_port_sockets *sockets,
                    struct imgc_err *reterr)
{
    /* Noted before: a port that was taken of a range looks like one that had to be that one. */
    imgc_autofree unsigned char *turns = calloc(ports->n + 1, sizeof *turns);
    int r = 0;

    if (!turns) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < ports->n; i++) {
        turns[i] = turn_of(&ports->items[i]);
    }
    for (size_t i = 0; r == 0 && i < 3 * ports->n; i++) {
        if (turns[i % ports->n] == i / ports->n) {
            r = bind_port(&ports->items[i % ports->n], sockets, reterr);
        }
    }
    return r;
}

int net_port_bind(struct net_port_list *ports, struct net_port_sockets *ret,
                  struct imgc_err *reterr)
{
    net_port_sockets_auto struct net_port_sockets sockets = { .n = 0 };

    sockets.items = calloc(2 * ports->n + 1, sizeof *sockets.items);
    if (!sockets.items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = bind_all(ports, &sockets, reterr);
    if (r == 0) {
        *ret = sockets;
        sockets = (struct net_port_sockets){ .n = 0 };
    }
    return r;
}
