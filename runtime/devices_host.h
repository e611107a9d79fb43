/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices of the host for a container: all of them (--privileged).
 *
 * Context: child after clone, while it still sees the host's /dev.
 */
#ifndef IMGC_RUNTIME_DEVICES_HOST_H
#define IMGC_RUNTIME_DEVICES_HOST_H

#include "schema/base/err.h"

/**
 * Make the nodes that the host's /dev has, and @dev_fd has not, with their modes and owners; in a
 * user namespace, where nodes cannot be made, the host's own are mounted. Terminals, shared memory
 * and the like stay the container's own.
 *
 * @dev_fd  the container's /dev. @return 0; -SYS; -HOST.
 */
IMGC_CHECK int devices_host_copy(int dev_fd, struct imgc_err *reterr);

#endif
