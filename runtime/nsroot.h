/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A launcher in a chroot. There "/" is no mount, so it can be neither made private nor given to
 * pivot_root; and leaving the container in a chroot is no choice, because CAP_SYS_CHROOT, which
 * containers have, walks out of one. But joining a mount namespace, one's own too, goes to its real
 * root: from there both work.
 *
 * Source: setns(2); pivot_root(2), "The current root directory must be a mount point".
 */
#ifndef IMGC_RUNTIME_NSROOT_H
#define IMGC_RUNTIME_NSROOT_H

#include "schema/base/err.h"

/** Make every mount of the caller's own, unshared mount namespace private, from its real root, and
 * be in the chroot again.
 * @ret_fd  the real root, O_PATH, for nsroot_leave_chroot(); the caller closes. @return 0; -SYS.
 * Context: child. */
IMGC_CHECK int nsroot_make_private(int *ret_fd, struct imgc_err *reterr);

/** Make @nsroot_fd the caller's root and current directory. Context: child. */
IMGC_CHECK int nsroot_leave_chroot(int nsroot_fd, struct imgc_err *reterr);

#endif
