/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_log.h"

#include "cmd/units.h"
#include "runtime/log_rotate.h"

static int parse_one(struct imgc_str word, struct spec_options *ret, struct imgc_err *reterr)
{
    struct imgc_str key, value;
    uint64_t n = 0;
    int64_t bytes = 0;

    (void)imgc_str_split(word, '=', &key, &value);
    if (imgc_str_eq(key, IMGC_STR("max-size"))) {
        if (units_ram_in_bytes(value, &bytes) && bytes > 0) {
            ret->log_max_bytes = (uint64_t)bytes;
            return 0;
        }
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--log-opt '" IMGC_STR_FMT "': not a size such as 10m",
                         IMGC_STR_ARG(word));
    }
    if (imgc_str_eq(key, IMGC_STR("max-file"))) {
        if (imgc_str_u64(value, &n) && n > 0 && n <= LOG_ROTATE_FILES_LIMIT) {
            ret->log_max_files = (uint32_t)n;
            return 0;
        }
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--log-opt '" IMGC_STR_FMT "': not a number of files from 1 to %u",
                         IMGC_STR_ARG(word), LOG_ROTATE_FILES_LIMIT);
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "--log-opt '" IMGC_STR_FMT "': max-size or max-file",
                     IMGC_STR_ARG(word));
}

int run_log_parse(const struct run_log *o, struct spec_options *ret, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; i < o->options.n && r == 0; i++) {
        r = parse_one(imgc_str_of(o->options.items[i]), ret, reterr);
    }
    return r;
}
