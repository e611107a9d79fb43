/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file system that a store lies on, for `imgc info`: what it is, and whether containers can
 * write there.
 *
 * Source: statfs(2); Linux Documentation/filesystems/overlayfs.rst, "Upper and Lower".
 */
#ifndef IMGC_CMD_INFO_FS_H
#define IMGC_CMD_INFO_FS_H

#include "schema/json.h"

/** "ext4" of an f_type of statfs(2). Pure. @return static; NULL: not known by name. */
const char *info_fs_name(unsigned long type);

/** {"Type", "Overlay", "Xattrs"} of the directory @path, which is only looked at. Overlay: whether
 * a container's changes may lie there; Xattrs: whether it keeps those that overlayfs needs.
 * @return new; NULL when memory is out. */
json_t *info_fs_json(const char *path);

#endif
