/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podman's option "U" of a volume: give all of it to the container's user before it is mounted.
 */
#ifndef IMGC_RUNTIME_MOUNTS_CHOWN_H
#define IMGC_RUNTIME_MOUNTS_CHOWN_H

#include <sys/types.h>

#include "schema/base/err.h"

/** Give the file or the whole tree that the mount @mount_fd shows to @uid and @gid. Links are given
 * away themselves and never followed, other file systems below are left alone.
 * @return 0; -LIMIT (nested too deep); -SYS. */
IMGC_CHECK int mounts_chown(int mount_fd, uid_t uid, gid_t gid, struct imgc_err *reterr);

#endif
