/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits in the files of cgroup v2, and switching its controllers on level by level.
 *
 * Source: Linux Documentation/admin-guide/cgroup-v2.rst.
 */
#ifndef IMGC_RUNTIME_CGROUP_V2_H
#define IMGC_RUNTIME_CGROUP_V2_H

#include "runtime/cgroup_dir.h"
#include "runtime/cgroup_limits.h"

/** Controllers (CGROUP_HOST_ bits) that the v2 cgroup at @path can hand to its children. */
unsigned cgroup_v2_controllers(const char *path);

/** Make @base and its parents down from @mountpoint, which it begins with, with @controllers
 * switched on in all that are above it. What is there stays. @return 0; -HOST; -SYS; -NOMEM. */
IMGC_CHECK int cgroup_v2_make_base(const char *mountpoint, const char *base, unsigned controllers,
                                   struct imgc_err *reterr);

/**
 * Make @base/imgc/@name with @controllers at work in it: they are switched on in @base and in
 * @base/imgc. Neither gets processes of ours, since a cgroup with both fails ("no internal
 * processes"), except at the root.
 * @return 0; -HOST naming the controller; what cgroup_dir_make() returns.
 */
IMGC_CHECK int cgroup_v2_make(const char *base, const char *name, unsigned controllers,
                              struct cgroup_dir *ret, struct imgc_err *reterr);

/** As cgroup_v1_limit(). What v1 alone has is told to be ignored. */
IMGC_CHECK int cgroup_v2_limit(const struct cgroup_dir *d, unsigned controllers,
                               const struct cgroup_limits_change *change, struct imgc_err *reterr);

bool cgroup_v2_oom_killed(const struct cgroup_dir *d);

#endif
