/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images mounted on the host, below <runroot>/mounts: the mount, its directory and its row in the
 * index, kept together.
 */
#ifndef IMGC_CMD_MOUNTING_H
#define IMGC_CMD_MOUNTING_H

#include "cmd/app.h"
#include "store/image.h"

/** Mount @image, unless it is. @ret_path  caller frees. @return 0; -HOST; what rootfs_prepare() and
 * image_mount_attach() return. */
IMGC_CHECK int mounting_mount(struct app *app, const struct image *image, char **ret_path,
                              struct imgc_err *reterr);

enum { MOUNTING_NOT = 1 };

/** Take @image's mount off. @force  even while processes use it.
 * @return 0; MOUNTING_NOT: it was not mounted; -INUSE; -HOST; -SYS. */
IMGC_CHECK int mounting_umount(struct app *app, const struct digest *image_id, bool force,
                               struct imgc_err *reterr);

/** Before the image is removed: forget a mount that somebody else took off, take one off with
 * @force. @return 0; -INUSE: it is mounted; what mounting_umount() returns. */
IMGC_CHECK int mounting_release(struct app *app, const struct digest *image_id, bool force,
                                struct imgc_err *reterr);

#endif
