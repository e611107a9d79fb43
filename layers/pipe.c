/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/pipe.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct pipe {
    pthread_mutex_t mutex; /* guards all that follows but the bytes */
    pthread_cond_t changed;
    size_t head, len; /* of the ring: first byte, number of bytes */
    bool is_refused;  /* the writer was told PIPE_FULL */
    bool is_ended, is_aborted, is_closed;

    size_t room;
    char *ring; /* the bytes of [head, head+len) are the reader's, the others the writer's */
};

int pipe_new(size_t bytes, struct pipe **ret, struct imgc_err *reterr)
{
    struct pipe *p = calloc(1, sizeof *p);
    char *ring = malloc(bytes);

    if (!p || !ring) {
        free(p);
        free(ring);
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    /* With default attributes these cannot fail on Linux. */
    (void)pthread_mutex_init(&p->mutex, NULL);
    (void)pthread_cond_init(&p->changed, NULL);
    p->room = bytes;
    p->ring = ring;
    *ret = p;
    return 0;
}

struct pipe *pipe_free(struct pipe *p)
{
    if (p) {
        (void)pthread_cond_destroy(&p->changed);
        (void)pthread_mutex_destroy(&p->mutex);
        free(p->ring);
        free(p);
    }
    return NULL;
}

void pipe_freep(struct pipe **p)
{
    *p = pipe_free(*p);
}

static void lock(struct pipe *p)
{
    (void)pthread_mutex_lock(&p->mutex);
}

static void unlock(struct pipe *p)
{
    (void)pthread_mutex_unlock(&p->mutex);
}

/* Copy behind what is in. The mutex is not held: the free part of the ring is the writer's own. */
static void copy_in(struct pipe *p, size_t tail, const char *from, size_t len)
{
    size_t first = len < p->room - tail ? len : p->room - tail;

    memcpy(p->ring + tail, from, first);
    memcpy(p->ring, from + first, len - first);
}

/* With the mutex held, which is let go while the bytes are copied. */
static void add(struct pipe *p, const char *from, size_t len)
{
    size_t tail = (p->head + p->len) % p->room;

    unlock(p);
    copy_in(p, tail, from, len);
    lock(p);
    p->len += len;
    (void)pthread_cond_signal(&p->changed);
}

bool pipe_put(struct pipe *p, const void *ptr, size_t len)
{
    const char *from = ptr;

    lock(p);
    while (len > 0 && !p->is_closed) {
        if (p->len == p->room) {
            (void)pthread_cond_wait(&p->changed, &p->mutex);
            continue;
        }
        size_t n = len < p->room - p->len ? len : p->room - p->len;
        add(p, from, n);
        from += n;
        len -= n;
    }
    bool is_taken = !p->is_closed;
    unlock(p);
    return is_taken;
}

enum pipe_put pipe_try_put(struct pipe *p, const void *ptr, size_t len)
{
    enum pipe_put how = PIPE_TAKEN;

    lock(p);
    if (p->is_closed) {
        how = PIPE_CLOSED;
    } else if (len > p->room - p->len) {
        how = PIPE_FULL;
    } else {
        add(p, ptr, len);
    }
    p->is_refused = how == PIPE_FULL;
    unlock(p);
    return how;
}

bool pipe_has_room(struct pipe *p, size_t len)
{
    lock(p);
    bool has_room = p->is_closed || len <= p->room - p->len;
    unlock(p);
    return has_room;
}

static void say(struct pipe *p, bool *what)
{
    lock(p);
    *what = true;
    (void)pthread_cond_signal(&p->changed);
    unlock(p);
}

void pipe_end(struct pipe *p)
{
    say(p, &p->is_ended);
}

void pipe_abort(struct pipe *p)
{
    say(p, &p->is_aborted);
}

void pipe_close(struct pipe *p)
{
    say(p, &p->is_closed);
}

enum pipe_take pipe_take(struct pipe *p, const void **ret_ptr, size_t *ret_len)
{
    enum pipe_take how = PIPE_BYTES;

    lock(p);
    while (p->len == 0 && !p->is_ended && !p->is_aborted) {
        (void)pthread_cond_wait(&p->changed, &p->mutex);
    }
    if (p->is_aborted) {
        how = PIPE_ABORTED;
    } else if (p->len == 0) {
        how = PIPE_ENDED;
    } else {
        size_t piece = p->len < p->room - p->head ? p->len : p->room - p->head;
        /* Not all at once: the writer fills one part while the other is worked on. */
        *ret_len = piece > p->room / 4 && p->room >= 4 ? p->room / 4 : piece;
        *ret_ptr = p->ring + p->head;
    }
    unlock(p);
    return how;
}

bool pipe_release(struct pipe *p, size_t len)
{
    lock(p);
    p->head = (p->head + len) % p->room;
    p->len -= len;
    bool may_retry = p->is_refused && p->len <= p->room / 2;
    p->is_refused = p->is_refused && !may_retry;
    (void)pthread_cond_signal(&p->changed);
    unlock(p);
    return may_retry;
}
