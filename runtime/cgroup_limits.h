/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What limits mean, before any hierarchy is looked at. Pure.
 */
#ifndef IMGC_RUNTIME_CGROUP_LIMITS_H
#define IMGC_RUNTIME_CGROUP_LIMITS_H

#include <stdint.h>

#include "runtime/spec.h"
#include "schema/base/err.h"

#define CGROUP_LIMITS_PERIOD_US 100000        /* what cpu_quota_us is a share of */
#define CGROUP_LIMITS_MEMORY_MIN (6ull << 20) /* docker's: less and nothing can start */
#define CGROUP_LIMITS_QUOTA_MIN_US 1000       /* the kernel's own minimum */

/** @return 0; -USAGE for limits that make no sense. */
IMGC_CHECK int cgroup_limits_check(const struct spec_limits *limits, struct imgc_err *reterr);

/** The controllers (CGROUP_HOST_ bits) that @limits needs; 0 where nothing is limited. */
unsigned cgroup_limits_controllers(const struct spec_limits *limits);

/** Bytes of memory and swap together, -1 for no limit. Only with a memory limit. */
int64_t cgroup_limits_memory_and_swap(const struct spec_limits *limits);

#endif
