/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time: now, and RFC 3339 text both ways. A clock is a field, so that tests can set it.
 */
#ifndef IMGC_SCHEMA_BASE_CLOCK_H
#define IMGC_SCHEMA_BASE_CLOCK_H

#include <stdint.h>

#include "schema/base/err.h"
#include "schema/base/str.h"

/** Wall clock, ns since 1970. */
int64_t clock_now_ns(void);

/** CLOCK_MONOTONIC in ns. */
int64_t clock_monotonic_ns(void);

/** Parse RFC 3339 ("2024-01-02T03:04:05.678Z", offsets too). @ret ns since 1970.
 * @return whether it was one. */
bool clock_parse_rfc3339(struct imgc_str s, int64_t *ret_ns);

#define CLOCK_TEXT_MAX 40
/** "2024-01-02T03:04:05Z", with nanoseconds as in Go's RFC3339Nano (trailing zeros cut) where
 * @nanos. UTC. Returns @out. */
const char *clock_rfc3339(int64_t ns, bool nanos, char out[CLOCK_TEXT_MAX]);

#endif
