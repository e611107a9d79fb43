/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a container that was made: by this process as its parent (in the foreground), or by a
 * monitor.
 */
#ifndef IMGC_CMD_CONTAINER_LAUNCH_H
#define IMGC_CMD_CONTAINER_LAUNCH_H

#include "cmd/container_make.h"
#include "runtime/attach.h"

/** Run it until it ends, and write down how it ended, or remove it (--rm). The caller owns it.
 * @ahead     as container_make() has begun it; or NULL.
 * @ret_code  its exit status. @return 0; what launch_run() returns: it has not run, and is as it
 * was. */
IMGC_CHECK int container_launch(struct app *app, struct container_made *made, struct ahead *ahead,
                                int *ret_code, struct imgc_err *reterr);

/* The connection that a container is started with (runtime/attach.h). */
struct container_launch_owner {
    int fd;                  /* the container's end; borrowed */
    struct attach_size size; /* of the owner's terminal; 0: none */
};

/** Have it run by a monitor (runtime/monitor.h). Returns when its command is executed. Nobody owns
 * it. @owner  or NULL. @return 0; what launch_run() returns; -INUSE (somebody else starts it). */
IMGC_CHECK int container_launch_detached(struct app *app, struct container_made *made,
                                         const struct container_launch_owner *owner,
                                         struct imgc_err *reterr);

/** Say that the container, or a process of it, was killed for want of memory. */
void container_launch_tell_oom(struct app *app, int exit_code);

/** Say in made->spec where its root file system comes from and where its changes go: this time, for
 * the store may have moved and the image may have another form now. made->rootfs is emptied.
 * @return 0; -NOMEM. */
IMGC_CHECK int container_launch_place_root(struct app *app, struct container_made *made,
                                           struct imgc_err *reterr);

/** Exit status of a failure of what starts containers: podman's and docker's 126 and 127 for what
 * the command could not do, 125 for everything else. */
int container_launch_status(const struct imgc_err *err);

#endif
