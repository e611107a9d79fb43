/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One blob on its way: the request that brings it, its file (store/partial.h), the worker that
 * makes a layer of it. Bytes that came once are neither fetched nor hashed again: a connection that
 * breaks is followed by a request for the rest alone, and so is a process that was killed.
 *
 * A blob that is too small to be kept, or whose file is not to grow (the disk is short), goes to
 * the worker through memory, as the rest of one whose file cannot grow any more. For
 * fetch/transfer.c alone, in its thread.
 */
#ifndef IMGC_FETCH_JOB_H
#define IMGC_FETCH_JOB_H

#include "fetch/chunks.h"
#include "fetch/transfer.h"
#include "fetch/window.h"
#include "fetch/worker.h"
#include "store/lock.h"

enum job_state {
    JOB_READY,   /* to be started once not_before_ns has passed */
    JOB_RUNNING, /* there is a worker */
    JOB_DONE,
};

/* One blob; several layers of the manifest may be made of it. The first five are set by the
 * transfer, the rest is zero in the beginning but for the lock. */
struct job {
    const struct transfer_args *args;
    const struct descriptor *blob;
    const struct digest *diff_id;
    struct window window;
    const bool *is_short; /* the disk has no room for downloads beside the layers */

    enum job_state state;
    enum pull_stage stage, shown_stage;
    uint64_t shown_bytes;
    unsigned n_retries, shown_retries;
    int64_t not_before_ns; /* before that neither start nor ask again */
    struct lock lock;      /* held from the first start to the end */
    bool is_fetched;       /* JOB_DONE by us: it was not here */

    struct partial *partial; /* NULL: not kept */
    uint64_t inherited;      /* bytes that an earlier process left in it */
    bool is_kept;            /* what comes goes into it */
    unsigned n_lost;         /* how often the file was found damaged */
    uint64_t piped;          /* bytes of the blob that the worker has, once it is not kept */

    struct worker *w;
    struct http_exchange *x;
    struct registry_item item; /* what x was asked for */
    struct registry_try attempt;
    uint64_t at; /* the next byte of the blob that x brings */
    char *buf;   /* the bytes before it that are on the way to the file */
    size_t buf_len;
    int64_t flushed_ns;
    uint64_t asked_at;   /* the first one */
    int64_t asked_ns;    /* when */
    uint64_t tried_from; /* where it stood at the last failure */
    bool no_ranges;      /* the server gave no part: it is asked for the whole */
    bool has_etag;       /* the server's ETag is the digest */

    struct chunks *chunks; /* the blob from cut on, where more than one request is at it */
    uint64_t cut;          /* x ends here, if the chunks are good by then */
    bool is_uncut;         /* they were not: x goes on, and they are to be dropped */
    bool no_chunks;        /* they have been tried, without luck */
    bool had_chunks;
    bool is_whole; /* all bytes are here, and the worker finishes */
};

/** Start the worker, and ask for what is missing. The lock is held. @return 0, with the state
 * JOB_RUNNING or, where memory is short, still JOB_READY; -NETWORK and so on. */
IMGC_CHECK int job_start(struct job *j, struct imgc_err *reterr);

/**
 * Look at what happened.
 *
 * @n_spare  requests that may be added.
 * @return   0; JOB_DONE is in @j->state where the layer is in the store; what registry_judge() and
 *           ingest_finish() return.
 */
IMGC_CHECK int job_step(struct job *j, size_t n_spare, struct imgc_err *reterr);

/** The layer is here: end all, remove the file. */
void job_end(struct job *j, enum pull_stage stage);

/** Ask for no more, and write out what came. Idempotent. */
void job_rest(struct job *j);

/** Stop, keeping the file. Idempotent. */
void job_stop(struct job *j);

/** Requests that are under way. */
size_t job_requests(const struct job *j);

/** Bytes of the blob that came, without a gap. */
uint64_t job_bytes(const struct job *j);

/** Bytes that a later pull need not fetch. */
uint64_t job_kept(const struct job *j);

#endif
