/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts as file descriptors: make one detached, set its flags, attach it to a place that is held
 * by an fd. No path is looked up at the moment of mounting, so none can be swapped
 * (CVE-2021-30465).
 *
 * Source: fsopen(2), open_tree(2), move_mount(2), mount_setattr(2); Linux 5.12 and later.
 */
#ifndef IMGC_RUNTIME_MOUNTFD_H
#define IMGC_RUNTIME_MOUNTFD_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/err.h"

/** Fill @e for a mount call that failed: EPERM, EACCES, ENOSYS and ENODEV are what a host forbids
 * or lacks (-HOST), anything else is as imgc_fail_sys() has it. */
IMGC_PRINTF(3, 4) int mountfd_fail(struct imgc_err *e, int errnum, const char *fmt, ...);

/**
 * A new file system instance, not attached yet.
 *
 * @options  "mode=755,newinstance": split at ',' and '='; "" for none.
 * @attr     MOUNT_ATTR_*.
 * @return   0; -HOST; -SYS.
 */
IMGC_CHECK int mountfd_new(const char *fstype, const char *options, uint64_t attr, int *ret_fd,
                           struct imgc_err *reterr);

/** A detached copy of the mount at @path below @dir_fd ("" for @dir_fd itself), with everything
 * mounted below it where @recursive. @return 0; -HOST; -SYS with the errno. */
IMGC_CHECK int mountfd_clone(int dir_fd, const char *path, bool recursive, int *ret_fd,
                             struct imgc_err *reterr);

/** Switch MOUNT_ATTR_* flags on. @return 0; -HOST; -SYS. */
IMGC_CHECK int mountfd_restrict(int mount_fd, uint64_t attr, bool recursive,
                                struct imgc_err *reterr);

/** Let files of the detached @mount_fd have the owners that the user namespace @userns_fd makes of
 * those on the disk: 0 becomes what is 0 there. @return 0; -HOST where the file system or the
 * kernel cannot. */
IMGC_CHECK int mountfd_idmap(int mount_fd, int userns_fd, bool recursive, struct imgc_err *reterr);

/** Let device nodes of the mount be opened again. @return 0; -HOST; -SYS. */
IMGC_CHECK int mountfd_allow_devices(int mount_fd, struct imgc_err *reterr);

/** Make the mount and all below it MS_PRIVATE, MS_SLAVE or MS_SHARED. */
IMGC_CHECK int mountfd_propagate(int mount_fd, uint64_t propagation, struct imgc_err *reterr);

/** Attach the detached @mount_fd over what @target_fd (may be O_PATH) is. @return 0; -HOST; -SYS.
 */
IMGC_CHECK int mountfd_attach(int mount_fd, int target_fd, struct imgc_err *reterr);

#endif
