/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_v1.h"

#include "runtime/cgroup_host.h"
#include "runtime/cgroup_limits.h"

static int limit_memory(const struct cgroup_dir *d, const struct spec_limits *limits,
                        bool *ret_swap, struct imgc_err *reterr)
{
    int r;

    /* First: the kernel refuses a limit of memory and swap below the one of memory. */
    r = cgroup_dir_write_number(d, "memory.limit_in_bytes", (int64_t)limits->memory_bytes, reterr);
    if (r < 0) {
        return r;
    }
    *ret_swap = cgroup_dir_has(d, "memory.memsw.limit_in_bytes");
    if (!*ret_swap) {
        return 0;
    }
    return cgroup_dir_write_number(d, "memory.memsw.limit_in_bytes",
                                   cgroup_limits_memory_and_swap(limits), reterr);
}

int cgroup_v1_limit(const struct cgroup_dir *d, unsigned controllers,
                    const struct spec_limits *limits, bool *ret_swap, struct imgc_err *reterr)
{
    unsigned asked = controllers & cgroup_limits_controllers(limits);
    int r = 0;

    *ret_swap = true;
    if (asked & CGROUP_HOST_MEMORY) {
        r = limit_memory(d, limits, ret_swap, reterr);
    }
    if (r == 0 && asked & CGROUP_HOST_CPU) {
        r = cgroup_dir_write_number(d, "cpu.cfs_period_us", CGROUP_LIMITS_PERIOD_US, reterr);
        if (r == 0) {
            r = cgroup_dir_write_number(d, "cpu.cfs_quota_us", (int64_t)limits->cpu_quota_us,
                                        reterr);
        }
    }
    if (r == 0 && asked & CGROUP_HOST_PIDS) {
        r = cgroup_dir_write_number(d, "pids.max", limits->pids, reterr);
    }
    return r;
}

bool cgroup_v1_oom_killed(const struct cgroup_dir *d)
{
    return cgroup_dir_count(d, "memory.oom_control", "oom_kill") > 0; /* Linux 4.13 */
}
