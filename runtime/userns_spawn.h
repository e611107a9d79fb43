/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first process of a container in another user namespace: of its own, or of another container.
 *
 * In there nobody may mount an EROFS image, map the owners of mounts, or open what belongs to the
 * host. So a process that still may (the "maker") does that first: it makes the user namespace, the
 * root and the mounts of what comes from the host, all detached; enters the namespaces that are
 * joined, the user namespace last; and clones the container's process as its own sibling, which has
 * these mounts as open fds. All other namespaces are made by that clone, so they belong to the
 * container's user namespace and its capabilities count there, and only there.
 *
 * Source: user_namespaces(7), mount_setattr(2) "ID-mapped mounts", overlayfs.rst.
 */
#ifndef IMGC_RUNTIME_USERNS_SPAWN_H
#define IMGC_RUNTIME_USERNS_SPAWN_H

#include <sys/types.h>

#include "runtime/mounts.h"
#include "runtime/nsjoin.h"
#include "runtime/plan.h"

struct userns_spawn_args {
    const struct spec *spec; /* isolation_has_users() */
    const struct plan *plan;
    const struct nsjoin *joins;
    const int *std_fds;  /* three: pipes that become the container's, or -1 each */
    uint64_t namespaces; /* CLONE_NEW* without CLONE_NEWUSER */
};

/**
 * Fork into new namespaces as spawn_clone() does. The only thread of the process goes on in both;
 * the new one is in its user namespace, and has joined what is to be joined.
 *
 * @ret_mounts  in the child: root_fd is the detached root, and what comes from the host is taken.
 * @ret_pid     0 in the child. @ret_pidfd  in the parent: the caller's to close.
 * @return      0; -HOST (namespaces or mapped mounts forbidden or not there); -USAGE; -SYS.
 */
IMGC_CHECK int userns_spawn(const struct userns_spawn_args *args, struct mounts *ret_mounts,
                            pid_t *ret_pid, int *ret_pidfd, struct imgc_err *reterr);

/** A user namespace with the maps of @users, which is there as long as the fd is.
 * @return 0; -HOST; -SYS. Context: parent. */
IMGC_CHECK int userns_spawn_hold(const struct isolation_users *users, int *ret_fd,
                                 struct imgc_err *reterr);

/** Become user and group 0 of the namespace; until then it is still the launcher's user.
 * @return 0; -SYS. Context: child. */
IMGC_CHECK int userns_spawn_become_root(struct imgc_err *reterr);

#endif
