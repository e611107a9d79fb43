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

/** PLAN_BIND. A missing source becomes a directory, unless the step's mount says otherwise. */
IMGC_CHECK int mounts_bind(struct mounts *m, const struct plan_step *s, struct imgc_err *reterr);

#endif
