/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of `run` on the container's log: how large a file of it may get, and how many are kept.
 */
#ifndef IMGC_CMD_RUN_LOG_H
#define IMGC_CMD_RUN_LOG_H

#include "cmd/options.h"
#include "runtime/spec.h"

struct run_log {
    struct option_list options;
};

/* clang-format off */
/* Rows of a table of options whose struct has a struct run_log at @base. */
#define RUN_LOG_ROWS(base) \
    { 0, "log-opt", OPT_LIST, (base) + offsetof(struct run_log, options), "max-size=|max-file=", \
      "rotate the log at this size (10m), keep so many files (3)" }
/* clang-format on */

/** Check and convert into @ret. @return 0; -USAGE that names the option. */
IMGC_CHECK int run_log_parse(const struct run_log *o, struct spec_options *ret,
                             struct imgc_err *reterr);

#endif
