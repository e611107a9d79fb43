/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/range.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* Three numbers of 20 digits at most and a few letters fit. */
const char *range_text(const struct range *r, char out[RANGE_TEXT_MAX])
{
    assert(r->from < r->to);
    (void)snprintf(out, RANGE_TEXT_MAX, "bytes=%" PRIu64 "-%" PRIu64, r->from, r->to - 1);
    return out;
}

/* Compared with what must be there, rather than parsed. */
bool range_is(const struct range *r, struct imgc_str value)
{
    char with_total[RANGE_TEXT_MAX], without[RANGE_TEXT_MAX];

    (void)snprintf(with_total, sizeof with_total, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, r->from,
                   r->to - 1, r->total);
    (void)snprintf(without, sizeof without, "bytes %" PRIu64 "-%" PRIu64 "/*", r->from, r->to - 1);
    return imgc_str_eq_nocase(value, imgc_str_of(with_total)) ||
           imgc_str_eq_nocase(value, imgc_str_of(without));
}
