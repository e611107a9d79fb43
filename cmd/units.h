/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes and durations as people read and type them, in docker's spelling.
 *
 * Source: docker/go-units (size.go, duration.go); Go's time.ParseDuration.
 */
#ifndef IMGC_CMD_UNITS_H
#define IMGC_CMD_UNITS_H

#include "schema/base/str.h"

#define UNITS_TEXT_MAX 40

/** "1.09GB": powers of 1000, four significant digits. Returns @out. */
const char *units_human_size(uint64_t bytes, char out[UNITS_TEXT_MAX]);

/** "1.042GiB": powers of 1024, four significant digits. Returns @out. */
const char *units_binary_size(uint64_t bytes, char out[UNITS_TEXT_MAX]);

/** "1.09GB" with three digits, as docker shows what passed through a network or a disk. */
const char *units_short_size(uint64_t bytes, char out[UNITS_TEXT_MAX]);

/** "2 hours", "About a minute": roughly how long; below a second, and negative ones too, "Less
 * than a second". Returns @out. */
const char *units_human_duration(int64_t seconds, char out[UNITS_TEXT_MAX]);

/** "512m", "1.5GiB", "100": powers of 1024 however the unit is spelt. @return whether it was a
 * size and fits. */
bool units_ram_in_bytes(struct imgc_str s, int64_t *ret);

/** "24h", "1h30m", "-1.5s": units ns us ms s m h. @return whether it was a duration and fits. */
bool units_parse_duration(struct imgc_str s, int64_t *ret_ns);

#endif
