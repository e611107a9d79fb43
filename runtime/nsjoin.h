/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces that a container shares with the host, with another container, or that somebody else
 * made (struct isolation says which): what clone() shall not make, and joining what is there.
 *
 * Another container is looked up when the container starts, by its name. Its namespaces are opened
 * through /proc after a pidfd was opened and the start time compared, so a pid that was given to
 * another process meanwhile is not taken for it.
 *
 * Source: namespaces(7), setns(2), pidfd_open(2), ioctl_ns(2).
 */
#ifndef IMGC_RUNTIME_NSJOIN_H
#define IMGC_RUNTIME_NSJOIN_H

#include "runtime/isolation.h"
#include "schema/base/process.h"

/* A container that runs, as the store knows it. */
struct nsjoin_peer {
    struct process_id init;
    char *state_dir;    /* with its resolv.conf and hosts; owned */
    bool ipc_is_shared; /* it was made with --ipc shareable, or host */
};

/** Find the container @name. @return 0; -NOTFOUND (none, or none that runs); -SYS. */
typedef int nsjoin_find(void *arg, const char *name, struct nsjoin_peer *ret,
                        struct imgc_err *reterr);

struct nsjoin {
    int fds[ISOLATION_KINDS]; /* namespaces to join, -1: none */
    int user_fd;              /* the user namespace to join; -1: none, or the caller's own */
    int shm_fd;               /* /dev/shm of the container whose IPC namespace is joined, a detached
                                 mount; -1: none */
    char *peer_dir;           /* state_dir of the container whose network is joined; or NULL */
};

#define NSJOIN_INIT                                                                      \
    {                                                                                    \
        .fds = { -1, -1, -1, -1, -1, -1 }, .user_fd = -1, .shm_fd = -1, .peer_dir = NULL \
    }
void nsjoin_done(struct nsjoin *j);

/**
 * Open what @isolation wants to join.
 *
 * @find    looks containers up; NULL where there are none.
 * @return  0; -NOTFOUND (no such container, or it does not run; no such file); -USAGE (a file that
 *          is no such namespace; a container that does not share its IPC namespace); -HOST; -SYS.
 * Context: parent, no thread alive.
 */
IMGC_CHECK int nsjoin_open(const struct isolation *isolation, nsjoin_find *find, void *arg,
                           struct nsjoin *ret, struct imgc_err *reterr);

/** CLONE_NEW* of those namespaces of @isolation that are to be the container's own. Pure. */
uint64_t nsjoin_clone_flags(const struct isolation *isolation);

/** Let the next child be in the process namespace to join; with @leave the one after it is in the
 * caller's own again. Nothing where there is none. @return 0; -HOST; -SYS. Context: parent. */
IMGC_CHECK int nsjoin_enter_pid(const struct nsjoin *j, struct imgc_err *reterr);
IMGC_CHECK int nsjoin_leave_pid(const struct nsjoin *j, struct imgc_err *reterr);

/** Join the namespace of @kind, if there is one. @return 0; -HOST; -SYS. Context: child. */
IMGC_CHECK int nsjoin_enter(const struct nsjoin *j, enum isolation_kind kind,
                            struct imgc_err *reterr);

#endif
