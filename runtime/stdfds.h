/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard input, output and error of a container without a terminal. A process can open each of
 * its fds anew through /proc/self/fd with the rights of its user, root for one: a file that the
 * caller opened for reading only could be written, a log that is appended to could be read, a
 * directory would lead out of the root, and a terminal could be read and set. So the container
 * gets the caller's own fd only where opening it anew gives nothing more: a pipe, a socket (which
 * cannot be), /dev/null. For all else there is a pipe, and the relay copies.
 */
#ifndef IMGC_RUNTIME_STDFDS_H
#define IMGC_RUNTIME_STDFDS_H

#include "runtime/spec.h"
#include "schema/base/cleanup.h"
#include "schema/base/err.h"

struct stdfds {
    int in_fd;            /* write end of its stdin, or -1 */
    int out_fds[2];       /* read ends of its stdout and stderr, or -1 each */
    int container_fds[3]; /* the other ends; -1 each: stays as it is */
};

#define STDFDS_INIT                                                         \
    {                                                                       \
        .in_fd = -1, .out_fds = { -1, -1 }, .container_fds = { -1, -1, -1 } \
    }

/**
 * Make the pipes that the container needs. Where the caller's stdout and stderr are one file they
 * share one pipe, so that the order of lines stays.
 *
 * @logged    both outputs have to pass by the launcher, each by itself.
 * @detached  the input, too: what the launcher has as its own is not the container's.
 * @foreign   nothing of the caller's is given: users of another user namespace could not open it
 *            anew.
 * @return    0; -SYS.
 */
IMGC_CHECK int stdfds_make(const struct spec *spec, bool logged, bool detached, bool foreign,
                           struct stdfds *ret, struct imgc_err *reterr);

/** Close the container's ends, in the launcher, once the container has them. */
void stdfds_close_container_ends(struct stdfds *s);

void stdfds_done(struct stdfds *s);

#endif
