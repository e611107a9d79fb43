/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every container needs, whatever its image is: its network namespace, for which the kernel
 * takes most of a millisecond, and what its cgroup is made with. A thread prepares it on another
 * processor while the launcher reads the index. It makes no difference to the container whether
 * that worked: what is not there is made when it is needed, or its lack is told then.
 *
 * Source: setns(2): a thread may change its network namespace for itself.
 */
#ifndef IMGC_RUNTIME_AHEAD_H
#define IMGC_RUNTIME_AHEAD_H

#include <pthread.h>
#include <stdbool.h>

#include "runtime/cgroup.h"
#include "schema/base/err.h"

struct ahead {
    pthread_t thread;
    bool is_running;
    bool with_network;
    /* once the thread is over: */
    int network_fd; /* the new namespace, its loopback up; or -1 */
    struct cgroup_ahead cgroup;
};

#define AHEAD_INIT                                    \
    {                                                 \
        .network_fd = -1, .cgroup = CGROUP_AHEAD_INIT \
    }

/** Start the thread. The caller forks nothing before finish().
 * @with_network  for a container that has a network namespace of its own, which belongs to this
 *                process's user namespace. */
void ahead_begin(struct ahead *a, bool with_network);

/** Wait for the thread, which is no more then. */
void ahead_finish(struct ahead *a);

/** finish(), and let go of what nobody took: a namespace without a process in it goes. */
void ahead_done(struct ahead *a);
#define ahead_auto imgc_auto(ahead_done)

/** Go into a->network_fd, to clone a process that is there from its start.
 * @ret_home_fd  where the caller was, for ahead_leave_network().
 * @return       0; -SYS: still at home. */
IMGC_CHECK int ahead_enter_network(const struct ahead *a, int *ret_home_fd,
                                   struct imgc_err *reterr);

/** Go back and close *home_fd. @return 0; -SYS: the caller must do no more in this process. */
IMGC_CHECK int ahead_leave_network(int *home_fd, struct imgc_err *reterr);

#endif
