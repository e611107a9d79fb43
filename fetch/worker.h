/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread that turns the bytes of one blob into a layer: the loop's thread puts them into a
 * bounded pipe (layers/pipe.h), the worker takes them out and feeds layers/ingest.h. So hashing and
 * inflating run beside the network, and a fast network waits for a slow disk in 512 KiB of memory.
 *
 * A blob that is kept while it comes (store/partial.h) goes through its file instead of the pipe
 * (fetch/spool.h), from byte 0 on, and perhaps through the pipe from some point on, where the file
 * cannot grow.
 */
#ifndef IMGC_FETCH_WORKER_H
#define IMGC_FETCH_WORKER_H

#include "layers/ingest.h"
#include "store/partial.h"

struct worker;

struct worker_args {
    struct store *store; /* borrowed, as all of it but @ingest's struct itself */
    struct lease *lease;
    struct ingest_args ingest; /* what it points to outlives the worker; its mark is the worker's */
    struct partial *partial;   /* outlives the worker; NULL: all bytes come through the pipe */
    /* Called from the worker's thread when it has made room in a full pipe, and when it is done. */
    void (*wake)(void *arg);
    void *arg;
};

/** Start. @ret freed with worker_free(). @return 0; -NOMEM; -SYS. */
IMGC_CHECK int worker_start(const struct worker_args *args, struct worker **ret,
                            struct imgc_err *reterr);

/** Say that bytes [0, @end) of the blob are in the partial file. Not after worker_put(). */
void worker_offer(struct worker *w, uint64_t end);

enum worker_put { WORKER_TAKEN, WORKER_FULL, WORKER_OVER };

/** Hand over @len bytes, all or none: those that follow what was offered. WORKER_FULL: later, see
 * worker_has_room(); WORKER_OVER: the worker has ended already, its result says why. */
enum worker_put worker_put(struct worker *w, const void *ptr, size_t len);

/** Whether the worker keeps up: the pipe is half free (a WORKER_FULL is over) and the file not too
 * far ahead, or nothing more is taken. */
bool worker_has_room(struct worker *w);

/** Say that the blob is whole: the worker finishes and publishes the layer. */
void worker_finish(struct worker *w);

/** Whether worker_result() has something to say. */
bool worker_is_over(struct worker *w);

/** Wait for the end of the thread. @return as ingest_write() and ingest_finish(); -DIGEST too where
 * the file is not what it was, see worker_lost(). */
IMGC_CHECK int worker_result(struct worker *w, struct layer_info *ret, struct imgc_err *reterr);

/** After worker_result(): whether the partial file has lost bytes, and of how many from the
 * beginning on it is certain that they are right. */
bool worker_lost(const struct worker *w, uint64_t *ret_good);

/** Stop where it stands (unless it is finishing, which is waited for), join, free. Accepts NULL;
 * returns NULL. */
struct worker *worker_free(struct worker *w);
void worker_freep(struct worker **w);

#endif
