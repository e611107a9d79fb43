/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/worker.h"

#include <pthread.h>
#include <signal.h>

#define RING_BYTES (1u << 20)

struct worker {
    struct worker_args args;
    pthread_t thread;
    bool has_mutex, has_cond, is_joined, has_thread;

    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t filled;
    size_t head, len; /* of the ring: first byte, number of bytes */
    bool is_full;     /* the producer waits for room */
    bool is_whole;    /* no more bytes will come */
    bool is_stopped;  /* the producer gave up */
    bool is_over;     /* the worker is done; the result is set */
    int result;
    struct layer_info layer; /* result is 0 */
    struct imgc_err err;     /* result is negative */

    char *ring; /* RING_BYTES; the bytes of [head, head+len) belong to the worker, others not */
};

/* Wait for bytes in one piece. @return false at the end, with *ret_stopped where it came early. */
static bool next_bytes(struct worker *w, const char **ret_ptr, size_t *ret_len, bool *ret_stopped)
{
    (void)pthread_mutex_lock(&w->mutex);
    while (w->len == 0 && !w->is_whole && !w->is_stopped) {
        (void)pthread_cond_wait(&w->filled, &w->mutex);
    }
    *ret_stopped = w->is_stopped;
    *ret_ptr = w->ring + w->head;
    *ret_len = w->len < RING_BYTES - w->head ? w->len : RING_BYTES - w->head;
    bool has_bytes = w->len > 0 && !w->is_stopped;
    (void)pthread_mutex_unlock(&w->mutex);
    return has_bytes;
}

static void release_bytes(struct worker *w, size_t len)
{
    (void)pthread_mutex_lock(&w->mutex);
    w->head = (w->head + len) % RING_BYTES;
    w->len -= len;
    bool has_room = w->is_full && w->len <= RING_BYTES / 2;
    (void)pthread_mutex_unlock(&w->mutex);
    if (has_room) {
        w->args.wake(w->args.arg);
    }
}

static int run(struct worker *w, struct layer_info *ret, struct imgc_err *reterr)
{
    ingest_auto struct ingest *in = NULL;
    const char *ptr;
    size_t len;
    bool is_stopped = false;

    int r = ingest_new(w->args.store, w->args.lease, &w->args.ingest, &in, reterr);
    while (r == 0 && next_bytes(w, &ptr, &len, &is_stopped)) {
        r = ingest_write(in, ptr, len, reterr);
        release_bytes(w, len);
    }
    if (r < 0) {
        return r;
    }
    if (is_stopped) {
        return imgc_fail(reterr, IMGC_E_INTERRUPTED, "transfer stopped");
    }
    return ingest_finish(in, ret, reterr);
}

static void *thread_main(void *arg)
{
    struct worker *w = arg;
    struct layer_info layer;
    struct imgc_err err;

    int r = run(w, &layer, &err);

    (void)pthread_mutex_lock(&w->mutex);
    w->result = r;
    if (r == 0) {
        w->layer = layer;
    } else {
        w->err = err;
    }
    w->is_over = true;
    (void)pthread_mutex_unlock(&w->mutex);
    w->args.wake(w->args.arg);
    return NULL;
}

/* Signals are for the main thread: its system calls are the ones to interrupt. */
static int start_thread(struct worker *w)
{
    sigset_t all, old;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int errnum = pthread_create(&w->thread, NULL, thread_main, w);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return errnum;
}

int worker_start(const struct worker_args *args, struct worker **ret, struct imgc_err *reterr)
{
    imgc_auto(worker_freep) struct worker *w = calloc(1, sizeof *w);

    if (!w) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    w->args = *args;
    w->ring = malloc(RING_BYTES);
    w->has_mutex = pthread_mutex_init(&w->mutex, NULL) == 0;
    w->has_cond = pthread_cond_init(&w->filled, NULL) == 0;
    if (!w->ring || !w->has_mutex || !w->has_cond) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int errnum = start_thread(w);
    if (errnum != 0) {
        return imgc_fail_sys(reterr, errnum, "start a thread");
    }
    w->has_thread = true;
    *ret = imgc_take(w);
    return 0;
}

enum worker_put worker_put(struct worker *w, const void *ptr, size_t len)
{
    const char *from = ptr;

    (void)pthread_mutex_lock(&w->mutex);
    if (w->is_over || len > RING_BYTES - w->len) {
        enum worker_put why = w->is_over ? WORKER_OVER : WORKER_FULL;
        w->is_full = why == WORKER_FULL;
        (void)pthread_mutex_unlock(&w->mutex);
        return why;
    }
    size_t tail = (w->head + w->len) % RING_BYTES;
    size_t first = len < RING_BYTES - tail ? len : RING_BYTES - tail;
    memcpy(w->ring + tail, from, first);
    memcpy(w->ring, from + first, len - first);
    w->len += len;
    w->is_full = false;
    (void)pthread_cond_signal(&w->filled);
    (void)pthread_mutex_unlock(&w->mutex);
    return WORKER_TAKEN;
}

bool worker_has_room(struct worker *w)
{
    (void)pthread_mutex_lock(&w->mutex);
    bool has_room = w->is_over || w->len <= RING_BYTES / 2;
    (void)pthread_mutex_unlock(&w->mutex);
    return has_room;
}

static void say(struct worker *w, bool *what)
{
    (void)pthread_mutex_lock(&w->mutex);
    *what = true;
    (void)pthread_cond_signal(&w->filled);
    (void)pthread_mutex_unlock(&w->mutex);
}

void worker_finish(struct worker *w)
{
    say(w, &w->is_whole);
}

bool worker_is_over(struct worker *w)
{
    (void)pthread_mutex_lock(&w->mutex);
    bool is_over = w->is_over;
    (void)pthread_mutex_unlock(&w->mutex);
    return is_over;
}

static void join(struct worker *w)
{
    if (w->has_thread && !w->is_joined) {
        (void)pthread_join(w->thread, NULL);
        w->is_joined = true;
    }
}

int worker_result(struct worker *w, struct layer_info *ret, struct imgc_err *reterr)
{
    join(w);
    if (w->result < 0) {
        *reterr = w->err;
        return w->result;
    }
    *ret = w->layer;
    return 0;
}

struct worker *worker_free(struct worker *w)
{
    if (w) {
        if (w->has_thread && !w->is_joined) {
            say(w, &w->is_stopped);
            join(w);
        }
        if (w->has_cond) {
            (void)pthread_cond_destroy(&w->filled);
        }
        if (w->has_mutex) {
            (void)pthread_mutex_destroy(&w->mutex);
        }
        free(w->ring);
        free(w);
    }
    return NULL;
}

void worker_freep(struct worker **w)
{
    *w = worker_free(*w);
}
