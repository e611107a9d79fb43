/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/retry.h"

enum retry_class retry_of_status(long status)
{
    switch (status) {
    case 408: /* the server gave up waiting for the request */
    case 429:
        return RETRY_TRANSIENT;
    case 501: /* not implemented, and not going to be within the next seconds */
    case 505:
        return RETRY_NEVER;
    default:
        return status >= 500 && status < 600 ? RETRY_TRANSIENT : RETRY_NEVER;
    }
}

static unsigned attempts_allowed(enum retry_class cls)
{
    switch (cls) {
    case RETRY_NEVER:
        return 0;
    case RETRY_DOUBTFUL:
        return RETRY_DOUBTFUL_MAX;
    case RETRY_TRANSIENT:
        return RETRY_MAX;
    case RETRY_CONTENT:
        return RETRY_CONTENT_MAX;
    }
    return 0;
}

bool retry_next(struct retry *state, enum retry_class cls, uint64_t after_ms, uint32_t random,
                uint64_t *ret_delay_ms)
{
    unsigned *n = cls == RETRY_CONTENT ? &state->n_content : &state->n_failures;

    if (*n >= attempts_allowed(cls) || after_ms > RETRY_AFTER_MAX_MS) {
        return false;
    }
    uint64_t delay = (uint64_t)RETRY_START_MS << *n;
    /* Half fixed, half random, so that clients which failed together do not come back together. */
    delay = delay / 2 + random % (delay / 2 + 1);
    *ret_delay_ms = after_ms > delay ? after_ms : delay;
    (*n)++;
    return true;
}
