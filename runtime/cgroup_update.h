/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing the limits of a container that runs.
 */
#ifndef IMGC_RUNTIME_CGROUP_UPDATE_H
#define IMGC_RUNTIME_CGROUP_UPDATE_H

#include "runtime/cgroup.h"
#include "runtime/cgroup_limits.h"

/**
 * Make the cgroup at @path (a text of cgroup_path()) have the limits of @change's other side. After
 * a failure it has those that it had. Where a controller was not at work for it yet (v1: it had no
 * directory there) it is from now on; what the processes have of memory already is not counted
 * then, which is told as a warning.
 *
 * @ret_path  cgroup_path() as it is now; caller frees. Success only.
 * @return    0; as cgroup_create(); -USAGE (less memory than is in use).
 */
IMGC_CHECK int cgroup_update(const char *path, const struct cgroup_limits_change *change,
                             char **ret_path, struct imgc_err *reterr);

#endif
