/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/transfer.h"

#include <stdio.h>
#include <sys/stat.h>

#include "fetch/job.h"
#include "schema/base/clock.h"
#include "schema/base/fd.h"

#define POLL_MS 100 /* how often a lock that another process holds is tried again */
#define NS_PER_MS 1000000

struct transfer {
    const struct transfer_args *args;
    struct job *jobs;
    size_t n_jobs;
    size_t *job_of;     /* layer -> job */
    struct job **order; /* all jobs, the largest first: none of them is left over at the end */
    unsigned parallel;
    uint64_t windows;   /* sum of those taken */
    bool is_short;      /* see check_room() */
    int64_t checked_ns; /* when */
};

static void transfer_done(struct transfer *t)
{
    for (size_t i = 0; i < t->n_jobs; i++) {
        job_stop(&t->jobs[i]);
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
            t->jobs[t->n_jobs++] = (struct job){ .args = a,
                                                 .blob = &a->layers[i],
                                                 .diff_id = &a->diff_ids[i],
                                                 .window = { .all = &t->windows },
                                                 .is_short = &t->is_short,
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

/* What a layer takes in the store, in terms of its transfer: as much, or uncompressed, of which the
 * size is not known. Twice the transfer is what most images need at least. */
static uint64_t growth(const struct descriptor *blob)
{
    return imgc_str_ends(imgc_str_of(blob->media_type), IMGC_STR("tar")) ? 1 : 2;
}

/* *@sum += @bytes * @factor, or the largest number. */
static void add_times(uint64_t *sum, uint64_t bytes, uint64_t factor)
{
    if (__builtin_mul_overflow(bytes, factor, &bytes) || __builtin_add_overflow(*sum, bytes, sum)) {
        *sum = UINT64_MAX;
    }
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
            job_end(j, PULL_EXISTS);
        } else {
            add_times(&need, j->blob->size, growth(j->blob));
        }
    }
    return need == 0 ? 0 : store_require_space(t->args->store, need, reterr);
}

/* The layers come first. What is left to fetch will become a tar of two or three times its size; as
 * long as the disk has twice what that takes at least, it has room for the download beside it. */
static void check_room(struct transfer *t)
{
    int64_t now = clock_monotonic_ns();
    uint64_t free_bytes = 0, need = 0;
    struct imgc_err ignored;

    if (t->is_short || now - t->checked_ns < (int64_t)POLL_MS * NS_PER_MS ||
        store_free_space(t->args->store, &free_bytes, &ignored) < 0) {
        return;
    }
    t->checked_ns = now;
    for (size_t i = 0; i < t->n_jobs; i++) {
        const struct job *j = &t->jobs[i];
        add_times(&need, j->blob->size - job_bytes(j), 2 * growth(j->blob));
    }
    t->is_short = free_bytes < need;
}

static unsigned count_running(const struct transfer *t)
{
    unsigned n = 0;

    for (size_t i = 0; i < t->n_jobs; i++) {
        n += t->jobs[i].state == JOB_RUNNING;
    }
    return n;
}

/* A job whose time has come. */
static int step_ready(struct transfer *t, struct job *j, struct imgc_err *reterr)
{
    bool is_found = false;

    if (clock_monotonic_ns() < j->not_before_ns || count_running(t) >= t->parallel) {
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
            job_end(j, PULL_EXISTS);
            return 0;
        }
    }
    return job_start(j, reterr);
}

/* How many more requests there may be. */
static size_t spare_requests(const struct transfer *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n_jobs; i++) {
        n += job_requests(&t->jobs[i]);
    }
    return n < t->parallel ? t->parallel - n : 0;
}

static void show(struct transfer *t, bool is_first)
{
    const struct transfer_args *a = t->args;

    if (!a->events || !a->events->layer) {
        return;
    }
    for (size_t i = 0; i < a->n_layers; i++) {
        const struct job *j = &t->jobs[t->job_of[i]];
        uint64_t bytes = job_bytes(j);
        const struct pull_layer layer = { .index = i,
                                          .n_layers = a->n_layers,
                                          .digest = j->blob->digest,
                                          .size = j->blob->size,
                                          .done = bytes,
                                          .n_retries = j->n_retries,
                                          .stage = j->stage };
        if (is_first || j->stage != j->shown_stage || bytes != j->shown_bytes ||
            j->n_retries != j->shown_retries) {
            a->events->layer(a->events->arg, &layer);
        }
    }
    for (size_t k = 0; k < t->n_jobs; k++) {
        struct job *j = &t->jobs[k];
        j->shown_stage = j->stage;
        j->shown_bytes = job_bytes(j);
        j->shown_retries = j->n_retries;
    }
}

/* One round over all jobs. */
static int step_all(struct transfer *t, size_t *ret_left, struct imgc_err *reterr)
{
    *ret_left = 0;
    check_room(t);
    for (size_t i = 0; i < t->n_jobs; i++) {
        struct job *j = t->order[i];
        int r = 0;
        if (j->state == JOB_RUNNING) {
            r = job_step(j, spare_requests(t), reterr);
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

#define KB ((uint64_t)1000)
#define KEPT_TEXT_MAX 80

/* What a later pull need not fetch: layers that are whole, and beginnings of others. */
static const char *kept_text(const struct transfer *t, char out[KEPT_TEXT_MAX])
{
    uint64_t bytes = 0;
    size_t n = 0;

    for (size_t i = 0; i < t->n_jobs; i++) {
        uint64_t kept = job_kept(&t->jobs[i]);
        bytes += kept;
        n += kept > 0;
    }
    if (bytes < KB) {
        return NULL;
    }
    bool is_mb = bytes >= KB * KB;
    (void)snprintf(out, KEPT_TEXT_MAX, "%llu %s of %zu layer%s kept",
                   (unsigned long long)(bytes / (is_mb ? KB * KB : KB)), is_mb ? "MB" : "kB", n,
                   n == 1 ? "" : "s");
    return out;
}

/* Say what is not lost. @return @r. */
static int tell_kept(const struct transfer *t, int r, struct imgc_err *reterr)
{
    char kept[KEPT_TEXT_MAX];
    struct imgc_err err = *reterr;

    if (!kept_text(t, kept)) {
        return r;
    }
    if (err.code == IMGC_E_INTERRUPTED) {
        return imgc_fail(reterr, IMGC_E_INTERRUPTED,
                         "interrupted: %s; run the same pull again to continue", kept);
    }
    (void)imgc_fail(reterr, err.code, "%s; %s for the next pull", err.msg, kept);
    reterr->sys = err.sys;
    return r;
}

int transfer_layers(const struct transfer_args *args, struct imgc_err *reterr)
{
    struct transfer t = { .args = args,
                          .parallel = args->parallel ? args->parallel : TRANSFER_PARALLEL };

    window_keep_none();
    int r = args->n_layers > 0 ? run(&t, reterr) : 0;
    for (size_t i = 0; r < 0 && i < t.n_jobs; i++) {
        job_rest(&t.jobs[i]);
    }
    if (r < 0) {
        r = tell_kept(&t, r, reterr);
    }
    transfer_done(&t);
    return r;
}
