/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cgroup hierarchies a host has, where they are mounted, and where the caller is in each.
 *
 * Source: cgroups(7); proc_pid_mountinfo(5), /proc/PID/cgroup.
 */
#ifndef IMGC_RUNTIME_CGROUP_HOST_H
#define IMGC_RUNTIME_CGROUP_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

/* Controllers that imgc uses. */
#define CGROUP_HOST_MEMORY (1u << 0)
#define CGROUP_HOST_CPU (1u << 1)
#define CGROUP_HOST_PIDS (1u << 2)
#define CGROUP_HOST_CPUSET (1u << 3)
#define CGROUP_HOST_IO (1u << 4)      /* "blkio" in v1 */
#define CGROUP_HOST_FREEZER (1u << 5) /* v1 only */
#define CGROUP_HOST_DEVICES (1u << 6) /* v1 only */

#define CGROUP_HOST_HIERARCHIES 32 /* v1 has at most one for each controller, about 14 */

struct cgroup_host_hierarchy {
    bool is_v2;
    bool is_delegating; /* v2: nobody changes the limits of a cgroup namespace's root from inside */
    unsigned controllers; /* v1: those mounted here; v2: 0, they are listed in each directory */
    char *mountpoint;     /* owned */
    char *own;            /* the caller's cgroup below the mountpoint, "/..." or "/" for the mount
                             itself; NULL where it cannot be seen from here; owned */
};

struct cgroup_host {
    struct cgroup_host_hierarchy hierarchies[CGROUP_HOST_HIERARCHIES];
    size_t n;
};

#define CGROUP_HOST_INIT \
    {                    \
        .n = 0           \
    }
#define cgroup_host_auto imgc_auto(cgroup_host_done)

/**
 * Parse the texts of /proc/self/mountinfo and /proc/self/cgroup. Pure. Lines that are malformed or
 * of no interest are passed over; of several mounts of one hierarchy the first counts.
 * @ret  free with cgroup_host_done(). @return 0; -NOMEM.
 */
IMGC_CHECK int cgroup_host_parse(struct imgc_str mountinfo, struct imgc_str self,
                                 struct cgroup_host *ret, struct imgc_err *reterr);

/** Read both files and parse them. @return 0; -NOMEM; -SYS; -LIMIT. Context: parent. */
IMGC_CHECK int cgroup_host_read(struct cgroup_host *ret, struct imgc_err *reterr);

/** The v2 hierarchy, or the v1 hierarchy with @controller; NULL where there is none. Borrowed. */
const struct cgroup_host_hierarchy *cgroup_host_v2(const struct cgroup_host *host);
const struct cgroup_host_hierarchy *cgroup_host_v1(const struct cgroup_host *host,
                                                   unsigned controller);

/** The bits of a list of controller names with @sep between them; unknown names count nothing. */
unsigned cgroup_host_controllers(struct imgc_str list, char sep);

/** Name of one controller bit, in v2 where it has two. */
const char *cgroup_host_name(unsigned controller);

void cgroup_host_done(struct cgroup_host *host);

#endif
