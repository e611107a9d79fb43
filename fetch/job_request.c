/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/job_request.h"

#include "schema/base/clock.h"

#define NS_PER_MS 1000000

/* A connection that brought this much was worth something: attempts are counted anew. So a proxy
 * that cuts each connection after some megabytes ends no pull, and one that gives nothing does. */
#define PROGRESS_BYTES ((uint64_t)64 << 10)

/* libcurl gives 16 KiB at a time. Written one by one they would cost a pull of a gigabyte half a
 * second; a process that is killed loses no more than what is here. */
#define BUF_BYTES ((size_t)256 << 10)
#define BLOCK_BYTES ((size_t)64 << 10)
#define FLUSH_MS 20 /* what comes slowly waits no longer */

/* Straight to the worker, but for those that it has: the server gave no part, but the whole. */
static enum http_take hand_over(struct job *j, const char *ptr, size_t len)
{
    uint64_t known = j->piped > j->at ? j->piped - j->at : 0;
    size_t skip = known < len ? (size_t)known : len;

    switch (len > skip ? worker_put(j->w, ptr + skip, len - skip) : WORKER_TAKEN) {
    case WORKER_TAKEN:
        j->at += len;
        j->piped = j->at > j->piped ? j->at : j->piped;
        return HTTP_TAKEN;
    case WORKER_FULL:
        return HTTP_PAUSE;
    case WORKER_OVER:
        break;
    }
    return HTTP_STOP;
}

void job_request_leave_file(struct job *j)
{
    size_t len = j->buf_len;

    j->piped = partial_prefix(j->partial);
    j->is_kept = false;
    j->is_uncut = j->chunks != NULL;
    worker_offer(j->w, j->piped);
    j->at -= len;
    j->buf_len = 0;
    /* Nothing is in the pipe yet, and it has room for twice as much. */
    if (len > 0) {
        (void)hand_over(j, j->buf, len);
    }
}

void job_request_flush(struct job *j, bool all)
{
    struct imgc_err ignored;
    int64_t now = clock_monotonic_ns();
    uint64_t from = j->at - j->buf_len;
    /* Whole blocks, as the file has them: none of its pages is touched twice. */
    uint64_t end = all || now - j->flushed_ns > (int64_t)FLUSH_MS * NS_PER_MS
                       ? j->at
                       : j->at / BLOCK_BYTES * BLOCK_BYTES;

    if (j->buf_len == 0 || end <= from) {
        return;
    }
    size_t n = (size_t)(end - from);
    if (partial_write(j->partial, from, j->buf, n, &ignored) < 0) {
        job_request_leave_file(j);
        return;
    }
    memmove(j->buf, j->buf + n, j->buf_len - n);
    j->buf_len -= n;
    j->flushed_ns = now;
}

void job_request_drop(struct job *j)
{
    j->x = http_exchange_free(j->x);
    free(j->buf);
    j->buf = NULL;
    j->buf_len = 0;
}

static enum http_take keep(struct job *j, const void *ptr, size_t len)
{
    if (!worker_has_room(j->w)) {
        return HTTP_PAUSE;
    }
    if (j->buf_len + len > BUF_BYTES) {
        job_request_flush(j, false);
    }
    if (!j->is_kept || j->buf_len + len > BUF_BYTES) {
        return HTTP_PAUSE; /* the same bytes again, the other way */
    }
    memcpy(j->buf + j->buf_len, ptr, len);
    j->buf_len += len;
    j->at += len;
    return HTTP_TAKEN;
}

/* Bytes of the exchange, up to the cut. */
static enum http_take on_bytes(void *arg, const void *ptr, size_t len)
{
    struct job *j = arg;

    if (j->at == 0 && !window_take(&j->window, ptr, len)) {
        return HTTP_PAUSE;
    }
    bool is_last = j->chunks && !j->is_uncut && len >= j->cut - j->at;
    if (is_last && !chunks_are_good(j->chunks)) {
        j->is_uncut = true;
        is_last = false;
    }
    size_t n = is_last ? (size_t)(j->cut - j->at) : len;
    enum http_take how = j->is_kept ? keep(j, ptr, n) : hand_over(j, ptr, n);
    if (is_last && how == HTTP_TAKEN) {
        job_request_flush(j, true);
        return HTTP_STOP;
    }
    return how;
}

static int ask(struct job *j, uint64_t from, struct imgc_err *reterr)
{
    bool is_part = from > 0 && !j->no_ranges;

    j->item = (struct registry_item){ .digest = &j->blob->digest, .max_bytes = j->blob->size };
    if (is_part) {
        j->item.max_bytes = j->blob->size - from;
        j->item.range = (struct range){ .from = from, .to = j->blob->size, .total = j->blob->size };
        j->item.if_digest = j->has_etag;
    }
    if (j->is_kept && !j->buf) {
        j->buf = malloc(BUF_BYTES);
        if (!j->buf) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    j->at = is_part ? from : 0;
    j->asked_at = j->at;
    j->asked_ns = clock_monotonic_ns();
    return registry_start(j->args->registry, &j->item, on_bytes, j, &j->x, reterr);
}

int job_request_parts(struct job *j, uint64_t from, struct imgc_err *reterr)
{
    const struct chunks_args args = { .registry = j->args->registry,
                                      .digest = &j->blob->digest,
                                      .size = j->blob->size,
                                      .partial = j->partial };

    j->had_chunks = true;
    return chunks_new(&args, from, &j->chunks, reterr);
}

int job_request_rest(struct job *j, struct imgc_err *reterr)
{
    uint64_t from = job_bytes(j);

    if (from == j->blob->size || clock_monotonic_ns() < j->not_before_ns) {
        return 0;
    }
    if (j->is_kept && !j->no_chunks && !j->no_ranges && partial_has_gaps(j->partial)) {
        return job_request_parts(j, from, reterr);
    }
    return ask(j, from, reterr);
}

static int fail_foreign(const struct job *j, struct imgc_err *reterr)
{
    char digest[DIGEST_TEXT_MAX];

    return imgc_fail(reterr, IMGC_E_UNSUPPORTED,
                     "layer %s is foreign: the registry does not keep it, and imgc does not fetch "
                     "layers from other addresses that a manifest names",
                     digest_text(&j->blob->digest, digest));
}

static int fail_size(const struct job *j, const char *how, struct imgc_err *reterr)
{
    char digest[DIGEST_TEXT_MAX];

    return imgc_fail(reterr, IMGC_E_DIGEST,
                     "blob %s: the registry sends %s than the %llu bytes that the manifest says",
                     digest_text(&j->blob->digest, digest), how, (unsigned long long)j->blob->size);
}

/* An answer that is no part, or another one, or that there is none: the whole will do. */
static bool wants_whole(const struct job *j, int r)
{
    if (j->item.range.total == 0) {
        return false;
    }
    long status = http_status(j->x);
    return r == 0 ? !http_is_good(j->x) || j->at < j->blob->size
                  : r == -(int)IMGC_E_REGISTRY && (status == 416 || status == 400);
}

static void note_progress(struct job *j)
{
    uint64_t now = job_bytes(j);

    if (now >= j->tried_from + PROGRESS_BYTES) {
        j->attempt.retry.n_failures = 0;
        j->attempt.n_asked = 0;
    }
    j->tried_from = now;
}

int job_request_over(struct job *j, struct imgc_err *reterr)
{
    uint64_t delay_ms = 0;

    if (j->chunks && j->at == j->cut && !j->is_uncut) {
        return 0; /* ended by the cut: the chunks have the rest */
    }
    job_request_flush(j, true);
    note_progress(j);
    j->has_etag = http_etag_is_digest(j->x, &j->blob->digest);
    int r = registry_judge(j->args->registry, &j->item, j->x, &j->attempt, &delay_ms, reterr);
    if (wants_whole(j, r)) {
        j->no_ranges = true;
        r = REGISTRY_AGAIN;
    }
    if (r == REGISTRY_AGAIN) {
        j->n_retries++;
        j->not_before_ns = clock_monotonic_ns() + (int64_t)delay_ms * NS_PER_MS;
        job_request_drop(j);
        j->chunks = chunks_free(j->chunks); /* what they brought is in the file */
        return 0;
    }
    if (r < 0 && j->blob->kind == MEDIA_FOREIGN_LAYER && http_status(j->x) == 404) {
        return fail_foreign(j, reterr);
    }
    if (r == -(int)IMGC_E_LIMIT) {
        return fail_size(j, "more", reterr);
    }
    if (r == 0 && j->at != j->blob->size) {
        return fail_size(j, "fewer", reterr);
    }
    job_request_drop(j);
    return r;
}
