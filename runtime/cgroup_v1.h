/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits in the files of cgroup v1 controllers.
 *
 * Source: Linux Documentation/admin-guide/cgroup-v1/memory.rst, pids.rst, cpusets.rst,
 * blkio-controller.rst; Documentation/scheduler/sched-bwc.rst.
 */
#ifndef IMGC_RUNTIME_CGROUP_V1_H
#define IMGC_RUNTIME_CGROUP_V1_H

#include "runtime/cgroup_dir.h"
#include "runtime/cgroup_limits.h"

/**
 * Write what @change changes of @controllers (CGROUP_HOST_ bits, those mounted at @d). At no moment
 * more is allowed than by the looser of both sides.
 * @return 0; -HOST naming file and value; -USAGE (processors that are not there, less memory than
 * is in use).
 */
IMGC_CHECK int cgroup_v1_limit(const struct cgroup_dir *d, unsigned controllers,
                               const struct cgroup_limits_change *change, struct imgc_err *reterr);

/** Give the directories of @path below @mountpoint, of the cpuset controller, the processors and
 * memory nodes of their parents where they have none yet: no process could be moved there.
 * @return 0; -HOST; -NOMEM. */
IMGC_CHECK int cgroup_v1_inherit_cpuset(const char *mountpoint, const char *path,
                                        struct imgc_err *reterr);

/** Whether a process of @d was killed for want of memory. */
bool cgroup_v1_oom_killed(const struct cgroup_dir *d);

#endif
