/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands left behind: cgroups of containers whose imgc is dead, then what the store
 * sweeps (leases, staging directories, --rm containers). Every command that writes begins with it.
 */
#ifndef IMGC_CMD_SWEEP_H
#define IMGC_CMD_SWEEP_H

#include "cmd/app.h"
#include "store/container.h"

/** Quick where there is nothing to do; what takes time becomes a chore (cmd/chores.h). The store is
 * open. @ret_bytes  what staging directories cost; NULL: not asked. @return 0; -SYS; -STORE. */
IMGC_CHECK int sweep_dead(struct app *app, uint64_t *ret_bytes, struct imgc_err *reterr);

/** Whether a container that does not run has left something: its imgc was killed, so nobody wrote
 * how it ended or removed its cgroup, or that could not be removed then. */
bool sweep_is_due(const struct container *c);

/** For who starts a container again: end what is left of the time before, if anything is. */
IMGC_CHECK int sweep_abandoned(const struct container *c, struct imgc_err *reterr);

/** What is left of a container: cgroup, network. Before its row goes, which leads to
 * them. The caller has claimed the container. @return 0; -SYS. */
IMGC_CHECK int sweep_remains(struct app *app, const struct container *c, bool patience,
                             struct imgc_err *reterr);

/** Kill and remove the cgroup of one container that does not run. @patience  wait also for one that
 * was waited for in vain before: for who asks for this container. */
IMGC_CHECK int sweep_cgroup(const struct container *c, bool patience, struct imgc_err *reterr);

/** Name of a container's cgroup: "imgc-<id>". Returns @out. */
#define SWEEP_CGROUP_NAME_MAX (CONTAINER_ID_MAX + 8)
const char *sweep_cgroup_name(const char *id, char out[SWEEP_CGROUP_NAME_MAX]);

#endif
