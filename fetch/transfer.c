/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/transfer.h"

#include <malloc.h>
#include <sys/stat.h>

#include "fetch/chunks.h"
#include "fetch/worker.h"
#include "layers/zstd_window.h"
#include "schema/base/clock.h"
#include "schema/base/fd.h"
#include "store/lock.h"

#define POLL_MS 100 /* how often a lock that another process holds is tried again */
#define NS_PER_MS 1000000

/* A request that brings less than this in a second, from its first half second on, gets company. On
 * a fast network none does, and nothing is asked for that way. */
#define SLOW_BYTES_PER_S ((uint64_t)8 << 20)
#define SLOW_AFTER_MS 500

/* zstd windows of all layers that are inflated at once. Small ones are not counted, and one alone
 * may be larger than all of it. */
#define WINDOWS_BYTES ((uint64_t)16 << 20)
#define WINDOW_SMALL_BYTES ((uint64_t)2 << 20)

enum job_state {
    JOB_READY,   /* to be started once not_before_ns has passed */
    JOB_RUNNING, /* exchange and worker exist */
    JOB_DONE,
};

/* One blob; several layers of the manifest may be made of it. */
struct job {
    uint64_t *windows; /* of the transfer: WINDOWS_BYTES that are taken */
    const struct descriptor *blob;
    const struct digest *diff_id;
    enum job_state state;
    enum pull_stage stage, shown_stage;
    uint64_t shown_bytes;
    int64_t not_before_ns;
    struct registry_try attempt;
    struct lock lock; /* held from the first start to the end */
    struct http_exchange *x;
    struct worker *w;
    int64_t started_ns;
    uint64_t position;     /* bytes of the blob that the exchange has handed to the worker */
    struct chunks *chunks; /* the blob from cut on, where more than one request is at it */
    uint64_t cut;          /* the exchange ends here, if the chunks are good by then */
    bool is_uncut;         /* they were not: the exchange goes on, and they are to be dropped */
    bool no_chunks;        /* they have been tried, without luck */
    bool is_judged;        /* the exchange is over and was good: the worker finishes */
    uint64_t window;       /* that the blob's first bytes ask for; 0: a small one, or not known */
    bool has_window;       /* it is taken */
};

struct transfer {
    const struct transfer_args *args;
    struct job *jobs;
    size_t n_jobs;
    size_t *job_of;     /* layer -> job */
    struct job **order; /* all jobs, the largest first: none of them is left over at the end */
    unsigned n_running, parallel;
    uint64_t windows; /* sum of those taken */
};

static struct registry_item item_of(const struct job *j)
{
    return (struct registry_item){ .digest = &j->blob->digest, .max_bytes = j->blob->size };
}

static bool window_fits(const struct job *j)
{
    return j->has_window || j->window == 0 || *j->windows == 0 ||
           *j->windows + j->window <= WINDOWS_BYTES;
}

/* Before the first bytes go to the worker. @return false: not now. */
static bool take_window(struct job *j, const void *ptr, size_t len)
{
    if (j->has_window) {
        return true;
    }
    uint64_t window = zstd_window(ptr, len);
    j->window = window > WINDOW_SMALL_BYTES ? window : 0;
    if (!window_fits(j)) {
        return false;
    }
    *j->windows += j->window;
    j->has_window = true;
    return true;
}

static void give_window(struct job *j)
{
    if (j->has_window) {
        *j->windows -= j->window;
    }
    j->has_window = false;
    j->window = 0;
}

static void end_attempt(struct transfer *t, struct job *j)
{
    /* The exchange first: its receiver uses the worker. */
    j->x = http_exchange_free(j->x);
    j->chunks = chunks_free(j->chunks);
    j->w = worker_free(j->w);
    give_window(j);
    if (j->state == JOB_RUNNING) {
        t->n_running--;
    }
}

static void transfer_done(struct transfer *t)
{
    for (size_t i = 0; i < t->n_jobs; i++) {
        end_attempt(t, &t->jobs[i]);
        lock_release(&t->jobs[i].lock);
    }
    free(t->jobs);
    free(t->job_of);
    free(t->order);
}

static int compare_sizes(const void *a, const void *b)
{
    const struct job *x = *(struct job *const *)a, *y = *(struct job *const *)b;

    if (x->blob->size != y->blob->size) {
        return x->blob->size > y->blob->size ? -1 : 1;
    }
    return x < y ? -1 : x > y; /* as listed */
}

static void order_jobs(struct transfer *t)
{
    for (size_t i = 0; i < t->n_jobs; i++) {
        t->order[i] = &t->jobs[i];
    }
    qsort((void *)t->order, t->n_jobs, sizeof(struct job *), compare_sizes);
}

/* One job for each digest among the layers. */
static int make_jobs(struct transfer *t, struct imgc_err *reterr)
{
    const struct transfer_args *a = t->args;

    t->jobs = calloc(a->n_layers, sizeof *t->jobs);
    t->job_of = calloc(a->n_layers, sizeof *t->job_of);
    t->order = calloc(a->n_layers, sizeof(struct job *));
    if (!t->jobs || !t->job_of || !t->order) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < a->n_layers; i++) {
        size_t k = 0;
        while (k < t->n_jobs && !digest_eq(&t->jobs[k].blob->digest, &a->layers[i].digest)) {
            k++;
        }
        if (k == t->n_jobs) {
            t->jobs[t->n_jobs++] = (struct job){ .windows = &t->windows,
                                                 .blob = &a->layers[i],
                                                 .diff_id = &a->diff_ids[i],
                                                 .stage = PULL_WAITING,
                                                 .shown_stage = PULL_WAITING,
                                                 .lock = LOCK_INIT };
        } else if (!digest_eq(t->jobs[k].diff_id, &a->diff_ids[i]) ||
                   t->jobs[k].blob->size != a->layers[i].size) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT,
                             "layer %zu is listed twice, with different contents", i + 1);
        }
        t->job_of[i] = k;
    }
    order_jobs(t);
    return 0;
}

/* Whether the tar of a listed layer is really there: a lost one is fetched again. */
static bool has_tar(const struct transfer *t, const struct layer_info *info)
{
    imgc_autoclose int fd = -1;
    struct imgc_err ignored;
    struct stat st;

    return layer_open_tar(t->args->store, &info->diff_id, &fd, &ignored) == 0 &&
           fstat(fd, &st) == 0 && (uint64_t)st.st_size == info->tar_size;
}

/* Hold the layer where the store has it. @return 0 with *ret_found; -DIGEST where the blob is known
 * as another layer than the config says. */
static int find_layer(const struct transfer *t, const struct job *j, bool *ret_found,
                      struct imgc_err *reterr)
{
    const struct transfer_args *a = t->args;
    struct layer_info info;

    int r = layer_find_blob(a->store, a->lease, &j->blob->digest, &info, reterr);
    if (r == 0) {
        r = digest_expect(j->diff_id, &info.diff_id, "layer in the store", reterr);
    } else if (r == LAYER_MISSING) {
        r = layer_find(a->store, a->lease, j->diff_id, &info, reterr);
    }
    *ret_found = r == 0 && has_tar(t, &info);
    return r < 0 ? r : 0;
}

static void end_job(struct transfer *t, struct job *j, enum pull_stage stage)
{
    end_attempt(t, j);
    lock_release(&j->lock);
    j->state = JOB_DONE;
    j->stage = stage;
}

/* Say which layer of the manifest it was. */
static int fail_layer(const struct transfer *t, const struct job *j, struct imgc_err *reterr)
{
    return imgc_context(reterr, "layer %zu of %zu", (size_t)(j->blob - t->args->layers) + 1,
                        t->args->n_layers);
}

/* Before anything is fetched: what is here, and whether the rest can fit. */
static int look_in_store(struct transfer *t, struct imgc_err *reterr)
{
    uint64_t need = 0;

    for (size_t i = 0; i < t->n_jobs; i++) {
        struct job *j = &t->jobs[i];
        bool is_found = false;
        int r = find_layer(t, j, &is_found, reterr);
        if (r < 0) {
            return fail_layer(t, j, reterr);
        }
        if (is_found) {
            end_job(t, j, PULL_EXISTS);
        } else if (__builtin_add_overflow(need, j->blob->size, &need)) {
            need = UINT64_MAX;
        }
    }
    /* Layers are kept uncompressed: twice the transfer is what most images need at least. */
    if (need > 0 && __builtin_mul_overflow(need, 2u, &need)) {
        need = UINT64_MAX;
    }
    return need == 0 ? 0 : store_require_space(t->args->store, need, reterr);
}

/* Bytes of the exchange, up to the cut. */
static enum http_take on_bytes(void *arg, const void *ptr, size_t len)
{
    struct job *j = arg;

    if (!take_window(j, ptr, len)) {
        return HTTP_PAUSE;
    }
    bool is_last = j->chunks && !j->is_uncut && len >= j->cut - j->position;

    if (is_last && !chunks_are_good(j->chunks)) {
        j->is_uncut = true;
        is_last = false;
    }
    size_t n = is_last ? (size_t)(j->cut - j->position) : len;
    switch (worker_put(j->w, ptr, n)) {
    case WORKER_TAKEN:
        j->position += n;
        return is_last ? HTTP_STOP : HTTP_TAKEN;
    case WORKER_FULL:
        return HTTP_PAUSE;
    case WORKER_OVER:
        break;
    }
    return HTTP_STOP;
}

static void on_wake(void *arg)
{
    http_wake(arg);
}

static int start_layer(struct transfer *t, struct job *j, struct imgc_err *reterr)
{
    const struct transfer_args *a = t->args;
    const struct registry_item item = item_of(j);
    const struct worker_args args = {
        .store = a->store,
        .lease = a->lease,
        .ingest = { .blob = &j->blob->digest,
                    .blob_size = j->blob->size,
                    .diff_id = j->diff_id,
                    .media_type = j->blob->media_type,
                    .remember_blob = true },
        .wake = on_wake,
        .arg = a->http,
    };

    j->position = 0;
    j->is_uncut = false;
    j->started_ns = clock_monotonic_ns();
    int r = worker_start(&args, &j->w, reterr);
    if (r == 0) {
        r = registry_start(a->registry, &item, on_bytes, j, &j->x, reterr);
    }
    if (r < 0) {
        return r;
    }
    j->state = JOB_RUNNING;
    j->stage = PULL_DOWNLOADING;
    j->is_judged = false;
    t->n_running++;
    return 0;
}

/* A job whose time has come. */
static int step_ready(struct transfer *t, struct job *j, struct imgc_err *reterr)
{
    bool is_found = false;

    if (t->n_running >= t->parallel || clock_monotonic_ns() < j->not_before_ns) {
        return 0;
    }
    if (j->lock.fd < 0) {
        int r = lock_take(t->args->store, &j->blob->digest, false, &j->lock, reterr);
        if (r == LOCK_HELD_ELSEWHERE) {
            j->not_before_ns = clock_monotonic_ns() + (int64_t)POLL_MS * NS_PER_MS;
            return 0;
        }
        if (r == 0) {
            /* Whoever held the lock may have brought the layer meanwhile. */
            r = find_layer(t, j, &is_found, reterr);
        }
        if (r < 0) {
            return r;
        }
        if (is_found) {
            end_job(t, j, PULL_EXISTS);
            return 0;
        }
    }
    return start_layer(t, j, reterr);
}

static void schedule(struct transfer *t, struct job *j, uint64_t delay_ms)
{
    end_attempt(t, j);
    j->state = JOB_READY;
    j->stage = PULL_WAITING;
    j->not_before_ns = clock_monotonic_ns() + (int64_t)delay_ms * NS_PER_MS;
}

/* The bytes came and were not what they should be: once more, then @status stands. */
static int retry_content(struct transfer *t, struct job *j, int status)
{
    uint64_t delay_ms;

    if (!retry_next(&j->attempt.retry, RETRY_CONTENT, 0, http_random(), &delay_ms)) {
        return status;
    }
    schedule(t, j, delay_ms);
    return 0;
}

/* The worker has ended, well or not. */
static int step_worker_over(struct transfer *t, struct job *j, struct imgc_err *reterr)
{
    struct layer_info info;

    int r = worker_result(j->w, &info, reterr);
    if (r == -(int)IMGC_E_DIGEST) {
        j->no_chunks = j->no_chunks || j->chunks; /* parts of different blobs, perhaps */
        return retry_content(t, j, r);
    }
    if (r == 0) {
        end_job(t, j, PULL_DONE);
    }
    return r;
}

static int fail_foreign(const struct job *j, struct imgc_err *reterr)
{
    char digest[DIGEST_TEXT_MAX];

    return imgc_fail(reterr, IMGC_E_UNSUPPORTED,
                     "layer %s is foreign: the registry does not keep it, and imgc does not fetch "
                     "layers from other addresses that a manifest names",
                     digest_text(&j->blob->digest, digest));
}

/* The exchange broke off. What it brought is kept where the server gives the rest alone. */
static int go_on(struct transfer *t, struct job *j, uint64_t delay_ms, struct imgc_err *reterr)
{
    if (j->position == 0 || j->no_chunks || !http_gives_ranges(j->x)) {
        schedule(t, j, delay_ms);
        return 0;
    }
    j->x = http_exchange_free(j->x);
    j->chunks = chunks_free(j->chunks);
    j->cut = j->position;
    return chunks_new(t->args->registry, &j->blob->digest, j->blob->size, j->cut, &j->chunks,
                      reterr);
}

/* The exchange has ended: hand over to the worker, try again, or fail. */
static int step_exchange_over(struct transfer *t, struct job *j, struct imgc_err *reterr)
{
    const struct registry_item item = item_of(j);
    char digest[DIGEST_TEXT_MAX];
    uint64_t delay_ms = 0;

    int r = registry_judge(t->args->registry, &item, j->x, &j->attempt, &delay_ms, reterr);
    if (r == REGISTRY_AGAIN) {
        return go_on(t, j, delay_ms, reterr);
    }
    if (r < 0 && j->blob->kind == MEDIA_FOREIGN_LAYER && http_status(j->x) == 404) {
        return fail_foreign(j, reterr);
    }
    if (r == -(int)IMGC_E_LIMIT || (r == 0 && http_received(j->x) != j->blob->size)) {
        r = imgc_fail(reterr, IMGC_E_DIGEST,
                      "blob %s: the registry sends %s than the %llu bytes "
                      "that the manifest says",
                      digest_text(&j->blob->digest, digest), r < 0 ? "more" : "fewer",
                      (unsigned long long)j->blob->size);
        return retry_content(t, j, r);
    }
    if (r == 0) {
        j->is_judged = true;
        worker_finish(j->w);
    }
    return r;
}

/* How many more requests there may be; what is fetched and not yet handed over counts as one. */
static size_t spare_requests(const struct transfer *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n_jobs; i++) {
        const struct job *j = &t->jobs[i];
        n += (j->x != NULL) + (j->chunks ? chunks_count(j->chunks) : 0);
    }
    return n < t->parallel ? t->parallel - n : 0;
}

/* Whether the network is slower than it might be with more requests. */
static bool wants_chunks(const struct transfer *t, const struct job *j)
{
    uint64_t ms = (uint64_t)(clock_monotonic_ns() - j->started_ns) / NS_PER_MS;

    return !j->no_chunks && j->position > 0 && ms >= SLOW_AFTER_MS && !http_is_done(j->x) &&
           !http_is_paused(j->x) && http_gives_ranges(j->x) &&
           j->position * 1000 / ms < SLOW_BYTES_PER_S &&
           j->blob->size - j->position >= 4 * CHUNKS_BYTES && spare_requests(t) > 0;
}

static void drop_chunks(struct job *j)
{
    j->chunks = chunks_free(j->chunks);
    j->no_chunks = true;
    j->is_uncut = false;
}

static int step_chunks(struct transfer *t, struct job *j, struct imgc_err *reterr)
{
    if (j->is_uncut) {
        drop_chunks(j);
        return 0;
    }
    if (j->x && j->position == j->cut) {
        j->x = http_exchange_free(j->x);
    }
    int r = chunks_step(j->chunks, spare_requests(t), reterr);
    if (r == CHUNKS_USELESS) {
        drop_chunks(j);
        if (!j->x) {
            schedule(t, j, 0); /* all of it, in one piece */
        }
        return 0;
    }
    if (r == 0 && !j->x && chunks_feed(j->chunks, j->w)) {
        j->is_judged = true;
        worker_finish(j->w);
    }
    return r;
}

static int step_running(struct transfer *t, struct job *j, struct imgc_err *reterr)
{
    if (worker_is_over(j->w)) {
        return step_worker_over(t, j, reterr);
    }
    if (j->is_judged) {
        return 0;
    }
    if (!j->chunks && wants_chunks(t, j)) {
        j->cut = j->position + CHUNKS_BYTES;
        int r = chunks_new(t->args->registry, &j->blob->digest, j->blob->size, j->cut, &j->chunks,
                           reterr);
        if (r < 0) {
            return r;
        }
    }
    if (j->chunks) {
        int r = step_chunks(t, j, reterr);
        if (r < 0 || !j->x) {
            return r;
        }
    }
    if (http_is_done(j->x)) {
        return step_exchange_over(t, j, reterr);
    }
    if (http_is_paused(j->x) && window_fits(j) && worker_has_room(j->w)) {
        http_resume(j->x);
    }
    return 0;
}

static uint64_t bytes_of(const struct job *j)
{
    if (j->state != JOB_RUNNING) {
        return j->state == JOB_DONE ? j->blob->size : 0;
    }
    return j->chunks && !j->x ? chunks_position(j->chunks) : j->position;
}

static void show(struct transfer *t, bool is_first)
{
    const struct transfer_args *a = t->args;

    if (!a->events || !a->events->layer) {
        return;
    }
    for (size_t i = 0; i < a->n_layers; i++) {
        const struct job *j = &t->jobs[t->job_of[i]];
        uint64_t bytes = bytes_of(j);
        const struct pull_layer layer = { .index = i,
                                          .n_layers = a->n_layers,
                                          .digest = j->blob->digest,
                                          .size = j->blob->size,
                                          .done = bytes,
                                          .stage = j->stage };
        if (is_first || j->stage != j->shown_stage || bytes != j->shown_bytes) {
            a->events->layer(a->events->arg, &layer);
        }
    }
    for (size_t k = 0; k < t->n_jobs; k++) {
        struct job *j = &t->jobs[k];
        j->shown_stage = j->stage;
        j->shown_bytes = bytes_of(j);
    }
}

/* One round over all jobs. */
static int step_all(struct transfer *t, size_t *ret_left, struct imgc_err *reterr)
{
    *ret_left = 0;
    for (size_t i = 0; i < t->n_jobs; i++) {
        struct job *j = t->order[i];
        int r = 0;
        if (j->state == JOB_RUNNING) {
            r = step_running(t, j, reterr);
        }
        if (r == 0 && j->state == JOB_READY) {
            r = step_ready(t, j, reterr);
        }
        if (r < 0) {
            return fail_layer(t, j, reterr);
        }
        *ret_left += j->state != JOB_DONE;
    }
    return 0;
}

/* Until when nothing happens by itself but what the loop sees: retries whose time comes earlier. */
static int next_timeout_ms(const struct transfer *t)
{
    int64_t now = clock_monotonic_ns(), least = (int64_t)POLL_MS * NS_PER_MS;

    for (size_t i = 0; i < t->n_jobs; i++) {
        const struct job *j = &t->jobs[i];
        if (j->state == JOB_READY && j->not_before_ns > now && j->not_before_ns - now < least) {
            least = j->not_before_ns - now;
        }
    }
    return (int)(least / NS_PER_MS) + 1;
}

static int run(struct transfer *t, struct imgc_err *reterr)
{
    size_t left = 0;

    int r = make_jobs(t, reterr);
    if (r == 0) {
        r = look_in_store(t, reterr);
    }
    if (r < 0) {
        return r;
    }
    show(t, true);
    for (;;) {
        r = step_all(t, &left, reterr);
        if (r < 0) {
            return r;
        }
        show(t, false);
        if (left == 0) {
            return 0;
        }
        r = http_drive(t->args->http, next_timeout_ms(t), reterr);
        if (r < 0) {
            return r;
        }
    }
}

/* Each window is a mapping of its own, so that its memory is gone when the layer is: by itself,
 * glibc takes a large block that was freed once as a reason to keep the next ones. */
static void keep_no_windows(void)
{
#ifdef M_MMAP_THRESHOLD
    (void)mallopt(M_MMAP_THRESHOLD, (int)WINDOW_SMALL_BYTES);
#endif
}

int transfer_layers(const struct transfer_args *args, struct imgc_err *reterr)
{
    struct transfer t = { .args = args,
                          .parallel = args->parallel ? args->parallel : TRANSFER_PARALLEL };

    keep_no_windows();
    int r = args->n_layers > 0 ? run(&t, reterr) : 0;
    transfer_done(&t);
    return r;
}
