/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process of imgc's turns itself into, step by step, before it executes a command of a
 * container: child.c for the first one, exec_child.c for those that join later.
 *
 * Context: all of it in a child after clone.
 */
#ifndef IMGC_RUNTIME_BECOME_H
#define IMGC_RUNTIME_BECOME_H

#include "runtime/seccomp.h"
#include "runtime/spec.h"
#include "runtime/user.h"

/** Out of reach for the container's processes and away from the caller's terminal: not dumpable, a
 * session and a session keyring of its own, umask 022. */
void become_separate(void);

/** Set how gladly the kernel kills the process for want of memory. 0 is what a container has unless
 * it was asked for, so there a host that forbids to lower it is fine.
 * @return 0; -HOST (a lower value than the caller's needs CAP_SYS_RESOURCE). */
IMGC_CHECK int become_oom_score(int value, struct imgc_err *reterr);

/** Ask to be killed with the thread that cloned the caller. A change of user clears it
 * (become_user() sets it again), and so does a set-user-id program. @return 0; -SYS. */
IMGC_CHECK int become_dependent(struct imgc_err *reterr);

/** @env and what only the inside knows: HOME of @user, HOSTNAME; unless @env has them.
 * @ret  new array; its first strings are those of @env. @return 0; -NOMEM; -LIMIT. */
IMGC_CHECK int become_env(const struct spec *spec, const struct user *user, char ***ret,
                          struct imgc_err *reterr);

/** Change to the directory @fd, which must lie below the current root: a directory of the host that
 * leaked is refused (CVE-2024-21626). @name  for messages. @return 0; -SYS. */
IMGC_CHECK int become_workdir(int fd, const char *name, struct imgc_err *reterr);

struct become_stdio {
    int tty_fd;   /* a terminal that becomes the controlling one, and all three; or -1 */
    int fds[3];   /* else what each becomes, given to the user; -1: stays */
    int null_fd;  /* the container's own /dev/null, to read and write; -1: it has none */
    bool null[3]; /* which become that one, whatever fds says */
};

/** Whether @fd is a null device, somebody's. */
bool become_is_null(int fd);

/** Null devices that stay are replaced, too: through the host's its owner and mode could be changed
 * for everybody. @return 0; -USAGE (no null device where one is needed); -SYS. */
IMGC_CHECK int become_stdio(const struct become_stdio *stdio, const struct user *user,
                            struct imgc_err *reterr);

struct become_who {
    const struct user *user; /* no groups at all: the caller's stay */
    uint64_t caps;
    bool no_new_privs; /* no program that is executed gets more than its caller has */
    const struct seccomp_filter *filter; /* or NULL */
};

/** Become @who, for good: bounding set, groups, ids, filter, capabilities (caps_apply()), not
 * dumpable. The filter comes last but for dropping the capabilities that it takes to load it, and
 * really last with no_new_privs: a user's own may fake the success of all that comes after it.
 * @return 0; -HOST (groups in a user namespace that does not allow them; no seccomp); -USAGE (the
 * filter fakes the dropping of capabilities); -SYS. */
IMGC_CHECK int become_user(const struct become_who *who, struct imgc_err *reterr);

/** Every signal as a new process expects it, none blocked. */
void become_default_signals(void);

#endif
