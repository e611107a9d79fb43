/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that stays with a detached container: a fork of the command that starts it, in a
 * session of its own, on /dev/null, in "/", with no file of the command's but those that it is told
 * to keep. It runs the container as its parent (launch.h), owns its log and says how it ended. When
 * it is killed the kernel kills the container with it, as it does with a command in the foreground.
 *
 * It is in a cgroup of its own (monitor_cgroup.h), so that it outlives the session or unit of the
 * command.
 *
 * A fork and not a program of its own, so that nothing has to be looked up, parsed and loaded
 * twice; what it no longer needs of the command's memory it gives back (monitor_ready()).
 */
#ifndef IMGC_RUNTIME_MONITOR_H
#define IMGC_RUNTIME_MONITOR_H

#include "schema/base/err.h"

struct monitor {
    int report_fd; /* to the command that waits; -1: it has its answer */
};

struct monitor_args {
    /** What the process does. A failure before monitor_ready() is told to the command; one after it
     * nobody hears of. */
    int (*run)(void *arg, struct monitor *m, int kept_fd, struct imgc_err *reterr);
    void *arg;
    int keep_fd; /* borrowed; open in the process as `kept_fd`, close-on-exec; -1: none */
};

/**
 * Start the process and wait until it says that it is ready. No thread may be alive and the store's
 * index must be closed (store_detach()). Until it is ready the process has the command's standard
 * output and error, for warnings.
 *
 * @return 0; what run() failed with; -SYS (it was killed).
 */
IMGC_CHECK int monitor_start(const struct monitor_args *args, struct imgc_err *reterr);

/** In the process: the container's command is executed. Lets the command have its answer and the
 * caller's files and terminal go, and gives memory back to the kernel. */
void monitor_ready(struct monitor *m);

#endif
