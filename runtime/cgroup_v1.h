/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits in the files of cgroup v1 controllers.
 *
 * Source: Linux Documentation/admin-guide/cgroup-v1/memory.rst, pids.rst;
 * Documentation/scheduler/sched-bwc.rst.
 */
#ifndef IMGC_RUNTIME_CGROUP_V1_H
#define IMGC_RUNTIME_CGROUP_V1_H

#include "runtime/cgroup_dir.h"
#include "runtime/spec.h"

/**
 * Write the limits of @controllers (CGROUP_HOST_ bits, those mounted at @d) that @limits asks for.
 * @ret_swap  false where the memory limit holds but the kernel does not count swap.
 * @return    0; -HOST naming file and value.
 */
IMGC_CHECK int cgroup_v1_limit(const struct cgroup_dir *d, unsigned controllers,
                               const struct spec_limits *limits, bool *ret_swap,
                               struct imgc_err *reterr);

/** Whether a process of @d was killed for want of memory. */
bool cgroup_v1_oom_killed(const struct cgroup_dir *d);

#endif
