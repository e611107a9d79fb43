/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_port_tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <time.h>

#include "schema/base/fd.h"

#define CHUNK_BYTES 32768 /* of one connection, each way, at most kept */
#define TURNS 16          /* chunks, or new connections, before others have their turn */
#define CONNECT_TRIES 4   /* of the first packet: some 15 seconds */

enum { CLIENT, CONTAINER };

struct connection;

struct end {
    struct net_port_source source;
    struct connection *connection;
};

/* From one end to the other. */
struct way {
    char *rest; /* what the other end could not take yet; NULL: nothing, so more can be read */
    size_t at, len;
    bool at_end;  /* nothing more comes */
    bool is_done; /* and the other end knows it */
};

struct connection {
    struct end ends[2];
    struct way ways[2]; /* [i] leads away from ends[i] */
    bool is_connected;
};

/* Closed so that the peer is told that something went wrong, not that all has been said. */
static void reset(int *fd)
{
    const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

    if (*fd >= 0) {
        (void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    imgc_closep(fd);
}

static void end_connection(struct net_port_relay *relay, struct connection *c, bool is_failed)
{
    for (size_t i = 0; i < 2; i++) {
        if (is_failed) {
            reset(&c->ends[i].source.fd);
        }
        imgc_closep(&c->ends[i].source.fd); /* which takes it out of the epoll set */
        free(c->ways[i].rest);
    }
    free(c);
    relay->n_connections--;
}

static bool is_temporary(int error)
{
    return error == EAGAIN || error == EINTR;
}

/* @return bytes; 0: it takes nothing now; negative: it is gone. */
static ssize_t give(int to, const char *bytes, size_t len)
{
    ssize_t n = send(to, bytes, len, MSG_NOSIGNAL);

    return n < 0 && is_temporary(errno) ? 0 : n;
}

enum move { MOVED, STUCK, FAILED };

static enum move pass_rest(struct way *w, int to)
{
    ssize_t n = give(to, w->rest + w->at, w->len - w->at);

    if (n < 0) {
        return FAILED;
    }
    w->at += (size_t)n;
    if (w->at < w->len) {
        return STUCK;
    }
    free(w->rest);
    w->rest = NULL;
    return MOVED;
}

/* Through the one buffer of all connections. (splice(2) would spare the copy, but stands still
 * before urgent data while the kernel says that there is something to read.) */
static enum move pass_on(struct net_port_relay *relay, struct way *w, int from, int to)
{
    ssize_t n = recv(from, relay->buffer, CHUNK_BYTES, 0);

    if (n < 0) {
        return is_temporary(errno) ? STUCK : FAILED;
    }
    w->at_end = n == 0;
    ssize_t sent = n == 0 ? 0 : give(to, relay->buffer, (size_t)n);
    if (sent < 0) {
        return FAILED;
    }
    if (sent < n) {
        w->at = 0;
        w->len = (size_t)(n - sent);
        w->rest = malloc(w->len);
        if (!w->rest) {
            return FAILED;
        }
        memcpy(w->rest, relay->buffer + sent, w->len);
    }
    return w->rest ? STUCK : MOVED;
}

/* @return whether the connection is still worth something. */
static bool pump(struct net_port_relay *relay, struct connection *c, size_t i)
{
    struct way *w = &c->ways[i];
    int from = c->ends[i].source.fd, to = c->ends[1 - i].source.fd;
    enum move moved = MOVED;

    for (unsigned turn = 0; turn < TURNS && moved == MOVED && !w->at_end; turn++) {
        moved = w->rest ? pass_rest(w, to) : pass_on(relay, w, from, to);
    }
    if (w->at_end && !w->is_done) {
        (void)shutdown(to, SHUT_WR); /* it may be gone: then its own way says so */
        w->is_done = true;
    }
    return moved != FAILED;
}

static void watch(struct net_port_relay *relay, struct connection *c)
{
    for (size_t i = 0; i < 2; i++) {
        const struct way *away = &c->ways[i], *here = &c->ways[1 - i];
        uint32_t events = 0;
        if (!c->is_connected) {
            events = i == CONTAINER ? EPOLLOUT : 0;
        } else {
            events |= !away->rest && !away->at_end ? EPOLLIN : 0;
            events |= here->rest ? EPOLLOUT : 0;
        }
        net_port_relay_watch(relay, &c->ends[i].source, events);
    }
}

static bool finish_connecting(struct connection *c)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(c->ends[CONTAINER].source.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) {
        return false;
    }
    c->is_connected = error == 0;
    return c->is_connected;
}

static void serve_end(struct net_port_relay *relay, struct net_port_source *source, uint32_t events)
{
    struct connection *c = ((struct end *)source)->connection;
    bool is_alive = c->is_connected || finish_connecting(c);

    if (!is_alive || (events & EPOLLERR) || !pump(relay, c, CLIENT) || !pump(relay, c, CONTAINER)) {
        end_connection(relay, c, true);
    } else if (c->ways[CLIENT].is_done && c->ways[CONTAINER].is_done) {
        end_connection(relay, c, false);
    } else {
        watch(relay, c);
    }
}

static void prepare_socket(int fd)
{
    int on = 1, tries = CONNECT_TRIES;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &tries, sizeof tries);
}

static bool start_connecting(struct net_port_relay *relay, const struct net_port_socket *socket_of,
                             struct connection *c)
{
    struct sockaddr_storage target;
    socklen_t len = net_port_relay_target(relay, socket_of->family, socket_of->port, &target);
    int *fd = &c->ends[CONTAINER].source.fd;

    *fd = len > 0 ? socket(target.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
    if (*fd < 0) {
        return false;
    }
    prepare_socket(c->ends[CLIENT].source.fd);
    prepare_socket(*fd);
    return connect(*fd, (struct sockaddr *)&target, len) == 0 || errno == EINPROGRESS;
}

/* Takes @fd. */
static void begin_connection(struct net_port_relay *relay, const struct net_port_socket *socket_of,
                             int fd)
{
    struct connection *c = calloc(1, sizeof *c);

    if (!c) {
        reset(&fd);
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        c->ends[i] = (struct end){ .source = { .fd = -1, .serve = serve_end }, .connection = c };
    }
    c->ends[CLIENT].source.fd = fd;
    relay->n_connections++;
    if (start_connecting(relay, socket_of, c)) {
        watch(relay, c);
    } else {
        end_connection(relay, c, true);
    }
}

void net_port_tcp_accept(struct net_port_relay *relay, const struct net_port_source *source,
                         const struct net_port_socket *socket)
{
    const struct timespec moment = { .tv_nsec = 10000000 };

    for (unsigned turn = 0; turn < TURNS; turn++) {
        int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                (void)nanosleep(&moment, NULL); /* the host's limit: it would wake us at once */
            }
            return;
        }
        if (relay->n_connections < relay->max_connections) {
            begin_connection(relay, socket, fd);
        } else {
            reset(&fd);
        }
    }
}
