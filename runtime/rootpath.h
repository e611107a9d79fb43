/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths inside a container's root: the image chose every link on the way, so each look-up is an
 * openat2() that cannot leave the root and follows no magic link of /proc, and what is created is
 * created one component at a time below an fd that is held (CVE-2024-45310, CVE-2025-31133).
 */
#ifndef IMGC_RUNTIME_ROOTPATH_H
#define IMGC_RUNTIME_ROOTPATH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/base/err.h"

enum { ROOTPATH_MISSING = 1 };

/**
 * Open @path as a process with the root @root_fd would.
 *
 * @flags   open(2) flags; O_CLOEXEC is added.
 * @return  0; ROOTPATH_MISSING (no such file or directory); -HOST where openat2 is not there;
 *          -SYS with the errno.
 */
IMGC_CHECK int rootpath_open(int root_fd, const char *path, uint64_t flags, int *ret_fd,
                             struct imgc_err *reterr);

/**
 * Find @path, or create it and its missing parents (directories 0755, a file 0644), also where a
 * dangling link points.
 *
 * @is_dir  what it shall be where it is missing.
 * @ret_fd  O_PATH.
 * @return  0; -SYS; -LIMIT (more than LIMIT_SYMLINKS dangling links, a path over PATH_MAX); -HOST.
 */
IMGC_CHECK int rootpath_create(int root_fd, const char *path, bool is_dir, int *ret_fd,
                               struct imgc_err *reterr);

/**
 * A directory right below the root that the container's system mounts go on (/proc, /sys, /dev):
 * created where it is missing, refused where the image made it anything else than a directory, a
 * link above all (CVE-2026-41579, CVE-2019-19921).
 *
 * @name    one component. @ret_fd  O_PATH. @return 0; -LAYER; -SYS.
 */
IMGC_CHECK int rootpath_system_dir(int root_fd, const char *name, int *ret_fd,
                                   struct imgc_err *reterr);

#endif
