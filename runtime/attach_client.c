/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/attach_client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "runtime/relay.h"
#include "runtime/tty.h"
#include "schema/base/fd.h"

#define LAST_WORD_MS 2000 /* for a connection that is full of input */

/* What is over, and how. */
enum phase { RUNNING, ENDED, DETACHED, SIGNALLED, LOST };

struct client {
    const struct attach_client_args *args;
    enum phase phase;
    struct attach_client_end end;
    struct attach_state state; /* of the container */
    bool has_state;
    sigset_t old_mask;
    int signal_fd;
    struct tty_raw raw;
    struct detach_keys keys;
    /* from the container */
    struct attach_packet packet;
    int out_fd; /* where the packet goes; -1: there is none */
    size_t out_at;
    bool is_deaf[2]; /* nobody reads our stdout, stderr */
    /* to the container */
    bool reads_input, says_end, says_detach; /* the last two when the input is gone */
    size_t in_len;
    uint8_t in[ATTACH_DATA_MAX];
};

static void client_done(struct client *c)
{
    tty_raw_leave(&c->raw);
    if (c->signal_fd >= 0) {
        imgc_closep(&c->signal_fd);
        relay_unblock_signals(&c->old_mask);
    }
}

bool attach_client_size(struct attach_size *ret)
{
    return tty_get_size(STDOUT_FILENO, &ret->rows, &ret->columns) ||
           tty_get_size(STDIN_FILENO, &ret->rows, &ret->columns);
}

/* A size that does not arrive is sent again with the next change. */
static void send_size(const struct client *c, const struct attach_size *size)
{
    struct imgc_err ignored;

    (void)!attach_send(c->args->fd, ATTACH_RESIZE, size, sizeof *size, &ignored);
}

/* A program that has drawn its screen draws it again only when the size changes. */
static void tell_size(const struct client *c, bool redraws)
{
    struct attach_size size;

    if (!c->state.terminal || !attach_client_size(&size)) {
        return;
    }
    if (redraws) {
        const struct attach_size other = { .rows = (uint16_t)(size.rows + 1),
                                           .columns = (uint16_t)(size.columns + 1) };
        send_size(c, &other);
    }
    send_size(c, &size);
}

/* The container has told what it is. */
static int begin(struct client *c, struct imgc_err *reterr)
{
    c->has_state = true;
    c->reads_input = c->args->uses_input && c->state.interactive;
    tell_size(c, !c->args->is_owner);
    if (!c->state.terminal) {
        c->keys.n = 0;
    }
    return c->reads_input && c->state.terminal && isatty(STDIN_FILENO)
               ? tty_raw_enter(&c->raw, STDIN_FILENO, reterr)
               : 0;
}

/* ---- signals ---- */

static bool ends_us(int signal_number)
{
    return signal_number == SIGTERM || signal_number == SIGINT || signal_number == SIGHUP ||
           signal_number == SIGQUIT;
}

static void leave_for(struct client *c, int signal_number)
{
    if (c->phase == RUNNING) {
        c->phase = SIGNALLED;
        c->end.signal_number = signal_number;
        /* It is not the terminal that is gone: the container goes on. */
        c->says_detach = signal_number != SIGHUP;
    }
    c->out_fd = -1; /* whoever asks us to end does not wait for a reader */
}

static void stop_us(struct client *c)
{
    int fd = c->raw.fd;
    struct imgc_err ignored;

    tty_raw_leave(&c->raw);
    (void)raise(SIGSTOP);
    if (fd >= 0) {
        (void)!tty_raw_enter(&c->raw, fd, &ignored);
    }
    tell_size(c, true);
}

static void take_signal(struct client *c, int signal_number)
{
    bool proxies =
        c->args->proxies_signals && (c->args->is_owner || !c->state.terminal) && c->has_state;

    if (signal_number == SIGCHLD || signal_number == SIGURG || signal_number == SIGPIPE) {
        return; /* ours */
    }
    if (signal_number == SIGWINCH) {
        tell_size(c, false);
    } else if (proxies && c->phase == RUNNING) {
        c->args->signal(c->args->arg, signal_number);
    } else if (ends_us(signal_number)) {
        leave_for(c, signal_number);
    } else if (signal_number == SIGTSTP) {
        stop_us(c);
    }
}

static void take_signals(struct client *c)
{
    struct signalfd_siginfo info;

    while (read(c->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        take_signal(c, (int)info.ssi_signo);
    }
}

/* ---- from the container ---- */

static void take_output(struct client *c, int i)
{
    bool is_wanted = i == 0 ? c->args->uses_out : c->args->uses_err;

    if (is_wanted && !c->is_deaf[i] && c->packet.len > 0) {
        c->out_fd = STDOUT_FILENO + i;
        c->out_at = 0;
    }
}

static int take_packet(struct client *c, struct imgc_err *reterr)
{
    const struct attach_packet *p = &c->packet;

    switch (p->kind) {
    case ATTACH_STATE:
        if (!c->has_state && p->len == sizeof c->state) {
            memcpy(&c->state, p->data, sizeof c->state);
            return begin(c, reterr);
        }
        return 0;
    case ATTACH_STDOUT:
        take_output(c, 0);
        return 0;
    case ATTACH_STDERR:
        take_output(c, 1);
        return 0;
    case ATTACH_EXIT:
        if (p->len == sizeof c->end.exit) {
            memcpy(&c->end.exit, p->data, sizeof c->end.exit);
            c->phase = ENDED;
        }
        return 0;
    default:
        return 0;
    }
}

static int receive(struct client *c, struct imgc_err *reterr)
{
    int r = attach_receive(c->args->fd, &c->packet, reterr);

    if (r == ATTACH_AGAIN) {
        return 0;
    }
    if (r == ATTACH_CLOSED) {
        c->phase = LOST;
        return 0;
    }
    return r < 0 ? r : take_packet(c, reterr);
}

static void write_output(struct client *c)
{
    size_t left = c->packet.len - c->out_at;
    /* No more than what poll() promises not to block on. */
    ssize_t n = write(c->out_fd, c->packet.data + c->out_at, left < PIPE_BUF ? left : PIPE_BUF);

    if (n >= 0) {
        c->out_at += (size_t)n;
    } else if (errno != EAGAIN && errno != EINTR) {
        c->is_deaf[c->out_fd - STDOUT_FILENO] = true;
        c->out_fd = -1;
    }
    if (c->out_fd >= 0 && c->out_at == c->packet.len) {
        c->out_fd = -1;
    }
}

/* ---- to the container ---- */

static void read_input(struct client *c)
{
    uint8_t typed[ATTACH_DATA_MAX - DETACH_KEYS_MAX];
    ssize_t n = read(STDIN_FILENO, typed, sizeof typed);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        c->reads_input = false;
        c->in_len = detach_keys_rest(&c->keys, c->in);
        c->says_end = c->args->is_owner;
        return;
    }
    if (detach_keys_filter(&c->keys, typed, (size_t)n, c->in, &c->in_len)) {
        c->reads_input = false;
        c->says_detach = true;
        c->phase = DETACHED;
    }
}

/* @return whether all that there is was sent, or there is nobody to send it to. */
static bool send_input(struct client *c)
{
    struct imgc_err ignored;
    int r = 0;

    if (c->in_len > 0) {
        r = attach_send(c->args->fd, ATTACH_INPUT, c->in, c->in_len, &ignored);
        c->in_len = r == ATTACH_AGAIN ? c->in_len : 0;
    }
    if (r == 0 && c->says_end) {
        r = attach_send(c->args->fd, ATTACH_END, NULL, 0, &ignored);
        c->says_end = r == ATTACH_AGAIN;
    }
    if (r == 0 && c->says_detach) {
        r = attach_send(c->args->fd, ATTACH_DETACH, NULL, 0, &ignored);
        c->says_detach = r == ATTACH_AGAIN;
    }
    return r != ATTACH_AGAIN;
}

static bool has_to_send(const struct client *c)
{
    return c->in_len > 0 || c->says_end || c->says_detach;
}

/* ---- */

enum { POLL_SIGNAL, POLL_CONTAINER, POLL_INPUT, POLL_OUTPUT, POLLS };

static int wait_for_events(const struct client *c, struct pollfd polls[POLLS],
                           struct imgc_err *reterr)
{
    short events = (short)((c->out_fd < 0 ? POLLIN : 0) | (has_to_send(c) ? POLLOUT : 0));

    polls[POLL_SIGNAL] = (struct pollfd){ .fd = c->signal_fd, .events = POLLIN };
    polls[POLL_CONTAINER] =
        (struct pollfd){ .fd = c->phase == RUNNING && events ? c->args->fd : -1, .events = events };
    polls[POLL_INPUT] =
        (struct pollfd){ .fd = c->reads_input && !has_to_send(c) ? STDIN_FILENO : -1,
                         .events = POLLIN };
    polls[POLL_OUTPUT] = (struct pollfd){ .fd = c->out_fd, .events = POLLOUT };
    if (poll(polls, POLLS, -1) < 0 && errno != EINTR) {
        return imgc_fail_sys(reterr, errno, "wait for the container");
    }
    return 0;
}

/* Until it is over and what has come is written. */
static int run_loop(struct client *c, struct imgc_err *reterr)
{
    struct pollfd polls[POLLS];
    int r = 0;

    while (r == 0 && (c->phase == RUNNING || c->out_fd >= 0)) {
        r = wait_for_events(c, polls, reterr);
        if (r < 0) {
            return r;
        }
        if (polls[POLL_SIGNAL].revents) {
            take_signals(c);
        }
        if (polls[POLL_OUTPUT].revents && c->out_fd >= 0) {
            write_output(c);
        } else if (polls[POLL_CONTAINER].revents && c->out_fd < 0) {
            r = receive(c, reterr);
        }
        if (r == 0 && polls[POLL_INPUT].revents && c->phase == RUNNING) {
            read_input(c);
        }
        if (r == 0) {
            (void)send_input(c);
        }
    }
    return r;
}

/* Where the container does not read what it was sent. */
static void finish_input(struct client *c)
{
    struct pollfd p = { .fd = c->args->fd, .events = POLLOUT };

    while (has_to_send(c) && !send_input(c)) {
        if (poll(&p, 1, LAST_WORD_MS) <= 0) {
            return;
        }
    }
}

int attach_client_run(const struct attach_client_args *args, struct attach_client_end *ret,
                      struct imgc_err *reterr)
{
    static const int outcomes[] = { [RUNNING] = 0,
                                    [ENDED] = 0,
                                    [DETACHED] = ATTACH_CLIENT_DETACHED,
                                    [SIGNALLED] = ATTACH_CLIENT_SIGNALLED,
                                    [LOST] = ATTACH_CLIENT_LOST };
    imgc_auto(client_done) struct client c = {
        .args = args, .signal_fd = -1, .raw = TTY_RAW_INIT, .out_fd = -1, .keys = *args->keys
    };

    int r = relay_block_signals(&c.old_mask, &c.signal_fd, reterr);
    if (r < 0) {
        return r;
    }
    (void)fcntl(args->fd, F_SETFL, O_NONBLOCK);
    r = run_loop(&c, reterr);
    if (r < 0) {
        return r;
    }
    if (c.phase == DETACHED || c.phase == SIGNALLED) {
        finish_input(&c);
    }
    *ret = c.end;
    return outcomes[c.phase];
}
