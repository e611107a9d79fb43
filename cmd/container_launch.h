/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a container that was made: by this process as its parent (in the foreground), or by a
 * monitor.
 */
#ifndef IMGC_CMD_CONTAINER_LAUNCH_H
#define IMGC_CMD_CONTAINER_LAUNCH_H

#include "cmd/container_make.h"

/** Run it until it ends, and write down how it ended, or remove it (--rm). The caller owns it.
 * @ahead     as container_make() has begun it; or NULL.
 * @ret_code  its exit status. @return 0; what launch_run() returns: it has not run, and is as it
 * was. */
IMGC_CHECK int container_launch(struct app *app, struct container_made *made, struct ahead *ahead,
                                int *ret_code, struct imgc_err *reterr);

/** Have it run by a monitor (runtime/monitor.h). Returns when its command is executed. Nobody owns
 * it. @return 0; what launch_run() returns; -INUSE (somebody else starts it). */
IMGC_CHECK int container_launch_detached(struct app *app, struct container_made *made,
                                         struct imgc_err *reterr);

/** Exit status of a failure of what starts containers: podman's and docker's 126 and 127 for what
 * the command could not do, 125 for everything else. */
int container_launch_status(const struct imgc_err *err);

#endif
