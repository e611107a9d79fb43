/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/tty.h"
#include "schema/base/fd.h"

#define STREAMS 3
#define OUTPUTS 2 /* the first ones, without a terminal */
#define INPUT 2
#define CHUNK_BYTES 16384

struct stream {
    int from, to; /* -1: at its end; nobody reads any more */
    bool logged;
    enum log_stream kind; /* where logged */
    size_t at, len;       /* what is still to be written: buf[at..len) */
    char buf[CHUNK_BYTES];
};

struct loop {
    const struct relay *relay;
    struct stream streams[STREAMS];
    int log_result; /* of the first failure */
    struct imgc_err log_err;
};

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

/* @return whether anything came. */
static bool fill(struct loop *l, struct stream *s)
{
    ssize_t n = read(s->from, s->buf, sizeof s->buf);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (n <= 0) { /* EIO: the last one has closed the terminal */
        s->from = -1;
        return false;
    }
    s->at = 0;
    s->len = (size_t)n;
    if (s->logged && l->log_result == 0) {
        l->log_result = log_write(l->relay->log, s->kind, s->buf, s->len, &l->log_err);
    }
    if (s->to < 0) {
        s->len = 0;
    }
    return true;
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
        s->len = 0;
    }
    if (s->at >= s->len) {
        s->at = s->len = 0;
    }
}

static void prepare(const struct stream *s, struct pollfd *p)
{
    bool pending = s->len > 0;
    p->fd = pending ? s->to : s->from; /* poll() leaves -1 alone */
    p->events = pending ? POLLOUT : POLLIN;
    p->revents = 0;
}

static void serve(struct loop *l, struct stream *s, const struct pollfd *p)
{
    if (p->fd < 0 || p->revents == 0) {
        return;
    }
    if (s->len > 0) {
        drain(s);
    } else {
        (void)fill(l, s);
    }
}

/* Its writers are dead, so what is there is all there is. */
static void finish_output(struct loop *l, struct stream *s)
{
    if (s->from >= 0) {
        int flags = fcntl(s->from, F_GETFL);
        (void)fcntl(s->from, F_SETFL, flags | O_NONBLOCK);
    }
    while (s->len > 0 || (s->from >= 0 && fill(l, s))) {
        struct pollfd p;
        prepare(s, &p);
        if (s->len > 0 && poll(&p, 1, -1) > 0) {
            drain(s);
        }
    }
}

static void init_streams(struct loop *l)
{
    const struct relay *r = l->relay;
    bool logged = r->log != NULL;

    for (size_t i = 0; i < STREAMS; i++) {
        l->streams[i].from = l->streams[i].to = -1;
        l->streams[i].at = l->streams[i].len = 0;
        l->streams[i].logged = false;
    }
    if (*r->master_fd >= 0) {
        int flags = fcntl(*r->master_fd, F_GETFL);
        (void)fcntl(*r->master_fd, F_SETFL, flags | O_NONBLOCK);
        l->streams[0].from = *r->master_fd;
        l->streams[0].to = STDOUT_FILENO;
        l->streams[0].logged = logged;
        l->streams[0].kind = LOG_STDOUT;
        l->streams[INPUT].from = r->forward_input ? STDIN_FILENO : -1;
        l->streams[INPUT].to = *r->master_fd;
        return;
    }
    for (int i = 0; i < OUTPUTS; i++) {
        l->streams[i].from = r->out_fds[i];
        l->streams[i].to = i == 0 ? STDOUT_FILENO : STDERR_FILENO;
        l->streams[i].logged = logged;
        l->streams[i].kind = i == 0 ? LOG_STDOUT : LOG_STDERR;
    }
    if (*r->in_fd >= 0) {
        l->streams[INPUT].from = STDIN_FILENO;
        l->streams[INPUT].to = *r->in_fd;
    }
}

/* The caller's terminal is gone, so the container's hangs up too: no shell stays behind that nobody
 * can reach. (In raw mode Ctrl-D goes through as a key and is no end of input.) */
static void hang_up(struct loop *l)
{
    for (size_t i = 0; i < STREAMS; i++) {
        l->streams[i].from = l->streams[i].to = -1;
        l->streams[i].at = l->streams[i].len = 0;
    }
    imgc_closep(l->relay->master_fd);
}

/* Let the container see the end of its input; or it has closed it, and nothing more is taken from
 * ours. */
static void end_input(struct loop *l)
{
    struct stream *s = &l->streams[INPUT];

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

int relay_run(const struct relay *relay, int *ret_status, struct imgc_err *reterr)
{
    struct loop l;
    struct pollfd polls[2 + STREAMS];

    l.relay = relay;
    l.log_result = 0;
    init_streams(&l);
    for (;;) {
        polls[0] = (struct pollfd){ .fd = relay->signal_fd, .events = POLLIN };
        polls[1] = (struct pollfd){ .fd = relay->pid_fd, .events = POLLIN };
        for (size_t i = 0; i < STREAMS; i++) {
            prepare(&l.streams[i], &polls[2 + i]);
        }
        if (poll(polls, 2 + STREAMS, -1) < 0 && errno != EINTR) {
            return imgc_fail_sys(reterr, errno, "wait for the container");
        }
        if (polls[0].revents) {
            forward_signals(relay);
        }
        for (size_t i = 0; i < STREAMS; i++) {
            serve(&l, &l.streams[i], &polls[2 + i]);
        }
        end_input(&l);
        if (polls[1].revents) {
            break;
        }
    }
    int r = reap(relay, ret_status, reterr);
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
