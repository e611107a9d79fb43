/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/chunks.h"

#include "schema/base/clock.h"

#define NS_PER_MS 1000000

struct chunk {
    struct chunks *of;
    uint64_t at, end;        /* bytes of the blob: the next one, and where the cell ends */
    struct http_exchange *x; /* NULL before, between attempts, and when it is whole */
    struct registry_try attempt;
    int64_t not_before_ns;
};

struct chunks {
    struct chunks_args args;
    uint64_t next; /* the first byte of the blob that was not looked at yet */
    bool is_good;
    size_t n;
    struct chunk *active[CHUNKS_MAX];
};

int chunks_new(const struct chunks_args *args, uint64_t from, struct chunks **ret,
               struct imgc_err *reterr)
{
    struct chunks *c = calloc(1, sizeof *c);

    if (!c) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    c->args = *args;
    c->next = from;
    *ret = c;
    return 0;
}

static void chunk_free(struct chunk *k)
{
    k->x = http_exchange_free(k->x);
    free(k);
}

struct chunks *chunks_free(struct chunks *c)
{
    for (size_t i = 0; c && i < c->n; i++) {
        chunk_free(c->active[i]);
    }
    free(c);
    return NULL;
}

/* The answer is exactly what was asked for (fetch/http.h sees to it). A disk that is full ends it:
 * then too little has come. */
static enum http_take on_bytes(void *arg, const void *ptr, size_t len)
{
    struct chunk *k = arg;
    struct imgc_err ignored;

    if (len > k->end - k->at || partial_write(k->of->args.partial, k->at, ptr, len, &ignored) < 0) {
        return HTTP_STOP;
    }
    k->at += len;
    k->of->is_good = true;
    return HTTP_TAKEN;
}

static struct registry_item item_of(const struct chunks *c, const struct chunk *k)
{
    return (
        struct registry_item){ .digest = c->args.digest,
                               .max_bytes = k->end - k->at,
                               .range = { .from = k->at, .to = k->end, .total = c->args.size } };
}

/* Ask for what is missing of it: what came before a connection broke is kept. */
static int start_chunk(struct chunks *c, struct chunk *k, struct imgc_err *reterr)
{
    if (clock_monotonic_ns() < k->not_before_ns) {
        return 0;
    }
    k->at = partial_missing(c->args.partial, k->end - 1);
    if (k->at == k->end) {
        return 0; /* somebody else has brought it */
    }
    const struct registry_item item = item_of(c, k);
    return registry_start(c->args.registry, &item, on_bytes, k, &k->x, reterr);
}

/* Only what no other request can mend is an error here: the rest is asked for in one piece next,
 * and that says what is wrong. */
static int give_up(int r)
{
    return r == -(int)IMGC_E_INTERRUPTED || r == -(int)IMGC_E_NOMEM ? r : CHUNKS_USELESS;
}

static int step_chunk(struct chunks *c, struct chunk *k, struct imgc_err *reterr)
{
    uint64_t delay_ms = 0;

    if (k->at == k->end && (!k->x || http_is_done(k->x))) {
        k->x = http_exchange_free(k->x);
        return CHUNKS_DONE;
    }
    if (!k->x) {
        int r = start_chunk(c, k, reterr);
        return r < 0 ? give_up(r) : 0;
    }
    if (!http_is_done(k->x)) {
        return 0;
    }
    const struct registry_item item = item_of(c, k);
    int r = registry_judge(c->args.registry, &item, k->x, &k->attempt, &delay_ms, reterr);
    if (r == REGISTRY_AGAIN) {
        k->x = http_exchange_free(k->x);
        k->not_before_ns = clock_monotonic_ns() + (int64_t)delay_ms * NS_PER_MS;
        return 0;
    }
    return r < 0 ? give_up(r) : CHUNKS_USELESS; /* another part, the whole, or too little */
}

/* The next cell of which something is missing. */
static void skip_full_cells(struct chunks *c)
{
    while (c->next < c->args.size) {
        uint64_t end = partial_cell_end(c->args.partial, c->next);
        if (partial_missing(c->args.partial, c->next) < end) {
            return;
        }
        c->next = end;
    }
}

static int add_chunk(struct chunks *c, struct imgc_err *reterr)
{
    struct chunk *k = calloc(1, sizeof *k);

    if (!k) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    k->of = c;
    k->end = partial_cell_end(c->args.partial, c->next);
    c->active[c->n++] = k;
    c->next = k->end;
    int r = start_chunk(c, k, reterr);
    return r < 0 ? give_up(r) : 0;
}

static int step_active(struct chunks *c, struct imgc_err *reterr)
{
    size_t kept = 0;
    int result = 0;

    for (size_t i = 0; i < c->n; i++) {
        struct chunk *k = c->active[i];
        int r = result == 0 ? step_chunk(c, k, reterr) : 0;
        if (r == CHUNKS_DONE) {
            chunk_free(k);
            continue;
        }
        c->active[kept++] = k;
        result = r != 0 ? r : result;
    }
    c->n = kept;
    return result;
}

int chunks_step(struct chunks *c, size_t n_more, uint64_t end, struct imgc_err *reterr)
{
    int r = step_active(c, reterr);

    if (r != 0) {
        return r;
    }
    n_more = n_more == 0 && c->n == 0 ? 1 : n_more;
    for (; n_more > 0 && c->n < CHUNKS_MAX; n_more--) {
        skip_full_cells(c);
        if (c->next >= c->args.size || c->next >= end) {
            break;
        }
        r = add_chunk(c, reterr);
        if (r != 0) {
            return r;
        }
    }
    return c->n == 0 && c->next >= c->args.size ? CHUNKS_DONE : 0;
}

size_t chunks_count(const struct chunks *c)
{
    return c->n;
}

bool chunks_are_good(const struct chunks *c)
{
    return c->is_good;
}
