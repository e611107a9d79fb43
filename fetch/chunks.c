/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/chunks.h"

#include "schema/base/clock.h"

#define FEED_BYTES ((size_t)64 << 10) /* at once: much less than the worker's pipe holds */
#define NS_PER_MS 1000000

struct chunk {
    uint64_t from;
    size_t size, len, given; /* bytes of it: all, received, handed over */
    char *bytes;
    struct http_exchange *x; /* NULL before, between attempts, and when it is whole */
    struct registry_try attempt;
    int64_t not_before_ns;
};

struct chunks {
    struct registry *registry; /* borrowed, as the digest */
    const struct digest *digest;
    uint64_t size, next; /* of the blob; the first byte that no chunk has */
    uint64_t position;
    bool is_good;
    size_t first, n; /* of the ring */
    struct chunk ring[CHUNKS_WINDOW];
};

static struct chunk *chunk_at(struct chunks *c, size_t i)
{
    return &c->ring[(c->first + i) % CHUNKS_WINDOW];
}

static void chunk_done(struct chunk *k)
{
    k->x = http_exchange_free(k->x);
    free(k->bytes);
    k->bytes = NULL;
}

int chunks_new(struct registry *registry, const struct digest *digest, uint64_t size, uint64_t from,
               struct chunks **ret, struct imgc_err *reterr)
{
    struct chunks *c = calloc(1, sizeof *c);

    if (!c) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    c->registry = registry;
    c->digest = digest;
    c->size = size;
    c->next = from;
    c->position = from;
    *ret = c;
    return 0;
}

struct chunks *chunks_free(struct chunks *c)
{
    for (size_t i = 0; c && i < c->n; i++) {
        chunk_done(chunk_at(c, i));
    }
    free(c);
    return NULL;
}

/* The answer is exactly what was asked for (fetch/http.h sees to it), so it fits. */
static enum http_take on_bytes(void *arg, const void *ptr, size_t len)
{
    struct chunk *k = arg;

    if (len > k->size - k->len) {
        return HTTP_STOP;
    }
    memcpy(k->bytes + k->len, ptr, len);
    k->len += len;
    return HTTP_TAKEN;
}

static struct registry_item item_of(const struct chunks *c, const struct chunk *k)
{
    return (struct registry_item){
        .digest = c->digest,
        .max_bytes = k->size - k->len,
        .range = { .from = k->from + k->len, .to = k->from + k->size, .total = c->size }
    };
}

/* Ask for what is missing of it: what came before a connection broke is kept. */
static int start_chunk(struct chunks *c, struct chunk *k, struct imgc_err *reterr)
{
    const struct registry_item item = item_of(c, k);

    if (clock_monotonic_ns() < k->not_before_ns) {
        return 0;
    }
    return registry_start(c->registry, &item, on_bytes, k, &k->x, reterr);
}

/* Only what no other request can mend is an error here: the blob as a whole is asked for next, and
 * that says what is wrong. */
static int give_up(int r)
{
    return r == -(int)IMGC_E_INTERRUPTED || r == -(int)IMGC_E_NOMEM ? r : CHUNKS_USELESS;
}

static int step_chunk(struct chunks *c, struct chunk *k, struct imgc_err *reterr)
{
    uint64_t delay_ms = 0;

    if (k->len == k->size && (!k->x || http_is_done(k->x))) {
        k->x = http_exchange_free(k->x);
        return 0;
    }
    if (!k->x) {
        int r = start_chunk(c, k, reterr);
        return r < 0 ? give_up(r) : 0;
    }
    c->is_good = c->is_good || k->len > 0;
    if (!http_is_done(k->x)) {
        return 0;
    }
    const struct registry_item item = item_of(c, k);
    int r = registry_judge(c->registry, &item, k->x, &k->attempt, &delay_ms, reterr);
    if (r == REGISTRY_AGAIN) {
        k->x = http_exchange_free(k->x);
        k->not_before_ns = clock_monotonic_ns() + (int64_t)delay_ms * NS_PER_MS;
        return 0;
    }
    return r < 0 ? give_up(r) : CHUNKS_USELESS; /* another part, the whole, or too little */
}

static int add_chunk(struct chunks *c, struct imgc_err *reterr)
{
    struct chunk *k = chunk_at(c, c->n);
    uint64_t left = c->size - c->next;
    size_t size = (size_t)(left < CHUNKS_BYTES ? left : CHUNKS_BYTES);

    *k = (struct chunk){ .from = c->next, .size = size, .bytes = malloc(size) };
    if (!k->bytes) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    c->next += size;
    c->n++;
    int r = start_chunk(c, k, reterr);
    return r < 0 ? give_up(r) : 0;
}

int chunks_step(struct chunks *c, size_t n_more, struct imgc_err *reterr)
{
    for (size_t i = 0; i < c->n; i++) {
        int r = step_chunk(c, chunk_at(c, i), reterr);
        if (r != 0) {
            return r;
        }
    }
    n_more = n_more == 0 && c->n == 0 ? 1 : n_more;
    for (; n_more > 0 && c->n < CHUNKS_WINDOW && c->next < c->size; n_more--) {
        int r = add_chunk(c, reterr);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

size_t chunks_count(const struct chunks *c)
{
    return c->n;
}

bool chunks_are_good(const struct chunks *c)
{
    return c->is_good;
}

/* @return whether all of @k that is here is handed over. */
static bool feed_chunk(struct chunks *c, struct chunk *k, struct worker *w)
{
    while (k->given < k->len) {
        size_t n = k->len - k->given < FEED_BYTES ? k->len - k->given : FEED_BYTES;
        if (worker_put(w, k->bytes + k->given, n) != WORKER_TAKEN) {
            return false;
        }
        k->given += n;
        c->position += n;
    }
    return true;
}

bool chunks_feed(struct chunks *c, struct worker *w)
{
    while (c->n > 0) {
        struct chunk *k = chunk_at(c, 0);
        if (!feed_chunk(c, k, w) || k->given < k->size || (k->x && !http_is_done(k->x))) {
            return worker_is_over(w);
        }
        chunk_done(k);
        c->first = (c->first + 1) % CHUNKS_WINDOW;
        c->n--;
    }
    return c->next == c->size || worker_is_over(w);
}

uint64_t chunks_position(const struct chunks *c)
{
    return c->position;
}
