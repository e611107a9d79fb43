/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "fetch/spool.h"
#include "layers/pipe.h"

#define PIPE_BYTES_EACH ((size_t)512 << 10)

struct worker {
    struct worker_args args;
    struct spool *spool; /* from the loop's thread to ours; NULL: without a file */
    struct pipe *pipe;   /* the same, for what is in no file */
    bool is_spooled;     /* the loop's: nothing has gone through the pipe */
    pthread_t thread;
    bool has_thread, is_joined;

    atomic_bool is_over; /* the thread is done, and has written what follows */
    int result;
    struct layer_info layer; /* result is 0 */
    struct imgc_err err;     /* result is negative */
    bool is_reading_file;    /* the thread's, as the next two */
    bool has_lost;           /* bytes of the file are not what they were */
    uint64_t good;           /* bytes up to the last mark that is right */
};

/* Of bytes that no file has nothing need be remembered. */
static int on_mark(void *arg, uint64_t at, const struct digest *digest, struct imgc_err *reterr)
{
    struct worker *w = arg;

    if (!w->is_reading_file) {
        return 0;
    }
    if (partial_mark(w->args.partial, at, digest) == PARTIAL_WRONG) {
        w->has_lost = true;
        return imgc_fail(reterr, IMGC_E_DIGEST, "what was kept of the download is damaged");
    }
    w->good = at;
    return 0;
}

/* @return 0 where the file ends. */
static int feed_file(struct worker *w, struct ingest *in, struct imgc_err *reterr)
{
    const void *ptr = NULL;
    size_t len = 0;
    int r;

    w->is_reading_file = true;
    do {
        bool has_room = false;
        r = spool_take(w->spool, &ptr, &len, &has_room, reterr);
        if (has_room) {
            w->args.wake(w->args.arg);
        }
        if (r == SPOOL_ABORTED) {
            return imgc_fail(reterr, IMGC_E_INTERRUPTED, "transfer stopped");
        }
        if (r == SPOOL_BYTES) {
            r = ingest_write(in, ptr, len, reterr);
            r = r < 0 ? r : SPOOL_BYTES;
        }
    } while (r == SPOOL_BYTES);
    w->is_reading_file = false;
    return r < 0 ? r : 0;
}

/* @return 0 at the end of the blob. */
static int feed(struct worker *w, struct ingest *in, struct imgc_err *reterr)
{
    const void *ptr;
    size_t len;

    for (;;) {
        int r = 0;
        switch (pipe_take(w->pipe, &ptr, &len)) {
        case PIPE_BYTES:
            r = ingest_write(in, ptr, len, reterr);
            break;
        case PIPE_ENDED:
            return 0;
        case PIPE_ABORTED:
            return imgc_fail(reterr, IMGC_E_INTERRUPTED, "transfer stopped");
        }
        if (r < 0) {
            return r;
        }
        if (pipe_release(w->pipe, len)) {
            w->args.wake(w->args.arg);
        }
    }
}

static int run(struct worker *w, struct layer_info *ret, struct imgc_err *reterr)
{
    ingest_auto struct ingest *in = NULL;

    int r = ingest_new(w->args.store, w->args.lease, &w->args.ingest, &in, reterr);
    if (r == 0 && w->spool) {
        r = feed_file(w, in, reterr);
    }
    if (r == 0) {
        r = feed(w, in, reterr);
    }
    return r < 0 ? r : ingest_finish(in, ret, reterr);
}

static void *thread_main(void *arg)
{
    struct worker *w = arg;

    w->result = run(w, &w->layer, &w->err);
    /* Before the pipe: who is told that nothing more is taken asks for the reason next. */
    atomic_store(&w->is_over, true);
    pipe_close(w->pipe);
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
    w->is_spooled = args->partial != NULL;
    if (args->partial) {
        w->args.ingest.mark = on_mark;
        w->args.ingest.mark_arg = w;
        w->args.ingest.mark_bytes = PARTIAL_MARK_BYTES;
    }
    int r = pipe_new(PIPE_BYTES_EACH, &w->pipe, reterr);
    if (r == 0 && args->partial) {
        r = spool_new(args->partial, &w->spool, reterr);
    }
    if (r < 0) {
        return r;
    }
    int errnum = start_thread(w);
    if (errnum != 0) {
        return imgc_fail_sys(reterr, errnum, "start a thread");
    }
    w->has_thread = true;
    *ret = imgc_take(w);
    return 0;
}

void worker_offer(struct worker *w, uint64_t end)
{
    spool_offer(w->spool, end);
}

static void end_file(struct worker *w)
{
    if (w->is_spooled) {
        w->is_spooled = false;
        spool_end(w->spool);
    }
}

enum worker_put worker_put(struct worker *w, const void *ptr, size_t len)
{
    end_file(w);
    switch (pipe_try_put(w->pipe, ptr, len)) {
    case PIPE_TAKEN:
        return WORKER_TAKEN;
    case PIPE_FULL:
        return WORKER_FULL;
    case PIPE_CLOSED:
        break;
    }
    return WORKER_OVER;
}

bool worker_has_room(struct worker *w)
{
    return pipe_has_room(w->pipe, PIPE_BYTES_EACH / 2) &&
           (!w->spool || worker_is_over(w) || !spool_is_full(w->spool));
}

void worker_finish(struct worker *w)
{
    end_file(w);
    pipe_end(w->pipe);
}

bool worker_is_over(struct worker *w)
{
    return atomic_load(&w->is_over);
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

bool worker_lost(const struct worker *w, uint64_t *ret_good)
{
    *ret_good = w->good;
    return w->has_lost;
}

struct worker *worker_free(struct worker *w)
{
    if (w) {
        if (w->has_thread && !w->is_joined) {
            if (w->spool) {
                spool_abort(w->spool);
            }
            pipe_abort(w->pipe);
            join(w);
        }
        (void)pipe_free(w->pipe);
        (void)spool_free(w->spool);
        free(w);
    }
    return NULL;
}

void worker_freep(struct worker **w)
{
    *w = worker_free(*w);
}
