/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_limits.h"

#include "runtime/cgroup_host.h"

int cgroup_limits_check(const struct spec_limits *limits, struct imgc_err *reterr)
{
    if (limits->memory_bytes > INT64_MAX / 2) { /* so that twice as much still fits */
        return imgc_fail(reterr, IMGC_E_USAGE, "memory limit of %llu bytes: too large",
                         (unsigned long long)limits->memory_bytes);
    }
    if (limits->memory_bytes > 0 && limits->memory_bytes < CGROUP_LIMITS_MEMORY_MIN) {
        return imgc_fail(reterr, IMGC_E_USAGE, "memory limit of %llu bytes: the minimum is 6 MiB",
                         (unsigned long long)limits->memory_bytes);
    }
    if (limits->memory_swap_bytes > 0 && limits->memory_bytes == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "a limit of memory and swap needs a limit of memory (--memory) as well");
    }
    if (limits->memory_swap_bytes < -1 ||
        (limits->memory_swap_bytes > 0 &&
         (uint64_t)limits->memory_swap_bytes < limits->memory_bytes)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "the limit of memory and swap together (%lld bytes) is below that of "
                         "memory alone (%llu)",
                         (long long)limits->memory_swap_bytes,
                         (unsigned long long)limits->memory_bytes);
    }
    if (limits->cpu_quota_us > 0 && limits->cpu_quota_us < CGROUP_LIMITS_QUOTA_MIN_US) {
        return imgc_fail(reterr, IMGC_E_USAGE, "CPU limit too small: the minimum is 0.01");
    }
    if (limits->cpu_quota_us > INT64_MAX) {
        return imgc_fail(reterr, IMGC_E_USAGE, "CPU limit too large");
    }
    if (limits->pids < -1) {
        return imgc_fail(reterr, IMGC_E_USAGE, "limit of %lld processes: use -1 for none",
                         (long long)limits->pids);
    }
    return 0;
}

unsigned cgroup_limits_controllers(const struct spec_limits *limits)
{
    return (limits->memory_bytes > 0 ? CGROUP_HOST_MEMORY : 0) |
           (limits->cpu_quota_us > 0 ? CGROUP_HOST_CPU : 0) |
           (limits->pids > 0 ? CGROUP_HOST_PIDS : 0);
}

int64_t cgroup_limits_memory_and_swap(const struct spec_limits *limits)
{
    return limits->memory_swap_bytes != 0 ? limits->memory_swap_bytes
                                          : (int64_t)limits->memory_bytes * 2;
}
