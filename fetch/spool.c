/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/spool.h"

#include <pthread.h>
#include <stdlib.h>

#define READ_BYTES ((size_t)256 << 10) /* as libcurl gives them: still in the processor's cache */

struct spool {
    struct partial *partial; /* borrowed */
    pthread_mutex_t mutex;   /* guards the next five */
    pthread_cond_t changed;
    uint64_t offered, taken;
    bool is_ended, is_aborted;
    bool is_full; /* the loop was told so */
    char buf[READ_BYTES];
};

int spool_new(struct partial *partial, struct spool **ret, struct imgc_err *reterr)
{
    struct spool *s = malloc(sizeof *s);

    if (!s) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    s->partial = partial;
    s->offered = 0;
    s->taken = 0;
    s->is_ended = false;
    s->is_aborted = false;
    s->is_full = false;
    /* With default attributes these cannot fail on Linux. */
    (void)pthread_mutex_init(&s->mutex, NULL);
    (void)pthread_cond_init(&s->changed, NULL);
    *ret = s;
    return 0;
}

struct spool *spool_free(struct spool *s)
{
    if (s) {
        (void)pthread_cond_destroy(&s->changed);
        (void)pthread_mutex_destroy(&s->mutex);
        free(s);
    }
    return NULL;
}

static void lock(struct spool *s)
{
    (void)pthread_mutex_lock(&s->mutex);
}

static void unlock(struct spool *s)
{
    (void)pthread_mutex_unlock(&s->mutex);
}

void spool_offer(struct spool *s, uint64_t end)
{
    lock(s);
    if (end > s->offered) {
        s->offered = end;
        (void)pthread_cond_signal(&s->changed);
    }
    unlock(s);
}

void spool_end(struct spool *s)
{
    lock(s);
    s->is_ended = true;
    (void)pthread_cond_signal(&s->changed);
    unlock(s);
}

void spool_abort(struct spool *s)
{
    lock(s);
    s->is_aborted = true;
    (void)pthread_cond_signal(&s->changed);
    unlock(s);
}

bool spool_is_full(struct spool *s)
{
    lock(s);
    s->is_full = s->offered - s->taken > SPOOL_AHEAD_BYTES;
    bool is_full = s->is_full;
    unlock(s);
    return is_full;
}

/* How much there is to read, once there is some. */
static enum spool_take await(struct spool *s, size_t *ret_len, bool *ret_room)
{
    enum spool_take how = SPOOL_BYTES;

    lock(s);
    while (s->taken == s->offered && !s->is_ended && !s->is_aborted) {
        (void)pthread_cond_wait(&s->changed, &s->mutex);
    }
    uint64_t n = s->offered - s->taken;
    *ret_room = s->is_full && n <= SPOOL_AHEAD_BYTES / 2;
    if (*ret_room) {
        s->is_full = false;
    }
    if (s->is_aborted) {
        how = SPOOL_ABORTED;
    } else if (n == 0) {
        how = SPOOL_ENDED;
    }
    unlock(s);
    *ret_len = n < READ_BYTES ? (size_t)n : READ_BYTES;
    return how;
}

int spool_take(struct spool *s, const void **ret_ptr, size_t *ret_len, bool *ret_room,
               struct imgc_err *reterr)
{
    size_t n = 0;

    enum spool_take how = await(s, &n, ret_room);
    if (how != SPOOL_BYTES) {
        return (int)how;
    }
    int r = partial_read(s->partial, s->taken, s->buf, n, reterr);
    if (r < 0) {
        return r;
    }
    lock(s);
    s->taken += n;
    unlock(s);
    *ret_ptr = s->buf;
    *ret_len = n;
    return SPOOL_BYTES;
}
