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

static unsigned attempts_allowed(const struct retry_policy *policy, enum retry_class cls)
{
    if (policy && cls != RETRY_NEVER && (cls != RETRY_CONTENT || policy->max == 0)) {
        return policy->max;
    }
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

    if (*n >= attempts_allowed(state->policy, cls) || after_ms > RETRY_AFTER_MAX_MS) {
        return false;
    }
    unsigned doublings = *n < RETRY_DOUBLINGS_MAX ? *n : RETRY_DOUBLINGS_MAX;
    uint64_t delay = (uint64_t)RETRY_START_MS << doublings;
    if (state->policy && state->policy->delay_ms > 0) {
        delay = state->policy->delay_ms;
    }
    /* Half fixed, half random, so that clients which failed together do not come back together. */
    if (!state->policy || state->policy->delay_ms == 0) {
        delay = delay / 2 + random % (delay / 2 + 1);
    }
    *ret_delay_ms = after_ms > delay ? after_ms : delay;
    (*n)++;
    return true;
}
