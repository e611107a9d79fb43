/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of a cgroup and of those below it, which a container made that may make some.
 */
#ifndef IMGC_RUNTIME_CGROUP_PROCS_H
#define IMGC_RUNTIME_CGROUP_PROCS_H

#include "runtime/cgroup_dir.h"

/** List them, one pid a line, in @b, the caller's. @return whether they are all: false where the
 * cgroup is gone, and where there are more than @b holds, or cgroups deeper than a path can say. */
bool cgroup_procs_list(const struct cgroup_dir *d, struct imgc_buf *b, struct imgc_str *ret);

#endif
