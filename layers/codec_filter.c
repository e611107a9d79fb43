/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xz and bzip2 through libarchive's raw format. libarchive pulls its input, our callers push
 * theirs, so libarchive runs in a thread of its own, in turns with the caller: exactly one of the
 * two runs at any time, and the output is called in the caller's thread.
 */
#include "layers/codec_impl.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "layers/libarchive.h"
#include "schema/base/cleanup.h"

enum turn {
    TURN_WORKER, /* it runs, the caller waits */
    TURN_INPUT,  /* it waits for input, or for the end of it */
    TURN_OUTPUT, /* it waits until what it inflated is taken */
    TURN_OVER,   /* it has ended, well or with @err */
};

struct codec_stream {
    struct codec_sink sink;
    struct libarchive lib;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum turn turn;
    struct imgc_str in; /* for libarchive */
    bool has_input;     /* @in was not taken yet */
    bool is_ended;      /* there is no more input */
    struct imgc_str out;
    bool is_stopped; /* nobody wants the rest */
    bool is_started;
    struct imgc_err err;
};

/* Worker: let the caller run until it gives the turn back. */
static void give_turn(struct codec_stream *s, enum turn turn)
{
    (void)pthread_mutex_lock(&s->lock);
    s->turn = turn;
    (void)pthread_cond_broadcast(&s->changed);
    while (s->turn != TURN_WORKER && turn != TURN_OVER) {
        (void)pthread_cond_wait(&s->changed, &s->lock);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static la_ssize_t pull_input(struct archive *a, void *arg, const void **ret)
{
    struct codec_stream *s = arg;

    while (!s->has_input && !s->is_ended && !s->is_stopped) {
        give_turn(s, TURN_INPUT);
    }
    if (s->is_stopped) {
        s->lib.set_error(a, EINVAL, "stopped");
        return -1;
    }
    if (!s->has_input) {
        return 0;
    }
    s->has_input = false;
    *ret = s->in.ptr;
    return (la_ssize_t)s->in.len;
}

static int push_blocks(struct codec_stream *s, struct archive *a)
{
    const void *ptr = NULL;
    size_t len = 0;
    la_int64_t offset = 0;

    for (;;) {
        int ar = s->lib.read_data_block(a, &ptr, &len, &offset);
        if (ar == ARCHIVE_EOF) {
            return 0;
        }
        if (ar != ARCHIVE_OK) {
            return libarchive_fail(&s->err, &s->lib, a, "the compressed stream is damaged");
        }
        const char *p = ptr;
        for (size_t done = 0; done < len && !s->is_stopped;) {
            size_t n = len - done < CODEC_OUT_BYTES ? len - done : CODEC_OUT_BYTES;
            s->out = (struct imgc_str){ p + done, n };
            give_turn(s, TURN_OUTPUT);
            done += n;
        }
    }
}

static int read_all(struct codec_stream *s, struct archive *a)
{
    struct archive_entry *entry = NULL;
    /* Named filters, no bidding: a filter inside a filter is not a layer. */
    int filter = s->in.ptr[0] == 'B' ? ARCHIVE_FILTER_BZIP2 : ARCHIVE_FILTER_XZ;

    if (s->lib.read_support_format_raw(a) != ARCHIVE_OK ||
        s->lib.read_append_filter(a, filter) != ARCHIVE_OK ||
        s->lib.read_open(a, s, NULL, pull_input, NULL) != ARCHIVE_OK ||
        s->lib.read_next_header(a, &entry) != ARCHIVE_OK) {
        return libarchive_fail(&s->err, &s->lib, a, "the compressed stream is damaged");
    }
    return push_blocks(s, a);
}

static void *work(void *arg)
{
    struct codec_stream *s = arg;
    struct archive *a = s->lib.read_new();

    (void)(a ? read_all(s, a) : imgc_fail(&s->err, IMGC_E_NOMEM, "out of memory"));
    (void)s->lib.read_free(a);
    give_turn(s, TURN_OVER);
    return NULL;
}

/* Caller: let the worker run, and take its output, until it wants input or has ended. */
static int run_worker(struct codec_stream *s, struct imgc_err *reterr)
{
    int r = 0;

    (void)pthread_mutex_lock(&s->lock);
    do {
        s->turn = TURN_WORKER;
        (void)pthread_cond_broadcast(&s->changed);
        while (s->turn == TURN_WORKER) {
            (void)pthread_cond_wait(&s->changed, &s->lock);
        }
        if (s->turn == TURN_OUTPUT && !s->is_stopped) {
            r = s->sink.output(s->sink.arg, s->out.ptr, s->out.len, reterr);
        }
    } while (r == 0 && s->turn == TURN_OUTPUT);
    (void)pthread_mutex_unlock(&s->lock);
    return r;
}

/* Signals are the other threads' business. */
static int start_thread(struct codec_stream *s, struct imgc_err *reterr)
{
    sigset_t all;
    sigset_t before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = pthread_create(&s->thread, NULL, work, s);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (e) {
        return imgc_fail_sys(reterr, e, "cannot start a thread");
    }
    s->is_started = true;
    return 0;
}

static void filter_free(struct codec_stream *s)
{
    struct imgc_err ignored;

    if (!s) {
        return;
    }
    s->is_stopped = true;
    while (s->is_started && s->turn != TURN_OVER) {
        (void)run_worker(s, &ignored);
    }
    if (s->is_started) {
        (void)pthread_join(s->thread, NULL);
    }
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static int filter_start(const struct codec_sink *sink, struct codec_stream **ret,
                        struct imgc_err *reterr)
{
    struct codec_stream *s = calloc(1, sizeof *s);

    if (!s) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = libarchive_load(&s->lib, reterr);
    if (r < 0) {
        free(s);
        return r;
    }
    s->sink = *sink;
    s->turn = TURN_WORKER;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->changed, NULL);
    *ret = s;
    return 0;
}

/* Input behind the end: padding is taken, anything else is damage. */
static int check_rest(const char *ptr, size_t len, struct imgc_err *reterr)
{
    for (size_t i = 0; i < len; i++) {
        if (ptr[i]) {
            return imgc_fail(reterr, IMGC_E_LAYER,
                             "something else stands behind the compressed stream");
        }
    }
    return 0;
}

static int outcome(const struct codec_stream *s, struct imgc_err *reterr)
{
    if (s->err.code == IMGC_OK) {
        return 0;
    }
    *reterr = s->err;
    return -(int)s->err.code;
}

static int filter_write(struct codec_stream *s, const void *ptr, size_t len,
                        struct imgc_err *reterr)
{
    if (s->turn == TURN_OVER) {
        return check_rest(ptr, len, reterr);
    }
    s->in = (struct imgc_str){ ptr, len };
    s->has_input = true;
    int r = s->is_started ? 0 : start_thread(s, reterr);
    if (r == 0) {
        r = run_worker(s, reterr);
    }
    return r < 0 ? r : outcome(s, reterr);
}

static int filter_finish(struct codec_stream *s, struct imgc_err *reterr)
{
    s->is_ended = true;
    while (s->turn != TURN_OVER) {
        int r = run_worker(s, reterr);
        if (r < 0) {
            return r;
        }
    }
    return outcome(s, reterr);
}

const struct codec_driver codec_filter = {
    .start = filter_start, .write = filter_write, .finish = filter_finish, .free = filter_free
};
