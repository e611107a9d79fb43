/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/job.h"

#include "fetch/job_request.h"
#include "fetch/spool.h"
#include "schema/base/clock.h"

/* A request that brings less than this in a second, from its first half second on, gets company. On
 * a fast network none does, and nothing is asked for that way. */
#define SLOW_BYTES_PER_S ((uint64_t)8 << 20)
#define SLOW_AFTER_MS 500
#define NS_PER_MS 1000000

#define LOST_MAX 3    /* a file that is found damaged more often is of no use */
#define HEAD_BYTES 32 /* of a blob: what tells its window */

uint64_t job_bytes(const struct job *j)
{
    if (j->state != JOB_RUNNING) {
        return j->state == JOB_DONE ? j->blob->size : 0;
    }
    return j->is_kept ? partial_prefix(j->partial) : j->piped;
}

uint64_t job_kept(const struct job *j)
{
    if (j->is_fetched) {
        return j->blob->size;
    }
    return j->partial ? partial_bytes(j->partial) : 0;
}

size_t job_requests(const struct job *j)
{
    return (j->x != NULL) + (j->chunks ? chunks_count(j->chunks) : 0);
}

/* ---- beginning and end ---- */

static void end_attempt(struct job *j)
{
    /* The requests first: their receivers use the worker and the file. */
    job_request_drop(j);
    j->chunks = chunks_free(j->chunks);
    j->w = worker_free(j->w);
    window_give(&j->window);
}

void job_rest(struct job *j)
{
    if (j->is_kept && j->x) {
        job_request_flush(j, true);
    }
    job_request_drop(j);
    j->chunks = chunks_free(j->chunks);
}

void job_stop(struct job *j)
{
    job_rest(j);
    end_attempt(j);
    j->partial = partial_close(j->partial);
    lock_release(&j->lock);
}

void job_end(struct job *j, enum pull_stage stage)
{
    end_attempt(j);
    if (j->partial) {
        j->partial = partial_discard(j->partial);
    } else if (j->lock.fd >= 0) {
        partial_remove(j->args->store, &j->blob->digest);
    }
    lock_release(&j->lock);
    j->state = JOB_DONE;
    j->stage = stage;
    j->is_fetched = stage == PULL_DONE;
}

/* A file that cannot be had is no reason to fail: then the blob comes through memory. */
static void open_partial(struct job *j)
{
    struct imgc_err ignored;

    if (!j->partial && j->blob->size >= PARTIAL_MIN_BYTES && j->blob->size <= PARTIAL_MAX_BYTES &&
        partial_open(j->args->store, &j->blob->digest, j->blob->size, &j->partial, &ignored) == 0) {
        j->inherited = partial_bytes(j->partial);
    }
    j->is_kept = j->partial != NULL;
    j->piped = 0;
}

/* @return whether the window that bytes of an earlier process ask for can be had. */
static bool take_window(struct job *j)
{
    char head[HEAD_BYTES];
    struct imgc_err ignored;

    if (!j->is_kept || partial_prefix(j->partial) < sizeof head ||
        partial_read(j->partial, 0, head, sizeof head, &ignored) < 0) {
        return true; /* the first bytes that come will tell */
    }
    return window_take(&j->window, head, sizeof head);
}

static void on_wake(void *arg)
{
    http_wake(arg);
}

int job_start(struct job *j, struct imgc_err *reterr)
{
    open_partial(j);
    if (!take_window(j)) {
        return 0;
    }
    const struct worker_args args = {
        .store = j->args->store,
        .lease = j->args->lease,
        .ingest = { .blob = &j->blob->digest,
                    .blob_size = j->blob->size,
                    .diff_id = j->diff_id,
                    .media_type = j->blob->media_type,
                    .remember_blob = true },
        .partial = j->partial,
        .wake = on_wake,
        .arg = j->args->http,
    };
    int r = worker_start(&args, &j->w, reterr);
    if (r < 0) {
        return r;
    }
    j->state = JOB_RUNNING;
    j->stage = PULL_DOWNLOADING;
    j->is_whole = false;
    j->is_uncut = false;
    if (j->is_kept) {
        worker_offer(j->w, partial_prefix(j->partial));
    }
    return job_request_rest(j, reterr);
}

/* From the first byte, with nothing of what was. */
static void start_over(struct job *j, uint64_t delay_ms)
{
    end_attempt(j);
    j->partial = partial_discard(j->partial);
    j->state = JOB_READY;
    j->stage = PULL_WAITING;
    j->not_before_ns = clock_monotonic_ns() + (int64_t)delay_ms * NS_PER_MS;
}

/* The bytes came and were not what they should be: once more, then @status stands. Those of an
 * earlier process do not count: who knows what happened to them. */
static int retry_content(struct job *j, int status)
{
    uint64_t delay_ms = 0;

    if (j->inherited == 0 &&
        !retry_next(&j->attempt.retry, RETRY_CONTENT, 0, http_random(), &delay_ms)) {
        j->partial = partial_discard(j->partial);
        return status;
    }
    j->no_chunks = j->no_chunks || j->had_chunks; /* parts of different blobs, perhaps */
    j->inherited = 0;
    start_over(j, delay_ms);
    return 0;
}

/* The file is not what it was: go on behind what is good of it. */
static void drop_lost(struct job *j, uint64_t good)
{
    end_attempt(j);
    partial_trim(j->partial, good);
    j->state = JOB_READY;
    j->stage = PULL_WAITING;
    j->not_before_ns = 0;
}

/* The worker has ended, well or not. */
static int step_worker_over(struct job *j, struct imgc_err *reterr)
{
    struct layer_info info;
    uint64_t good = 0;

    int r = worker_result(j->w, &info, reterr);
    if (r < 0 && worker_lost(j->w, &good) && j->n_lost++ < LOST_MAX) {
        drop_lost(j, good);
        return 0;
    }
    if (r == -(int)IMGC_E_DIGEST) {
        return retry_content(j, r);
    }
    /* The right bytes, but no layer: nobody needs them again. Nor what inflated until the disk was
     * full, as long as it may be a lie that the next place would be taken for. */
    if (r == -(int)IMGC_E_LAYER || (r == -(int)IMGC_E_NOSPACE && j->args->is_mirror)) {
        j->partial = partial_discard(j->partial);
    }
    if (r == 0) {
        job_end(j, PULL_DONE);
    }
    return r;
}

/* ---- several requests at once ---- */

/* Whether the network is slower than it might be with more requests. */
static bool wants_chunks(const struct job *j, size_t n_spare)
{
    uint64_t ms = (uint64_t)(clock_monotonic_ns() - j->asked_ns) / NS_PER_MS;

    return j->is_kept && !j->no_chunks && j->at > j->asked_at && ms >= SLOW_AFTER_MS &&
           !http_is_done(j->x) && !http_is_paused(j->x) && http_gives_ranges(j->x) &&
           (j->at - j->asked_at) * 1000 / ms < SLOW_BYTES_PER_S &&
           j->blob->size - j->at >= 4 * PARTIAL_CELL_BYTES && n_spare > 0;
}

static int begin_chunks(struct job *j, struct imgc_err *reterr)
{
    /* What the request brings meanwhile is between one cell and two. */
    j->cut = partial_cell_end(j->partial, j->at + PARTIAL_CELL_BYTES - 1);
    return job_request_parts(j, j->cut, reterr);
}

/* The end of what may be fetched before the worker has read more of it. */
static uint64_t chunks_end(const struct job *j)
{
    uint64_t prefix = partial_prefix(j->partial);

    return !worker_has_room(j->w) || prefix > UINT64_MAX - SPOOL_AHEAD_BYTES
               ? prefix
               : prefix + SPOOL_AHEAD_BYTES;
}

static int step_chunks(struct job *j, size_t n_spare, struct imgc_err *reterr)
{
    bool is_useless = j->is_uncut;

    if (!is_useless) {
        if (j->x && j->at == j->cut) {
            job_request_drop(j);
        }
        int r = chunks_step(j->chunks, n_spare, chunks_end(j), reterr);
        if (r < 0) {
            return r;
        }
        is_useless = r == CHUNKS_USELESS;
        if (r == CHUNKS_DONE && !j->x) {
            j->chunks = chunks_free(j->chunks);
        }
    }
    if (is_useless) {
        j->chunks = chunks_free(j->chunks);
        j->no_chunks = true;
        j->is_uncut = false;
    }
    return 0;
}

/* ---- */

/* All bytes are here once no request is needed any more. */
static bool has_all(const struct job *j)
{
    return !j->x && job_bytes(j) == j->blob->size;
}

static int step_requests(struct job *j, size_t n_spare, struct imgc_err *reterr)
{
    int r = 0;

    if (j->x && !j->chunks && wants_chunks(j, n_spare)) {
        r = begin_chunks(j, reterr);
    }
    if (r == 0 && j->chunks) {
        r = step_chunks(j, n_spare, reterr);
    }
    if (r == 0 && j->x && http_is_done(j->x)) {
        r = job_request_over(j, reterr);
    }
    if (r == 0 && j->state == JOB_RUNNING && !j->x && !j->chunks && !has_all(j)) {
        r = job_request_rest(j, reterr);
    }
    return r;
}

int job_step(struct job *j, size_t n_spare, struct imgc_err *reterr)
{
    if (worker_is_over(j->w)) {
        return step_worker_over(j, reterr);
    }
    if (j->is_whole) {
        return 0;
    }
    if (j->x) {
        job_request_flush(j, *j->is_short);
    }
    if (j->is_kept && *j->is_short) {
        job_request_leave_file(j);
    }
    int r = step_requests(j, n_spare, reterr);
    if (r == -(int)IMGC_E_DIGEST) {
        return retry_content(j, r);
    }
    if (r < 0 || j->state != JOB_RUNNING) {
        return r;
    }
    if (j->is_kept) {
        worker_offer(j->w, partial_prefix(j->partial));
    }
    if (has_all(j)) {
        j->chunks = chunks_free(j->chunks);
        j->is_whole = true;
        worker_finish(j->w);
    } else if (j->x && http_is_paused(j->x) && window_fits(&j->window) && worker_has_room(j->w)) {
        http_resume(j->x);
    }
    return 0;
}
