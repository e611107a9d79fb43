/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone() into new namespaces, and telling which of them a host forbids.
 *
 * Source: clone(2), namespaces(7).
 */
#ifndef IMGC_RUNTIME_SPAWN_H
#define IMGC_RUNTIME_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

#include "schema/base/err.h"

/**
 * Fork into new namespaces; the only thread of the process goes on in both.
 *
 * @namespaces  CLONE_NEW*; with CLONE_PARENT the new process is the child of the caller's parent.
 * @cgroup_fd   cgroup2 directory to start in where the kernel can, or -1.
 * @ret_pid     0 in the child.
 * @ret_pidfd   in the parent: the caller's to close.
 * @return      0; -HOST that names the namespace and the remedy; -SYS.
 */
IMGC_CHECK int spawn_clone(uint64_t namespaces, int cgroup_fd, pid_t *ret_pid, int *ret_pidfd,
                           struct imgc_err *reterr);

#endif
