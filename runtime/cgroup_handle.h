/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a struct cgroup: for the files that work on its directories (cgroup, cgroup_freeze,
 * cgroup_usage).
 */
#ifndef IMGC_RUNTIME_CGROUP_HANDLE_H
#define IMGC_RUNTIME_CGROUP_HANDLE_H

#include "runtime/cgroup.h"
#include "runtime/cgroup_dir.h"

/* v2, and v1's memory, cpu, pids, cpuset, io, freezer, devices */
#define CGROUP_DIRS 8

struct cgroup {
    struct cgroup_dir dirs[CGROUP_DIRS]; /* v2's is the first */
    size_t n_dirs;
    struct cgroup_dir inner; /* in dirs[0], where the processes begin; empty: in dirs[0] itself */
    /* Directories of v1 that there are none of, but may be one day: cgroup_update() of another
     * process makes them. Owned. */
    char *later[CGROUP_DIRS];
    size_t n_later;
    char *path; /* their paths, ':' between them; NULL without any */
    bool keep;  /* false until it is complete: freeing then removes the directories */
};

#endif
