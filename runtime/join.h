/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running container that another process joins: its first process, held so that its number
 * cannot come to mean another one, and what is asked of it. Nothing that the container says of
 * itself is used, only what the kernel says of it.
 *
 * Source: setns(2), pidfd_open(2), proc_pid_stat(5).
 */
#ifndef IMGC_RUNTIME_JOIN_H
#define IMGC_RUNTIME_JOIN_H

#include "schema/base/buf.h"
#include "schema/base/cleanup.h"
#include "schema/base/process.h"

struct join {
    int pid_fd;
    int proc_fd;    /* /proc/PID: of this process, or of none any more */
    int namespaces; /* CLONE_NEW*: those that are not the caller's own */
    bool shares_user_namespace;
    bool denies_groups; /* its user namespace lets nobody change groups */
};

#define JOIN_INIT                    \
    {                                \
        .pid_fd = -1, .proc_fd = -1, \
    }
void join_done(struct join *j);
#define join_auto imgc_auto(join_done)

enum { JOIN_GONE = 1 };

/**
 * Hold the container whose first process is @init. One that is still building its root is waited
 * for, up to some seconds: until it has run its command its root is the host's.
 *
 * @return 0; JOIN_GONE (it runs no more); -HOST (a kernel without pidfds, or the process has no
 *         mount namespace of its own); -INUSE (it does not get ready); -SYS.
 */
IMGC_CHECK int join_open(const struct process_id *init, struct join *ret, struct imgc_err *reterr);

/** Append the file @name of its /proc directory to @b. @return 0; JOIN_GONE; -LIMIT; -SYS. */
IMGC_CHECK int join_read(const struct join *j, const char *name, struct imgc_buf *b,
                         struct imgc_err *reterr);

/** Move the calling process, which must have one thread, into its namespaces; the pid namespace is
 * that of its next child. "/" and the working directory are then the container's root.
 * @return 0; JOIN_GONE; -HOST. Context: child after clone. */
IMGC_CHECK int join_enter(const struct join *j, struct imgc_err *reterr);

#endif
