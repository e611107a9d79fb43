/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving a process into the cgroups where another one is, in every hierarchy that the host has:
 * v1, v2 or both. Where the other one is, is asked of the kernel: a container may have moved its
 * first process further down.
 *
 * Source: cgroups(7), /proc/PID/cgroup.
 */
#ifndef IMGC_RUNTIME_CGROUP_JOIN_H
#define IMGC_RUNTIME_CGROUP_JOIN_H

#include <stdbool.h>
#include <sys/types.h>

#include "schema/base/err.h"
#include "schema/base/str.h"

/**
 * The directory of one line of /proc/PID/cgroup. Pure.
 *
 * @line       "ID:CONTROLLERS:PATH".
 * @mountinfo  text of /proc/self/mountinfo.
 * @ret        new; NULL where the hierarchy is not mounted, or its mount does not show that path.
 * @return     0; -NOMEM.
 */
IMGC_CHECK int cgroup_join_directory(struct imgc_str line, struct imgc_str mountinfo, char **ret,
                                     struct imgc_err *reterr);

/**
 * Move @pid to where the process is whose /proc/PID/cgroup says @theirs. A cgroup that imgc made
 * ("/imgc/NAME") must be joined, since the container's limits are there; of others only those
 * where it is allowed. To be done before @pid runs foreign code.
 *
 * @return 0; -USAGE (the container is paused); -HOST; -SYS; -NOMEM. Context: parent.
 */
IMGC_CHECK int cgroup_join(struct imgc_str theirs, pid_t pid, struct imgc_err *reterr);

#endif
