/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user namespace that imgc itself enters when an ordinary user runs it: inside it is root, with
 * the user's own ID as 0 and, where root has set some aside for the user, subordinate IDs as the
 * others. So all of the store's files and all containers are handled in one way, by a process that
 * may change owners, mount and remove there, and nowhere else.
 *
 * Source: user_namespaces(7).
 */
#ifndef IMGC_RUNTIME_USERNS_H
#define IMGC_RUNTIME_USERNS_H

#include "runtime/idmap.h"

enum userns_kind {
    USERNS_NONE,   /* not entered */
    USERNS_SINGLE, /* only the user's own ID, as 0 */
    USERNS_RANGES, /* subordinate IDs too */
};

struct userns {
    enum userns_kind kind;
    uint32_t uid, gid;       /* outside */
    uint64_t n_uids, n_gids; /* that there are inside */
    char why_single[160];    /* of USERNS_SINGLE: what is missing, and where */
};

/** Whether this process is in the first user namespace, or on a kernel without them. */
bool userns_is_initial(void);

/** What userns_enter() would do, without doing it: no process is made. @return 0; -HOST (a bad line
 * in /etc/subuid or /etc/subgid); -SYS. */
IMGC_CHECK int userns_look(struct userns *ret, struct imgc_err *reterr);

/**
 * Enter a new user namespace. No thread may be alive. The mount namespace stays, so nothing can be
 * mounted yet by this process itself, but by a child with a new one.
 *
 * @return 0; -HOST: the host forbids it, names the setting and the remedy; the process is as it
 * was, unless newuidmap refused, when it has only its own ID; -SYS; -NOMEM.
 */
IMGC_CHECK int userns_enter(struct userns *ret, struct imgc_err *reterr);

/**
 * Let the one ID that there is in a namespace without ranges be @uid and @gid instead, in a further
 * namespace below: so a container may run as the user that its image names. Does nothing where it
 * is that already, and where there are ranges.
 *
 * @proc_fd  /proc/self of a procfs that shows this process, opened as a directory; may be older
 * than the mounts that are there now.
 * @return   0; what userns_fail() returns. Context: child after clone.
 */
IMGC_CHECK int userns_rename(int proc_fd, uint32_t uid, uint32_t gid, struct imgc_err *reterr);

/** Give this process, which has entered, mounts of its own: those of the host come in, none goes
 * out.
 * @return 0; -SYS. */
IMGC_CHECK int userns_own_mounts(struct imgc_err *reterr);

/** Become the program @argv of the host, found with PATH, with signals as at the start of any.
 * @return its errno, positive; never on success; -SYS. */
IMGC_CHECK int userns_exec(const char *const *argv, struct imgc_err *reterr);

/** Say why user namespaces are forbidden here, given the errno of the attempt.
 * @return -HOST that names the setting; -SYS. */
int userns_fail(int errnum, struct imgc_err *reterr);

#endif
