/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image's root file system on the host, read-only, until it is taken off again (imgc mount).
 */
#ifndef IMGC_RUNTIME_IMAGE_MOUNT_H
#define IMGC_RUNTIME_IMAGE_MOUNT_H

#include <stdbool.h>

#include "runtime/spec.h"

/**
 * Mount the image of @spec (erofs_image and erofs_devices, or lowerdirs) on spec->mountpoint:
 * read-only, without devices and set-user-id programs. Nothing else of @spec is looked at.
 * @return 0; -HOST; -STORE (the view is damaged); -LIMIT; -SYS.
 */
IMGC_CHECK int image_mount_attach(const struct spec *spec, struct imgc_err *reterr);

/** Whether something is mounted on @path. A path that is not there is not mounted. */
bool image_mount_is(const char *path);

/** Take off what is mounted on @path. @lazy: even while it is used; it goes with its last user.
 * @return 0; -INUSE; -HOST; -SYS. */
IMGC_CHECK int image_mount_detach(const char *path, bool lazy, struct imgc_err *reterr);

#endif
