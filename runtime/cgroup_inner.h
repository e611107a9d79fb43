/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cgroup within a container's own, for one that may make cgroups (an init system) on a host whose
 * cgroup2 is mounted without "nsdelegate": there the kernel lets whoever may write to the root of a
 * cgroup namespace change the limits in it. So that root is this cgroup, and the limits that count
 * are one above, where the container has no name for them.
 *
 * Source: Linux Documentation/admin-guide/cgroup-v2.rst, "Delegation".
 */
#ifndef IMGC_RUNTIME_CGROUP_INNER_H
#define IMGC_RUNTIME_CGROUP_INNER_H

#include "runtime/cgroup_dir.h"

#define CGROUP_INNER_NAME "delegated"

/** Make it in the v2 cgroup @outer, with all controllers that this one has. What limits there are
 * is shown in it, too; changing them there changes nothing above. To be made before a process is in
 * @outer. It goes with @outer. @return 0; -HOST; -SYS; -NOMEM. */
IMGC_CHECK int cgroup_inner_make(const struct cgroup_dir *outer, struct cgroup_dir *ret,
                                 struct imgc_err *reterr);

/** Have the limits of @controllers (CGROUP_HOST_ bits) in the one in @outer as they are in @outer
 * now, those that are none as well. None there is fine. @return 0; -HOST; -SYS; -NOMEM. */
IMGC_CHECK int cgroup_inner_update(const struct cgroup_dir *outer, unsigned controllers,
                                   struct imgc_err *reterr);

#endif
