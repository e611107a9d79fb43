/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An EROFS image in a file, with the files that hold its data, as a mount. No loop device is made,
 * so the mount is all that there is to clean up.
 *
 * Source: Linux Documentation/filesystems/erofs.rst; files as devices since Linux 6.12.
 */
#ifndef IMGC_RUNTIME_EROFS_MOUNT_H
#define IMGC_RUNTIME_EROFS_MOUNT_H

#include "schema/base/err.h"

/**
 * A detached, read-only mount without devices and set-user-id programs.
 *
 * @devices  paths, in the order of the image's device table; NULL-terminated.
 * @return   0; -HOST (the kernel or this host does not do it); -STORE (a file is damaged or
 *           missing); -SYS.
 */
IMGC_CHECK int erofs_mount_new(const char *image, char *const *devices, int *ret_fd,
                               struct imgc_err *reterr);

#endif
