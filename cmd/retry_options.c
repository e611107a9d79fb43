/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/retry_options.h"

#include "cmd/units.h"

#define RETRY_LIMIT 100
#define NS_PER_MS 1000000
#define DAY_NS ((int64_t)24 * 3600 * 1000 * NS_PER_MS)

int retry_options_parse(const struct retry_options *o, struct retry_policy *ret,
                        struct imgc_err *reterr)
{
    uint64_t n = RETRY_MAX;
    int64_t ns = 0;

    if (!o->retry && !o->retry_delay) {
        return RETRY_OPTIONS_NONE;
    }
    if (o->retry && (!imgc_str_u64(imgc_str_of(o->retry), &n) || n > RETRY_LIMIT)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--retry is 0 to %d, not '%s'", RETRY_LIMIT,
                         o->retry);
    }
    if (o->retry_delay && (!units_parse_duration(imgc_str_of(o->retry_delay), &ns) ||
                           ns < NS_PER_MS || ns > DAY_NS)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--retry-delay is a duration of 1ms to 24h such as 2s, not '%s'",
                         o->retry_delay);
    }
    *ret = (struct retry_policy){ .max = (unsigned)n, .delay_ms = (uint64_t)(ns / NS_PER_MS) };
    return 0;
}
