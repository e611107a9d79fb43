/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's root as a mount: an overlay over the layers, be they directories or an EROFS
 * image, or a directory as it is.
 *
 * Source: Linux Documentation/filesystems/overlayfs.rst.
 */
#ifndef IMGC_RUNTIME_OVERLAY_H
#define IMGC_RUNTIME_OVERLAY_H

#include "runtime/spec.h"

/**
 * Mount the root of @spec on spec->mountpoint, without devices: a node that the image brought, or
 * that the container makes with CAP_MKNOD, opens nothing (devices.h has the nodes that work).
 *
 * @ret_fd   the root directory of the new mount.
 * @return   0; -HOST; -LIMIT (too many layers for this kernel); -SYS.
 * Context: child after clone, in its own mount namespace.
 */
IMGC_CHECK int overlay_mount_root(const struct spec *spec, int *ret_fd, struct imgc_err *reterr);

/** The same, the image's files with the owners that they have in the user namespace @userns_fd (-1:
 * as they are). */
IMGC_CHECK int overlay_mount_mapped(const struct spec *spec, int userns_fd, int *ret_fd,
                                    struct imgc_err *reterr);

/**
 * The same for another process that is in the user namespace @userns_fd: the image's files belong
 * to its users (-1: they stay as they are), and the mount is detached. Context: a process with a
 * mount namespace of its own, in which things stay mounted on spec->mountpoint.
 */
IMGC_CHECK int overlay_make_root(const struct spec *spec, int userns_fd, int *ret_fd,
                                 struct imgc_err *reterr);

#endif
