/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --retry and --retry-delay of whatever asks registries.
 */
#ifndef IMGC_CMD_RETRY_OPTIONS_H
#define IMGC_CMD_RETRY_OPTIONS_H

#include "cmd/options.h"
#include "fetch/retry.h"

struct retry_options {
    const char *retry, *retry_delay;
};

/* Rows of a table of options whose struct has a retry_options at @base. */
/* clang-format off */
#define RETRY_OPTIONS_ROWS(base) \
    { 0, "retry", OPT_STRING, (base) + offsetof(struct retry_options, retry), "N", \
      "other attempts where a request fails (default 5)" }, \
    { 0, "retry-delay", OPT_STRING, (base) + offsetof(struct retry_options, retry_delay), \
      "DURATION", "wait so long before each of them (default: doubling from 200ms)" }
/* clang-format on */

enum { RETRY_OPTIONS_NONE = 1 };

/** @return 0; RETRY_OPTIONS_NONE: neither was given, and *ret is not set; -USAGE. */
IMGC_CHECK int retry_options_parse(const struct retry_options *o, struct retry_policy *ret,
                                   struct imgc_err *reterr);

#endif
