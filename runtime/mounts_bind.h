/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PLAN_BIND: host paths and volumes mounted inside the container's root, by fd only.
 * Context of all: child after clone, in its own mount namespace.
 */
#ifndef IMGC_RUNTIME_MOUNTS_BIND_H
#define IMGC_RUNTIME_MOUNTS_BIND_H

#include "runtime/mounts.h"

/** Before the namespace is detached from the host's: take the mounts of @plan that stay connected
 * to it (propagation slave or shared). @return 0; -USAGE where the source's mount has nobody to be
 * connected to. */
IMGC_CHECK int mounts_bind_connected(struct mounts *m, const struct plan *plan,
                                     struct imgc_err *reterr);

/** Take all mounts of @plan that were not taken yet, in a namespace that is detached. Those that
 * shall have mapped owners (volumes, and what asks for it) have those of @userns_fd; -1: nobody.
 * @return 0; -USAGE, -HOST; -SYS. */
IMGC_CHECK int mounts_bind_take(struct mounts *m, const struct plan *plan, int userns_fd,
                                struct imgc_err *reterr);

/* Whom a mount with option U is given to. */
struct mounts_bind_owner {
    uid_t uid;
    gid_t gid;
};

/** Give what the taken mounts of @plan with option U show to @owner, before anything is mounted:
 * for those without mapped owners, which the container itself could not give away. @return 0; -SYS.
 */
IMGC_CHECK int mounts_bind_chown(struct mounts *m, const struct mounts_bind_owner *owner,
                                 struct imgc_err *reterr);

/** Whether a PLAN_BIND is to be given to the container's user by the container itself. @is_taken it
 * was taken by another process, which has done so unless owners are mapped. Pure. */
bool mounts_bind_is_given(const struct plan_step *s, bool is_taken);

/** PLAN_BIND. A missing source becomes a directory, unless the step's mount says otherwise.
 * @owner  to give it to; or NULL. */
IMGC_CHECK int mounts_bind(struct mounts *m, const struct plan_step *s,
                           const struct mounts_bind_owner *owner, struct imgc_err *reterr);

#endif
