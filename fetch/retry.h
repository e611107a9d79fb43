/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which failures of a request are worth another attempt, how many, and after what delay. Pure: no
 * clock, no randomness of its own.
 */
#ifndef IMGC_FETCH_RETRY_H
#define IMGC_FETCH_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define RETRY_MAX 5              /* attempts after the first, for what passes by itself */
#define RETRY_DOUBTFUL_MAX 2     /* the same for what mostly does not: a mistyped host name */
#define RETRY_CONTENT_MAX 1      /* a wrong digest: damage in transit happens, but rarely twice */
#define RETRY_START_MS 200       /* first delay; doubles each time */
#define RETRY_DOUBLINGS_MAX 8    /* but not beyond 51 seconds */
#define RETRY_AFTER_MAX_MS 60000 /* a registry that asks for more is not waited for */

enum retry_class {
    RETRY_NEVER,     /* the answer would be the same */
    RETRY_DOUBTFUL,  /* host name not found, TLS handshake broken off */
    RETRY_TRANSIENT, /* connection refused or lost, stalled, 5xx, 429 */
    RETRY_CONTENT,   /* the bytes came whole and are not what the digest says */
};

/* What the user asked for. */
struct retry_policy {
    unsigned max;      /* attempts after the first, for whatever is worth another one */
    uint64_t delay_ms; /* before each of them; 0: doubling */
};

/* What one download has gone through; zero-initialised. */
struct retry {
    unsigned n_failures; /* of any class but CONTENT */
    unsigned n_content;
    const struct retry_policy *policy; /* borrowed; NULL: what is said above */
};

/** What an HTTP status that is not 2xx means for another attempt. */
enum retry_class retry_of_status(long status);

/**
 * Count a failure and decide.
 *
 * @after_ms       what the server asked for (Retry-After), 0 where it did not.
 * @random         any 32 random bits: the delay is spread over its upper half.
 * @ret_delay_ms   how long to wait; true only.
 * @return         whether to try again.
 */
bool retry_next(struct retry *state, enum retry_class cls, uint64_t after_ms, uint32_t random,
                uint64_t *ret_delay_ms);

#endif
