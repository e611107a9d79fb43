/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File systems that overlayfs takes no changes on: those whose files can change behind the kernel's
 * back, over a network or by a program (FUSE).
 *
 * Source: Linux Documentation/filesystems/overlayfs.rst; statfs(2).
 */
#ifndef IMGC_RUNTIME_FS_KIND_H
#define IMGC_RUNTIME_FS_KIND_H

/** Pure. The name of such a file system for a message, by its f_type of statfs(2).
 * @return static; NULL: any other. */
const char *fs_kind_remote(unsigned long type);

#endif
