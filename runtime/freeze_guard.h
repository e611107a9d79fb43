/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Freezing a container for as long as a command works, and not longer: a process of its own lets it
 * go on where the command is killed.
 */
#ifndef IMGC_RUNTIME_FREEZE_GUARD_H
#define IMGC_RUNTIME_FREEZE_GUARD_H

#include <sys/types.h>

#include "runtime/cgroup_freeze.h"

struct freeze_guard {
    char *cgroup;
    pid_t pid; /* 0: nothing is frozen */
    int fd;    /* its other end is the guard's; closed without a word, the command is dead */
};

#define FREEZE_GUARD_INIT \
    {                     \
        .fd = -1          \
    }

/** cgroup_freeze(@cgroup), under guard. @return the same. Context: one thread. */
IMGC_CHECK int freeze_guard_begin(struct freeze_guard *g, const char *cgroup,
                                  struct imgc_err *reterr);

/** Let it go on, if it was frozen here. Afterwards it is as FREEZE_GUARD_INIT, also on failure.
 * @return what cgroup_freeze_thaw() returns. */
IMGC_CHECK int freeze_guard_end(struct freeze_guard *g, struct imgc_err *reterr);

#endif
