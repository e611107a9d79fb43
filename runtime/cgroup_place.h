/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which hierarchies a container gets a directory, and making them with their limits: for
 * cgroup.c, which makes a cgroup, and cgroup_update.c, which changes one.
 */
#ifndef IMGC_RUNTIME_CGROUP_PLACE_H
#define IMGC_RUNTIME_CGROUP_PLACE_H

#include "runtime/cgroup_handle.h"
#include "runtime/cgroup_host.h"
#include "runtime/cgroup_limits.h"

struct cgroup_place {
    const struct cgroup_args *args;
    struct cgroup_limits_change change; /* from none, or from what a running container has */
    char *parent;    /* --cgroup-parent as a path below a hierarchy's root; NULL: none was asked */
    unsigned needed; /* controllers for limits, not placed yet */
    struct cgroup *cg;
    const struct cgroup_host_hierarchy *of[CGROUP_DIRS]; /* the hierarchy of each directory of cg */
};

/** Make all directories that @m needs, with their limits. @return 0; what cgroup_create() returns.
 */
IMGC_CHECK int cgroup_place_all(struct cgroup_place *m, struct imgc_err *reterr);

/** Those of v1 for whatever is needed and not placed yet: they are made, or found in @m. */
IMGC_CHECK int cgroup_place_v1(struct cgroup_place *m, const struct cgroup_host *host,
                               struct imgc_err *reterr);

/** cg->path from its directories; an earlier one is freed. @return 0; -LIMIT; -NOMEM. */
IMGC_CHECK int cgroup_place_path(struct cgroup *cg, struct imgc_err *reterr);

#endif
