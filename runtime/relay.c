/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/tty.h"
#include "schema/base/clock.h"
#include "schema/base/fd.h"

#define STREAMS 3
#define OUTPUTS 2 /* the first ones, without a terminal */
#define INPUT 2
#define MS_PER_S 1000
#define NS_PER_MS 1000000
#define CHUNK_BYTES ATTACH_DATA_MAX
#define REST_BYTES_MAX (1 << 20) /* as much as a pipe can be made to hold */

struct stream {
    int from, to; /* -1: at its end; nobody reads any more */
    bool logged;
    enum log_stream kind; /* of an output */
    size_t at, len;       /* buf[at..len) is still to be written to `to` */
    bool shared;          /* buf[0..len) is still to be got by clients */
    char buf[CHUNK_BYTES];
};

struct loop {
    const struct relay *relay;
    struct stream streams[STREAMS];
    bool input_ended; /* a client has said so */
    int64_t kill_ms;  /* when the container's time is over; 0: never */
    int log_result;   /* of the first failure */
    struct imgc_err log_err;
};

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

int relay_block_signals(sigset_t *ret_old, int *ret_fd, struct imgc_err *reterr)
{
    sigset_t all;

    (void)sigfillset(&all);
    int fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "make a signal fd");
    }
    (void)sigprocmask(SIG_SETMASK, &all, ret_old);
    *ret_fd = fd;
    return 0;
}

void relay_unblock_signals(const sigset_t *old)
{
    static const struct timespec at_once = { 0, 0 };
    sigset_t broken_pipe;

    (void)sigemptyset(&broken_pipe);
    (void)sigaddset(&broken_pipe, SIGPIPE);
    while (!sigismember(old, SIGPIPE) && sigtimedwait(&broken_pipe, NULL, &at_once) == SIGPIPE) {
    }
    (void)sigprocmask(SIG_SETMASK, old, NULL);
}

static void forward_signal(const struct relay *relay, int signal)
{
    if (signal == SIGCHLD || signal == SIGURG || signal == SIGPIPE) {
        return; /* of the launcher itself */
    }
    if (signal == SIGWINCH && *relay->master_fd >= 0) {
        if (!tty_copy_size(STDOUT_FILENO, *relay->master_fd)) {
            (void)tty_copy_size(STDIN_FILENO, *relay->master_fd);
        }
        return;
    }
    (void)pidfd_send_signal(relay->pid_fd, signal, NULL, 0);
}

static void forward_signals(const struct relay *relay)
{
    struct signalfd_siginfo info;

    while (read(relay->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        forward_signal(relay, (int)info.ssi_signo);
    }
}

/* The next chunk is read when this one is where it has to be. */
static void settle(struct stream *s)
{
    if ((s->to < 0 || s->at >= s->len) && !s->shared) {
        s->at = s->len = 0;
    }
}

static void share(struct loop *l, struct stream *s)
{
    if (s->shared) {
        s->shared = !attach_server_send(l->relay->attach, s->kind, s->buf, s->len);
        settle(s);
    }
}

/* @return how much came; 0: nothing now, or nothing any more. */
static size_t fill(struct loop *l, struct stream *s, size_t most)
{
    ssize_t n = read(s->from, s->buf, most);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    if (n <= 0) { /* EIO: the last one has closed the terminal */
        s->from = -1;
        return 0;
    }
    s->at = 0;
    s->len = (size_t)n;
    if (s->logged && l->log_result == 0) {
        l->log_result = log_write(l->relay->log, s->kind, s->buf, s->len, &l->log_err);
    }
    if (l->relay->attach) { /* then only outputs are read from */
        attach_server_offer(l->relay->attach, s->kind);
        s->shared = true;
        share(l, s);
    }
    settle(s);
    return (size_t)n;
}

static void drain(struct stream *s)
{
    /* No more than what poll() promises not to block on. */
    size_t len = s->len - s->at < PIPE_BUF ? s->len - s->at : PIPE_BUF;
    ssize_t n = write(s->to, s->buf + s->at, len);

    if (n >= 0) {
        s->at += (size_t)n;
    } else if (errno != EAGAIN && errno != EINTR) {
        s->to = -1;
    }
    settle(s);
}

static void prepare(const struct stream *s, struct pollfd *p)
{
    bool pending = s->len > 0;
    p->fd = pending ? (s->at < s->len ? s->to : -1) : s->from; /* poll() leaves -1 alone */
    p->events = pending ? POLLOUT : POLLIN;
    p->revents = 0;
}

static void serve(struct loop *l, struct stream *s, const struct pollfd *p)
{
    share(l, s);
    if (p->fd < 0 || p->revents == 0) {
        return;
    }
    if (p->events == POLLOUT) {
        drain(s);
    } else {
        (void)fill(l, s, sizeof s->buf);
    }
}

/* Who asks imgc to end wants no more of the output; the log has it. */
static bool is_asked_to_end(const struct relay *relay)
{
    struct signalfd_siginfo info;
    bool is_asked = false;

    while (read(relay->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        is_asked = is_asked || info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT ||
                   info.ssi_signo == SIGHUP || info.ssi_signo == SIGQUIT;
    }
    return is_asked;
}

/* Until every client has the chunk, or is too slow. */
static void finish_sharing(struct loop *l, struct stream *s)
{
    struct attach_server *attach = l->relay->attach;
    struct pollfd polls[ATTACH_SERVER_POLLS + 1];

    while (s->shared) {
        struct attach_server_input ignored = { .buf = l->streams[INPUT].buf };
        attach_server_prepare(attach, false, polls);
        polls[ATTACH_SERVER_POLLS] = (struct pollfd){ .fd = l->relay->signal_fd, .events = POLLIN };
        if (poll(polls, ATTACH_SERVER_POLLS + 1, attach_server_patience(attach)) > 0) {
            attach_server_serve(attach, polls, &ignored);
        }
        attach_server_drop_slow(attach, is_asked_to_end(l->relay));
        share(l, s);
    }
}

/* Nobody is left to forward signals to, and our reader may never read again. */
static void await_reader(struct loop *l, struct stream *s, const struct pollfd *p)
{
    struct pollfd polls[] = { *p, { .fd = l->relay->signal_fd, .events = POLLIN } };

    if (poll(polls, 2, -1) <= 0) {
        return;
    }
    if (polls[0].revents != 0) {
        drain(s);
    } else if (is_asked_to_end(l->relay)) {
        s->to = -1;
        settle(s);
    }
}

/* How much there is to read, all of which the container's first process and what died with it have
 * written. Others may hold the other end, processes that it shared a pid namespace with, and write
 * for ever: they are not waited for. What a terminal has under way the kernel does not count. */
static size_t what_is_there(int fd)
{
    int n = 0;

    return !isatty(fd) && ioctl(fd, FIONREAD, &n) == 0 && n >= 0 ? (size_t)n : REST_BYTES_MAX;
}

/* The container has ended. */
static void finish_output(struct loop *l, struct stream *s)
{
    size_t rest = 0, n = 0;

    if (s->from >= 0) {
        int flags = fcntl(s->from, F_GETFL);
        (void)fcntl(s->from, F_SETFL, flags | O_NONBLOCK);
        rest = what_is_there(s->from);
    }
    for (;;) {
        if (s->len == 0) {
            size_t most = rest < sizeof s->buf ? rest : sizeof s->buf;
            n = s->from >= 0 && most > 0 ? fill(l, s, most) : 0;
            if (n == 0) {
                return;
            }
            rest -= n;
        }
        struct pollfd p;
        prepare(s, &p);
        if (p.fd >= 0 && p.events == POLLOUT) {
            await_reader(l, s, &p);
        }
        finish_sharing(l, s);
    }
}

static void init_output(struct loop *l, int i, int from, int to)
{
    struct stream *s = &l->streams[i];

    s->from = from;
    s->to = l->relay->attach ? -1 : to;
    s->logged = l->relay->log != NULL;
    s->kind = i == 0 ? LOG_STDOUT : LOG_STDERR;
}

static void init_input(struct loop *l, int to)
{
    l->streams[INPUT].from = l->relay->attach ? -1 : STDIN_FILENO;
    l->streams[INPUT].to = to;
}

static void init_streams(struct loop *l)
{
    const struct relay *r = l->relay;

    for (size_t i = 0; i < STREAMS; i++) { /* not the buffers: nobody has touched those pages */
        l->streams[i].from = l->streams[i].to = -1;
        l->streams[i].at = l->streams[i].len = 0;
        l->streams[i].logged = l->streams[i].shared = false;
    }
    if (*r->master_fd >= 0) {
        int flags = fcntl(*r->master_fd, F_GETFL);
        (void)fcntl(*r->master_fd, F_SETFL, flags | O_NONBLOCK);
        init_output(l, 0, *r->master_fd, STDOUT_FILENO);
        if (r->forward_input) {
            init_input(l, *r->master_fd);
        }
        return;
    }
    for (int i = 0; i < OUTPUTS; i++) {
        init_output(l, i, r->out_fds[i], i == 0 ? STDOUT_FILENO : STDERR_FILENO);
    }
    if (*r->in_fd >= 0) {
        init_input(l, *r->in_fd);
    }
}

/* The caller's terminal is gone, so the container's hangs up too: no shell stays behind that nobody
 * can reach. (In raw mode Ctrl-D goes through as a key and is no end of input.) */
static void hang_up(struct loop *l)
{
    for (size_t i = 0; i < STREAMS; i++) {
        l->streams[i].from = l->streams[i].to = -1;
        l->streams[i].at = l->streams[i].len = 0;
        l->streams[i].shared = false;
    }
    for (unsigned i = 0; l->relay->attach && i < OUTPUTS; i++) {
        attach_server_withdraw(l->relay->attach, i);
    }
    imgc_closep(l->relay->master_fd);
}

/* With clients their words decide: one that goes away may come back, unless it goes without one. */
static void end_clients_input(struct loop *l)
{
    struct stream *s = &l->streams[INPUT];

    if (*l->relay->master_fd >= 0 &&
        ((l->input_ended && s->len == 0) || attach_server_is_deserted(l->relay->attach))) {
        hang_up(l);
        return;
    }
    if (*l->relay->in_fd >= 0 && s->len == 0 && (l->input_ended || s->to < 0)) {
        s->to = -1;
        imgc_closep(l->relay->in_fd);
    }
}

/* Let the container see the end of its input; or it has closed it, and nothing more is taken from
 * ours. */
static void end_input(struct loop *l)
{
    struct stream *s = &l->streams[INPUT];

    if (l->relay->attach) {
        end_clients_input(l);
        return;
    }
    if (*l->relay->master_fd >= 0 && l->relay->forward_input && s->from < 0 && s->len == 0) {
        hang_up(l);
        return;
    }
    if (*l->relay->in_fd >= 0 && s->len == 0 && (s->from < 0 || s->to < 0)) {
        s->from = s->to = -1;
        imgc_closep(l->relay->in_fd);
    }
}

static int reap(const struct relay *relay, int *ret_status, struct imgc_err *reterr)
{
    while (waitpid(relay->pid, ret_status, 0) < 0) {
        if (errno != EINTR) {
            return imgc_fail_sys(reterr, errno, "wait for the container");
        }
    }
    return 0;
}

static void serve_clients(struct loop *l, const struct pollfd *polls)
{
    struct stream *s = &l->streams[INPUT];
    struct attach_server_input in = { .buf = s->buf };

    attach_server_serve(l->relay->attach, polls, &in);
    attach_server_drop_slow(l->relay->attach, false);
    if (in.len > 0 && s->to >= 0) {
        s->at = 0;
        s->len = in.len;
    }
    l->input_ended = l->input_ended || in.ended;
    if (in.has_size && *l->relay->master_fd >= 0) {
        tty_set_size(*l->relay->master_fd, in.size.rows, in.size.columns);
    }
}

/* @return how long to wait for events at most: ms; -1: for ever. */
static int patience(const struct loop *l)
{
    int64_t clients = l->relay->attach ? attach_server_patience(l->relay->attach) : -1;
    int64_t left = l->kill_ms ? l->kill_ms - now_ms() : -1;

    if (l->kill_ms) {
        left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
        clients = clients < 0 || left < clients ? left : clients;
    }
    return (int)clients;
}

/* --timeout. The end comes as it does of any other signal. */
static void kill_when_over(struct loop *l)
{
    if (l->kill_ms && now_ms() >= l->kill_ms) {
        (void)pidfd_send_signal(l->relay->pid_fd, SIGKILL, NULL, 0);
        l->kill_ms = 0;
    }
}

/* What is polled for, in this order. */
enum { POLL_SIGNAL, POLL_PROCESS, POLL_STREAMS, POLL_CLIENTS = POLL_STREAMS + STREAMS };
#define POLLS_MAX (POLL_CLIENTS + ATTACH_SERVER_POLLS)

static int wait_for_events(struct loop *l, struct pollfd polls[POLLS_MAX], struct imgc_err *reterr)
{
    const struct relay *relay = l->relay;
    nfds_t n = POLL_CLIENTS;

    polls[POLL_SIGNAL] = (struct pollfd){ .fd = relay->signal_fd, .events = POLLIN };
    polls[POLL_PROCESS] = (struct pollfd){ .fd = relay->pid_fd, .events = POLLIN };
    for (size_t i = 0; i < STREAMS; i++) {
        prepare(&l->streams[i], &polls[POLL_STREAMS + i]);
    }
    if (relay->attach) {
        attach_server_prepare(relay->attach, l->streams[INPUT].len == 0, &polls[POLL_CLIENTS]);
        n = POLLS_MAX;
    }
    if (poll(polls, n, patience(l)) < 0 && errno != EINTR) {
        return imgc_fail_sys(reterr, errno, "wait for the container");
    }
    return 0;
}

/* Until the process has ended, which is not reaped yet. */
static int run_loop(struct loop *l, struct imgc_err *reterr)
{
    struct pollfd polls[POLLS_MAX];

    for (;;) {
        int r = wait_for_events(l, polls, reterr);
        if (r < 0) {
            return r;
        }
        kill_when_over(l);
        if (polls[POLL_SIGNAL].revents) {
            forward_signals(l->relay);
        }
        if (l->relay->attach) { /* first, so that a new client gets what comes now */
            serve_clients(l, &polls[POLL_CLIENTS]);
        }
        for (size_t i = 0; i < STREAMS; i++) {
            serve(l, &l->streams[i], &polls[POLL_STREAMS + i]);
        }
        end_input(l);
        if (polls[POLL_PROCESS].revents) {
            return 0;
        }
    }
}

int relay_run(const struct relay *relay, int *ret_status, struct imgc_err *reterr)
{
    struct loop l;

    l.relay = relay;
    l.log_result = 0;
    l.input_ended = false;
    l.kill_ms = relay->timeout_s ? now_ms() + (int64_t)relay->timeout_s * MS_PER_S : 0;
    init_streams(&l);
    int r = run_loop(&l, reterr);
    r = r < 0 ? r : reap(relay, ret_status, reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < OUTPUTS; i++) {
        finish_output(&l, &l.streams[i]);
    }
    if (relay->log && l.log_result == 0) {
        l.log_result = log_flush(relay->log, &l.log_err);
    }
    if (l.log_result < 0) {
        *reterr = l.log_err;
    }
    return l.log_result;
}
