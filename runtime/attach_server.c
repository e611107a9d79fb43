/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/attach_server.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "schema/base/fd.h"

#define EXIT_WAIT_MS 2000 /* for a client whose socket is full */

void attach_server_init(struct attach_server *s, int take_listen_fd)
{
    *s = (struct attach_server){ .listen_fd = take_listen_fd };
    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        s->clients[i].fd = -1;
    }
}

static void drop(struct attach_server_client *c)
{
    imgc_closep(&c->fd);
    *c = (struct attach_server_client){ .fd = -1 };
}

void attach_server_done(struct attach_server *s)
{
    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        drop(&s->clients[i]);
    }
    imgc_closep(&s->listen_fd);
}

static struct attach_server_client *free_place(const struct attach_server *s)
{
    union { /* the caller's struct is not const where it is written to */
        const struct attach_server_client *in;
        struct attach_server_client *out;
    } cast;

    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        if (s->clients[i].fd < 0) {
            cast.in = &s->clients[i];
            return cast.out;
        }
    }
    return NULL;
}

static struct attach_server_client *add(struct attach_server *s, int take_fd)
{
    struct attach_server_client *c = free_place(s);

    if (!c) {
        imgc_closep(&take_fd);
        return NULL;
    }
    c->fd = take_fd;
    return c;
}

static void welcome(const struct attach_server *s, struct attach_server_client *c,
                    bool wants_output)
{
    struct imgc_err ignored;

    c->has_greeted = true;
    c->wants_output = wants_output;
    if (attach_send(c->fd, ATTACH_STATE, &s->state, sizeof s->state, &ignored) != 0) {
        drop(c);
    }
}

void attach_server_adopt(struct attach_server *s, int take_fd)
{
    (void)fcntl(take_fd, F_SETFL, O_NONBLOCK);
    struct attach_server_client *c = add(s, take_fd);
    if (c) {
        welcome(s, c, true);
    }
}

void attach_server_prepare(const struct attach_server *s, bool takes_input, struct pollfd *polls)
{
    polls[0] = (struct pollfd){ .fd = free_place(s) ? s->listen_fd : -1, .events = POLLIN };
    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        const struct attach_server_client *c = &s->clients[i];
        short events =
            (short)((takes_input || !c->has_greeted ? POLLIN : 0) | (c->pending ? POLLOUT : 0));
        /* A connection that hangs up says so always, also when its last words must wait. */
        polls[1 + i] = (struct pollfd){ .fd = events ? c->fd : -1, .events = events };
    }
}

/* @return whether the packet is one that a client may send now. */
static bool take(struct attach_server *s, struct attach_server_client *c,
                 const struct attach_packet *p, struct attach_server_input *in)
{
    if (!c->has_greeted) {
        if (p->kind != ATTACH_HELLO || p->len != 1) {
            return false;
        }
        welcome(s, c, p->data[0] != 0);
        return true;
    }
    switch (p->kind) {
    case ATTACH_INPUT:
        memcpy(in->buf, p->data, p->len);
        in->len = p->len;
        return true;
    case ATTACH_END:
        in->ended = true;
        return true;
    case ATTACH_RESIZE:
        if (p->len != sizeof in->size) {
            return false;
        }
        memcpy(&in->size, p->data, sizeof in->size);
        in->has_size = true;
        return true;
    default:
        return false;
    }
}

static void listen_to(struct attach_server *s, struct attach_server_client *c,
                      struct attach_server_input *in)
{
    struct attach_packet p;
    struct imgc_err ignored;

    int r = attach_receive(c->fd, &p, &ignored);
    if (r != ATTACH_AGAIN && (r != 0 || !take(s, c, &p, in))) {
        drop(c);
    }
}

void attach_server_serve(struct attach_server *s, const struct pollfd *polls,
                         struct attach_server_input *ret)
{
    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        struct attach_server_client *c = &s->clients[i];
        short got = polls[1 + i].revents;
        bool is_first = !c->has_greeted;
        if (polls[1 + i].fd < 0 || polls[1 + i].fd != c->fd) {
            continue;
        }
        if ((got & POLLIN) && (is_first || (ret->len == 0 && !ret->ended))) {
            listen_to(s, c, ret);
        } else if ((got & (POLLHUP | POLLERR)) && !(got & POLLIN)) {
            drop(c);
        }
    }
    if (polls[0].fd >= 0 && (polls[0].revents & POLLIN)) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            (void)add(s, fd);
        }
    }
}

void attach_server_offer(struct attach_server *s, unsigned n)
{
    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        if (s->clients[i].fd >= 0 && s->clients[i].wants_output) {
            s->clients[i].pending |= 1u << n;
        }
    }
}

bool attach_server_send(struct attach_server *s, unsigned n, const void *ptr, size_t len)
{
    bool has_all = true;
    struct imgc_err ignored;

    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        struct attach_server_client *c = &s->clients[i];
        if (!(c->pending & 1u << n)) {
            continue;
        }
        int r = attach_send(c->fd, n == 0 ? ATTACH_STDOUT : ATTACH_STDERR, ptr, len, &ignored);
        if (r == ATTACH_AGAIN) {
            has_all = false;
        } else if (r == 0) {
            c->pending &= ~(1u << n);
        } else {
            drop(c);
        }
    }
    return has_all;
}

void attach_server_drop_slow(struct attach_server *s)
{
    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        if (s->clients[i].pending) {
            drop(&s->clients[i]);
        }
    }
}

/* Those who have connected and were not served yet: their container was too quick. */
static void accept_late(struct attach_server *s)
{
    char buf[ATTACH_DATA_MAX];
    struct pollfd polls[ATTACH_SERVER_POLLS];

    for (int rounds = 0; rounds < 2 * ATTACH_SERVER_CLIENTS; rounds++) {
        struct attach_server_input ignored = { .buf = buf };
        attach_server_prepare(s, false, polls);
        if (poll(polls, ATTACH_SERVER_POLLS, 0) <= 0) {
            return;
        }
        attach_server_serve(s, polls, &ignored);
    }
}

void attach_server_exit(struct attach_server *s, const struct attach_exit *exit)
{
    struct imgc_err ignored;

    accept_late(s);
    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        struct attach_server_client *c = &s->clients[i];
        if (c->fd < 0 || !c->has_greeted) {
            continue;
        }
        if (attach_send(c->fd, ATTACH_EXIT, exit, sizeof *exit, &ignored) == ATTACH_AGAIN) {
            struct pollfd p = { .fd = c->fd, .events = POLLOUT };
            (void)poll(&p, 1, EXIT_WAIT_MS);
            (void)!attach_send(c->fd, ATTACH_EXIT, exit, sizeof *exit, &ignored);
        }
        drop(c);
    }
}
