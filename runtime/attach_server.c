/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/attach_server.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "schema/base/clock.h"
#include "schema/base/fd.h"

#define EXIT_WAIT_MS 2000 /* for clients whose sockets are full */
#define EXIT_PENDING (1u << 2)
#define NS_PER_MS 1000000

void attach_server_init(struct attach_server *s, int take_listen_fd)
{
    *s = (struct attach_server){ .listen_fd = take_listen_fd };
    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        s->clients[i].fd = -1;
    }
}

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

/* Its last word may stand behind input that was not read any more. */
static bool has_said_goodbye(int fd)
{
    struct attach_packet p;
    struct imgc_err ignored;

    while (attach_receive(fd, &p, &ignored) == 0) {
        if (p.kind == ATTACH_DETACH) {
            return true;
        }
    }
    return false;
}

static void drop(struct attach_server *s, struct attach_server_client *c)
{
    if (c->fd >= 0 && c->is_owner && !has_said_goodbye(c->fd)) {
        s->owner_is_lost = true;
    }
    imgc_closep(&c->fd);
    *c = (struct attach_server_client){ .fd = -1 };
}

void attach_server_done(struct attach_server *s)
{
    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        drop(s, &s->clients[i]);
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

static void welcome(struct attach_server *s, struct attach_server_client *c, bool wants_output)
{
    struct imgc_err ignored;

    c->has_greeted = true;
    c->wants_output = wants_output;
    if (attach_send(c->fd, ATTACH_STATE, &s->state, sizeof s->state, &ignored) != 0) {
        drop(s, c);
    }
}

void attach_server_adopt(struct attach_server *s, int take_fd)
{
    (void)fcntl(take_fd, F_SETFL, O_NONBLOCK);
    struct attach_server_client *c = add(s, take_fd);
    if (c) {
        c->is_owner = true;
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
        in->ended = c->is_owner || !s->state.terminal;
        return true;
    case ATTACH_DETACH:
        c->is_owner = false; /* whose going means nothing */
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
        drop(s, c);
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
            drop(s, c);
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
            c->stuck_ms = c->stuck_ms ? c->stuck_ms : now_ms();
        } else if (r == 0) {
            c->pending &= ~(1u << n);
            c->stuck_ms = 0;
        } else {
            drop(s, c);
        }
    }
    return has_all;
}

void attach_server_withdraw(struct attach_server *s, unsigned n)
{
    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        s->clients[i].pending &= ~(1u << n);
    }
}

/* Of the owner it is without end. */
static bool may_be_dropped(const struct attach_server_client *c)
{
    return c->fd >= 0 && c->pending && c->stuck_ms && !c->is_owner;
}

int attach_server_patience(const struct attach_server *s)
{
    int64_t now = now_ms(), least = -1;

    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        const struct attach_server_client *c = &s->clients[i];
        if (!may_be_dropped(c)) {
            continue;
        }
        int64_t left = c->stuck_ms + ATTACH_PATIENCE_MS - now;
        left = left < 0 ? 0 : left;
        least = least < 0 || left < least ? left : least;
    }
    return (int)least;
}

void attach_server_drop_slow(struct attach_server *s, bool everybody)
{
    int64_t since = now_ms() - ATTACH_PATIENCE_MS;

    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        struct attach_server_client *c = &s->clients[i];
        if ((everybody && c->pending) || (may_be_dropped(c) && c->stuck_ms <= since)) {
            drop(s, c);
        }
    }
}

bool attach_server_is_deserted(const struct attach_server *s)
{
    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        if (s->clients[i].fd >= 0 && s->clients[i].wants_output) {
            return false;
        }
    }
    return s->owner_is_lost;
}

void attach_server_close(struct attach_server *s)
{
    char buf[ATTACH_DATA_MAX];
    struct pollfd polls[ATTACH_SERVER_POLLS];

    /* Those who have connected and were not served yet: their container was too quick. */
    for (int rounds = 0; rounds < 2 * ATTACH_SERVER_CLIENTS; rounds++) {
        struct attach_server_input ignored = { .buf = buf };
        attach_server_prepare(s, false, polls);
        if (poll(polls, ATTACH_SERVER_POLLS, 0) <= 0) {
            break;
        }
        attach_server_serve(s, polls, &ignored);
    }
    imgc_closep(&s->listen_fd);
}

struct farewell {
    size_t left; /* who have still to be told */
    bool is_owner_left;
};

static struct farewell tell_exit(struct attach_server *s, const struct attach_exit *exit)
{
    struct farewell f = { .left = 0 };
    struct imgc_err ignored;

    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        struct attach_server_client *c = &s->clients[i];
        if (c->pending != EXIT_PENDING) {
            continue;
        }
        if (attach_send(c->fd, ATTACH_EXIT, exit, sizeof *exit, &ignored) == ATTACH_AGAIN) {
            f.left++;
            f.is_owner_left = f.is_owner_left || c->is_owner;
        } else {
            drop(s, c);
        }
    }
    return f;
}

static void drop_guests(struct attach_server *s)
{
    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        if (!s->clients[i].is_owner) {
            drop(s, &s->clients[i]);
        }
    }
}

void attach_server_exit(struct attach_server *s, const struct attach_exit *exit)
{
    struct pollfd polls[ATTACH_SERVER_POLLS];
    int64_t deadline = now_ms() + EXIT_WAIT_MS;

    attach_server_close(s);
    for (size_t i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        struct attach_server_client *c = &s->clients[i];
        if (c->fd >= 0 && c->has_greeted) {
            c->pending = EXIT_PENDING;
        } else {
            drop(s, c);
        }
    }
    struct farewell f = tell_exit(s, exit);
    while (f.left > 0) {
        int64_t left = deadline - now_ms();
        if (left <= 0) {
            drop_guests(s);
        }
        if (left <= 0 && !f.is_owner_left) {
            return;
        }
        attach_server_prepare(s, false, polls);
        (void)poll(polls, ATTACH_SERVER_POLLS, left <= 0 ? -1 : (int)left);
        f = tell_exit(s, exit);
    }
}
