/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_port_relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/net_port_tcp.h"
#include "runtime/net_port_udp.h"
#include "schema/base/fd.h"

#define OTHER_FDS 64 /* that the process has besides, with room */

struct listener {
    struct net_port_source source;
    const struct net_port_socket *socket;
};

void net_port_relay_watch(struct net_port_relay *relay, struct net_port_source *source,
                          uint32_t events)
{
    struct epoll_event event = { .events = events, .data = { .ptr = source } };
    int operation = source->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (events == source->events) {
        return;
    }
    /* Not only masked: of what has ended on both sides the kernel would tell all the time. */
    if (events == 0) {
        operation = EPOLL_CTL_DEL;
    }
    (void)epoll_ctl(relay->epoll_fd, operation, source->fd, &event);
    source->events = events;
}

socklen_t net_port_relay_target(const struct net_port_relay *relay, int family, uint16_t port,
                                struct sockaddr_storage *ret)
{
    bool use_6 = relay->address6.family != 0 && (family == AF_INET6 || relay->address4.family == 0);
    const struct ip_addr *a = use_6 ? &relay->address6 : &relay->address4;

    return a->family == 0 ? 0 : net_port_sockaddr(a, port, ret);
}

static void serve_listener(struct net_port_relay *relay, struct net_port_source *source,
                           uint32_t events)
{
    const struct listener *l = (const struct listener *)source;
    (void)events;

    if (l->socket->protocol == IPPROTO_UDP) {
        net_port_udp_receive(relay, source, l->socket);
    } else {
        net_port_tcp_accept(relay, source, l->socket);
    }
}

static void serve_control(struct net_port_relay *relay, struct net_port_source *source,
                          uint32_t events)
{
    (void)source;
    (void)events;
    relay->is_over = true;
}

static size_t count_connections(size_t n_sockets)
{
    struct rlimit limit = { .rlim_cur = 0 };

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    size_t used = n_sockets + OTHER_FDS + NET_PORT_UDP_PEERS;
    size_t left = limit.rlim_cur > used ? (limit.rlim_cur - used) / NET_PORT_TCP_FDS : 1;
    return left < NET_PORT_TCP_MAX ? left : NET_PORT_TCP_MAX;
}

static int loop(struct net_port_relay *relay, struct imgc_err *reterr)
{
    while (!relay->is_over) {
        /* One at a time: it may be the end of others that would be in the same batch. */
        struct epoll_event event;
        int n = epoll_wait(relay->epoll_fd, &event, 1, net_port_udp_expire(relay));
        if (n < 0 && errno != EINTR) {
            return imgc_fail_sys(reterr, errno, "wait for published ports");
        }
        if (n > 0) {
            struct net_port_source *source = event.data.ptr;
            source->serve(relay, source, event.events);
        }
    }
    return 0;
}

static void watch_all(struct net_port_relay *relay, const struct net_port_sockets *sockets,
                      struct listener *listeners)
{
    for (size_t i = 0; i < sockets->n; i++) {
        const struct net_port_socket *s = &sockets->items[i];
        listeners[i] =
            (struct listener){ .source = { .fd = s->fd, .serve = serve_listener }, .socket = s };
        net_port_relay_watch(relay, &listeners[i].source, EPOLLIN);
    }
}

/* Connections that are open at the end go with the process. */
int net_port_relay_run(const struct net_port_relay_args *args, struct imgc_err *reterr)
{
    imgc_autoclose int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    imgc_auto(net_port_udp_free) struct net_port_udp *udp = NULL;
    imgc_autofree struct listener *listeners = calloc(args->sockets->n + 1, sizeof *listeners);
    struct net_port_source control = { .fd = args->control_fd, .serve = serve_control };
    struct net_port_relay relay; /* its buffer is not touched before it is needed */

    if (epoll_fd < 0) {
        return imgc_fail_sys(reterr, errno, "make an epoll set");
    }
    if (!listeners) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = net_port_udp_new(&udp, reterr);
    if (r < 0) {
        return r;
    }
    relay.epoll_fd = epoll_fd;
    relay.address4 = args->address4;
    relay.address6 = args->address6;
    relay.n_connections = 0;
    relay.max_connections = count_connections(args->sockets->n);
    relay.udp = udp;
    relay.is_over = false;
    net_port_relay_watch(&relay, &control, EPOLLIN);
    watch_all(&relay, args->sockets, listeners);
    return loop(&relay, reterr);
}
