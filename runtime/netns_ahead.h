/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network namespace that is made while the launcher still reads the index: the kernel needs most
 * of a millisecond for one, and does it on another processor in a thread. The container's process
 * is then cloned in it. Whether it could be made makes no difference to the container: without one
 * the clone makes it, or says why it is forbidden.
 *
 * Source: setns(2): a thread may change its network namespace for itself.
 */
#ifndef IMGC_RUNTIME_NETNS_AHEAD_H
#define IMGC_RUNTIME_NETNS_AHEAD_H

#include <pthread.h>
#include <stdbool.h>

#include "schema/base/err.h"

struct netns_ahead {
    pthread_t thread;
    bool is_running;
    int fd; /* of the new namespace, once the thread is over; or -1 */
};

#define NETNS_AHEAD_INIT \
    {                    \
        .fd = -1         \
    }

/** Start the thread. For a container whose namespaces belong to this process's user namespace. The
 * caller forks nothing before finish(). */
void netns_ahead_begin(struct netns_ahead *n);

/** Wait for the thread, which is no more then. @return whether there is a namespace. */
bool netns_ahead_finish(struct netns_ahead *n);

/** Wait for the thread and let go of the namespace: without a process in it, it goes. */
void netns_ahead_done(struct netns_ahead *n);

/** Go into it (which needs a finish() before), to clone a process that is in it from the start.
 * @ret_home_fd  where the caller was, for netns_ahead_leave(). @return 0; -SYS: still at home. */
IMGC_CHECK int netns_ahead_enter(const struct netns_ahead *n, int *ret_home_fd,
                                 struct imgc_err *reterr);

/** Go back and close @home_fd. @return 0; -SYS: the caller must do no more in this process. */
IMGC_CHECK int netns_ahead_leave(int *home_fd, struct imgc_err *reterr);

#endif
