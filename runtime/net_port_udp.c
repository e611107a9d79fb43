/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_port_udp.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/fd.h"

#define TURNS 32 /* packets before others have their turn */
#define NS_PER_MS 1000000
#define CHECK_MS 10000

/* Who sends, and to which of our addresses. */
struct peer {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address;
    union {
        struct in_pktinfo v4;
        struct in6_pktinfo v6;
    } local;
};

struct session {
    struct net_port_source source; /* the socket towards the container */
    struct peer peer;
    int fd; /* borrowed: where the peer's packets come in, and answers go out */
    int64_t last_ms;
};

struct net_port_udp {
    struct session *sessions[NET_PORT_UDP_PEERS];
    size_t n;
};

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

int net_port_udp_new(struct net_port_udp **ret, struct imgc_err *reterr)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
}

static void session_free(struct session *s)
{
    imgc_closep(&s->source.fd); /* which takes it out of the epoll set */
    free(s);
}

void net_port_udp_free(struct net_port_udp **udp)
{
    for (size_t i = 0; *udp && i < (*udp)->n; i++) {
        session_free((*udp)->sessions[i]);
    }
    free(*udp);
    *udp = NULL;
}

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

static void read_control(struct msghdr *m, struct peer *peer)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            memcpy(&peer->local.v4, CMSG_DATA(c), sizeof peer->local.v4);
            peer->local.v4.ipi_ifindex = 0; /* by whatever way leads there */
            peer->local.v4.ipi_addr.s_addr = 0;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            memcpy(&peer->local.v6, CMSG_DATA(c), sizeof peer->local.v6);
        }
    }
}

/* @return bytes; negative: there is nothing, or only word of a packet that did not arrive. */
static ssize_t receive(int fd, char *packet, struct peer *peer)
{
    union control control;
    struct iovec data = { .iov_base = packet, .iov_len = NET_PORT_RELAY_BYTES };
    struct msghdr m = { .msg_name = &peer->address,
                        .msg_namelen = sizeof peer->address,
                        .msg_iov = &data,
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = sizeof control };

    memset(peer, 0, sizeof *peer);
    ssize_t n = recvmsg(fd, &m, 0);
    if (n >= 0) {
        read_control(&m, peer);
    }
    return n;
}

/* What cannot be sent now is lost, as packets may be. */
static void answer(struct session *s, char *packet, size_t len)
{
    bool is_4 = s->peer.address.any.sa_family == AF_INET;
    size_t info_len = is_4 ? sizeof s->peer.local.v4 : sizeof s->peer.local.v6;
    union control control = { .bytes = { 0 } };
    struct iovec data = { .iov_base = packet, .iov_len = len };
    struct msghdr m = { .msg_name = &s->peer.address,
                        .msg_namelen =
                            is_4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6),
                        .msg_iov = &data,
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = CMSG_SPACE(info_len) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = is_4 ? IPPROTO_IP : IPPROTO_IPV6;
    c->cmsg_type = is_4 ? IP_PKTINFO : IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(info_len);
    memcpy(CMSG_DATA(c), &s->peer.local, info_len);
    (void)!sendmsg(s->fd, &m, MSG_NOSIGNAL);
}

static void serve_session(struct net_port_relay *relay, struct net_port_source *source,
                          uint32_t events)
{
    struct session *s = (struct session *)source;
    (void)events;

    for (unsigned turn = 0; turn < TURNS; turn++) {
        ssize_t n = recv(source->fd, relay->buffer, NET_PORT_RELAY_BYTES, 0);
        if (n < 0) {
            return; /* nothing, or nobody listens there: the next packet may find somebody */
        }
        s->last_ms = now_ms();
        answer(s, relay->buffer, (size_t)n);
    }
}

static bool is_same_4(const struct peer *a, const struct peer *b)
{
    return a->address.in.sin_port == b->address.in.sin_port &&
           a->address.in.sin_addr.s_addr == b->address.in.sin_addr.s_addr &&
           a->local.v4.ipi_spec_dst.s_addr == b->local.v4.ipi_spec_dst.s_addr;
}

static bool is_same_6(const struct peer *a, const struct peer *b)
{
    return a->address.in6.sin6_port == b->address.in6.sin6_port &&
           a->address.in6.sin6_scope_id == b->address.in6.sin6_scope_id &&
           IN6_ARE_ADDR_EQUAL(&a->address.in6.sin6_addr, &b->address.in6.sin6_addr) &&
           IN6_ARE_ADDR_EQUAL(&a->local.v6.ipi6_addr, &b->local.v6.ipi6_addr) &&
           a->local.v6.ipi6_ifindex == b->local.v6.ipi6_ifindex;
}

static struct session *find(const struct net_port_udp *udp, int fd, const struct peer *peer)
{
    bool is_4 = peer->address.any.sa_family == AF_INET;

    for (size_t i = 0; i < udp->n; i++) {
        struct session *s = udp->sessions[i];
        if (s->fd == fd && (is_4 ? is_same_4(&s->peer, peer) : is_same_6(&s->peer, peer))) {
            return s; /* one socket has peers of one family */
        }
    }
    return NULL;
}

static void forget(struct net_port_udp *udp, size_t i)
{
    session_free(udp->sessions[i]);
    udp->sessions[i] = udp->sessions[--udp->n];
}

static void make_room(struct net_port_udp *udp)
{
    size_t oldest = 0;

    if (udp->n < NET_PORT_UDP_PEERS) {
        return;
    }
    for (size_t i = 1; i < udp->n; i++) {
        if (udp->sessions[i]->last_ms < udp->sessions[oldest]->last_ms) {
            oldest = i;
        }
    }
    forget(udp, oldest);
}

static struct session *begin(struct net_port_relay *relay, const struct net_port_socket *from,
                             const struct peer *peer)
{
    struct sockaddr_storage target;
    socklen_t len = net_port_relay_target(relay, from->family, from->port, &target);
    imgc_autoclose int fd =
        len > 0 ? socket(target.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&target, len) < 0) {
        return NULL;
    }
    struct session *s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    make_room(relay->udp);
    *s = (struct session){ .source = { .fd = imgc_take_fd(fd), .serve = serve_session },
                           .peer = *peer,
                           .fd = from->fd };
    relay->udp->sessions[relay->udp->n++] = s;
    net_port_relay_watch(relay, &s->source, EPOLLIN);
    return s;
}

void net_port_udp_receive(struct net_port_relay *relay, const struct net_port_source *source,
                          const struct net_port_socket *socket)
{
    for (unsigned turn = 0; turn < TURNS; turn++) {
        struct peer peer;
        ssize_t n = receive(source->fd, relay->buffer, &peer);
        if (n < 0) {
            return;
        }
        struct session *s = find(relay->udp, source->fd, &peer);
        s = s ? s : begin(relay, socket, &peer);
        if (s) {
            s->last_ms = now_ms();
            (void)!send(s->source.fd, relay->buffer, (size_t)n, MSG_NOSIGNAL);
        }
    }
}

int net_port_udp_expire(struct net_port_relay *relay)
{
    struct net_port_udp *udp = relay->udp;
    int64_t limit = now_ms() - NET_PORT_UDP_SILENCE_MS;

    for (size_t i = udp->n; i > 0; i--) {
        if (udp->sessions[i - 1]->last_ms < limit) {
            forget(udp, i - 1);
        }
    }
    return udp->n > 0 ? CHECK_MS : -1;
}
