/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's side of a launch: from clone to exec, step by step along the plan.
 */
#ifndef IMGC_RUNTIME_CHILD_H
#define IMGC_RUNTIME_CHILD_H

#include "runtime/devices_given.h"
#include "runtime/mounts.h"
#include "runtime/nsjoin.h"
#include "runtime/plan.h"
#include "runtime/seccomp.h"

struct child_args {
    const struct spec *spec;
    const struct plan *plan;
    const struct seccomp_filter *filter; /* NULL: unconfined */
    const char *cgroup_name;
    const struct nsjoin *joins;
    const struct devices_given *devices;
    struct mounts *take_mounts; /* root and sources, where another process has taken them
                                   (userns_spawn.h); else NULL */
    int init_fd;                /* init_program_open(); -1: none */
    int sync_fd;                /* the container's end */
    int launcher_fd;            /* the launcher's end, to be closed */
    const int *std_fds;         /* three: what stdin, stdout and stderr become, or -1 each: stay */
};

/** Become the container's first process. Failures go to the launcher. */
_Noreturn void child_main(const struct child_args *args);

#endif
