/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping all processes of a container at once, wherever they are, and letting them go on.
 *
 * Source: Linux Documentation/admin-guide/cgroup-v2.rst "cgroup.freeze"; cgroup-v1/
 * freezer-subsystem.rst.
 */
#ifndef IMGC_RUNTIME_CGROUP_FREEZE_H
#define IMGC_RUNTIME_CGROUP_FREEZE_H

#include "runtime/cgroup.h"

/**
 * Freeze the container at @path (a text of cgroup_path()) and wait until it is: bounded, ten
 * seconds, for a process deep in the kernel may take its time. After a failure it is thawed.
 * @return 0; -HOST (no cgroup that can freeze; it does not come to rest); -USAGE; -SYS; -NOMEM.
 */
IMGC_CHECK int cgroup_freeze(const char *path, struct imgc_err *reterr);

/** Let it go on. Not frozen, and not there, is fine. @return 0; -HOST; -USAGE; -SYS; -NOMEM. */
IMGC_CHECK int cgroup_freeze_thaw(const char *path, struct imgc_err *reterr);

/** Whether it is frozen, or about to be. @path NULL: no. Costs two system calls. */
bool cgroup_freeze_is_frozen(const char *path);

#endif
