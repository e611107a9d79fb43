/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /dev of a container: six nodes, links, and the directories that more is mounted on.
 *
 * The container keeps CAP_MKNOD as docker's do, and not every host has a device controller. So no
 * mount that it can make a node on lets it be opened: the root, volumes and /dev itself are nodev,
 * and each of the six is a bind mount of its own without that flag.
 *
 * Source: OCI runtime-spec, config-linux.md "Default Devices", runtime-linux.md "Dev symbolic
 * links".
 */
#ifndef IMGC_RUNTIME_DEVICES_H
#define IMGC_RUNTIME_DEVICES_H

#include <stdbool.h>

#include "schema/base/err.h"

/**
 * Fill the empty tmpfs on /dev of @root_fd, and make it nodev.
 *
 * @all          the host's devices too (--privileged), and it is not nodev.
 * @ret_null_fd  the new /dev/null, O_PATH, checked to be one (CVE-2025-31133).
 * @return       0; -HOST; -SYS.
 * Context: child after clone.
 */
IMGC_CHECK int devices_make(int root_fd, bool all, int *ret_null_fd, struct imgc_err *reterr);

#endif
