/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What limits mean, before any hierarchy is looked at. Pure.
 *
 * Source: OCI runtime-spec config-linux.md "Control groups"; docker's minimums.
 */
#ifndef IMGC_RUNTIME_CGROUP_LIMITS_H
#define IMGC_RUNTIME_CGROUP_LIMITS_H

#include <stdint.h>

#include "runtime/spec.h"
#include "schema/base/err.h"

#define CGROUP_LIMITS_PERIOD_US 100000        /* where no period is given */
#define CGROUP_LIMITS_MEMORY_MIN (6ull << 20) /* docker's: less and nothing can start */
#define CGROUP_LIMITS_QUOTA_MIN_US 1000       /* the kernel's own minimum, of a period too */
#define CGROUP_LIMITS_PERIOD_MAX_US 1000000   /* the kernel's */
#define CGROUP_LIMITS_SHARES 1024             /* of a cgroup that nobody has given any */
#define CGROUP_LIMITS_SHARES_MIN 2
#define CGROUP_LIMITS_SHARES_MAX 262144
#define CGROUP_LIMITS_IO_WEIGHT_MIN 10
#define CGROUP_LIMITS_IO_WEIGHT_MAX 1000
#define CGROUP_LIMITS_SWAPPINESS_MAX 100

/* What the limits of a cgroup were and are to be; a new one had none. */
struct cgroup_limits_change {
    const struct spec_limits *from, *to;
    void (*warn)(void *arg, const char *msg); /* for what is survivable; may be NULL */
    void *arg;
};

/** @return 0; -USAGE for limits that make no sense. */
IMGC_CHECK int cgroup_limits_check(const struct spec_limits *limits, struct imgc_err *reterr);

/** The controllers (CGROUP_HOST_ bits) that @limits needs; 0 where nothing is limited. */
unsigned cgroup_limits_controllers(const struct spec_limits *limits);

/** The controllers of which a limit differs between @change's two sides. */
unsigned cgroup_limits_changed(const struct cgroup_limits_change *change);

/** Bytes of memory and swap together, -1 for no limit. */
int64_t cgroup_limits_memory_and_swap(const struct spec_limits *limits);

/** The length of the period that the quota belongs to. */
uint64_t cgroup_limits_period_us(const struct spec_limits *limits);

/** v1's shares as v2's weight: 2 is 1, 1024 is 100, 262144 is 10000, and between them a curve, as
 * runc 1.3.2 and crun 1.23 have it. @shares 0: 100. */
uint64_t cgroup_limits_weight(uint64_t shares);

/** v1's weight for a disk (10 to 1000) as v2's io.weight (1 to 10000). 0: 100. */
uint64_t cgroup_limits_io_weight(uint32_t weight);

/** Take "MAJOR:MINOR KEY=N" apart. @return whether it is that, with a KEY of v2's io.max. */
bool cgroup_limits_io_parse(struct imgc_str text, struct imgc_str *ret_device,
                            struct imgc_str *ret_key, uint64_t *ret_rate);

/** Tell @change's owner of something survivable. */
IMGC_PRINTF(2, 3)
void cgroup_limits_warn(const struct cgroup_limits_change *change, const char *fmt, ...);

/** Whether two lists of words, or two words, are the same; NULL is an empty one. */
bool cgroup_limits_same_words(char *const *a, char *const *b);
bool cgroup_limits_same_word(const char *a, const char *b);

#endif
