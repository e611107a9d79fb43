/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping the container away from imgc's own binary (CVE-2019-5736).
 *
 * The attack: an image makes its entrypoint, or the interpreter of its script, a link to
 * /proc/self/exe. At exec that is the launcher's file on the host, so the container's first
 * process then runs imgc, with libraries of the image in it; those open /proc/self/exe, hand the
 * fd on, and write to it as soon as no imgc runs any more.
 *
 * Other launchers run their last stage from a sealed memfd or a read-only bind mount, which costs
 * one more exec and the loading of all libraries (over a millisecond). Here the exec itself is
 * looked at: the launcher traces its child, the kernel stops it at the end of execve(), before the
 * first instruction of the new program, and the launcher compares what /proc/PID/exe is with what
 * it runs from itself: same mount, device and inode, and the container is killed. It is enough
 * because
 *   - the check sees what was executed in the end, after all links, "#!" lines and races;
 *   - it is the only way to the host's binary: before the exec there is no other process in the
 *     container's pid namespace, the child is not dumpable, and all its fds are close-on-exec; the
 *     launcher itself is never in that namespace, and no other imgc process is;
 *   - an ELF interpreter that is a link to imgc's binary is mapped but is not /proc/PID/exe, and
 *     map_files needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE;
 *   - a bind mount of the binary that the user himself gave to the container is another mount, and
 *     may be run: its own flags say whether it can be written.
 * Cost: three system calls and one switch to and fro, about 30 microseconds.
 */
#ifndef IMGC_RUNTIME_SELFEXE_H
#define IMGC_RUNTIME_SELFEXE_H

#include <sys/types.h>

#include "schema/base/err.h"

/** Trace @pid, a child that has not run foreign code yet; it dies with the caller from now on.
 * @return 0; -HOST where tracing is forbidden. */
IMGC_CHECK int selfexe_guard(pid_t pid, struct imgc_err *reterr);

/** The same for a process that joins a container and clones there: what it clones is traced from
 * its first moment, and stands still until it is asked about. */
IMGC_CHECK int selfexe_guard_family(pid_t pid, struct imgc_err *reterr);

enum { SELFEXE_EXITED = 1, SELFEXE_PENDING, SELFEXE_CLONED };

/**
 * Wait for the exec of a guarded child, check what it runs, and let it go, no longer traced.
 *
 * @ret_status  as waitpid() has it, of SELFEXE_EXITED: the child was reaped.
 * @return      0; SELFEXE_EXITED (it ended without an exec); -NOEXEC (it was killed, and is to be
 *              reaped); -HOST (no CAP_SYS_PTRACE); -SYS.
 */
IMGC_CHECK int selfexe_wait(pid_t pid, int *ret_status, struct imgc_err *reterr);

/**
 * The same without waiting. Each change of a traced process sends SIGCHLD.
 *
 * @ret_child  of SELFEXE_CLONED: the new process, guarded like @pid.
 * @return     as selfexe_wait(); SELFEXE_PENDING (nothing to tell); SELFEXE_CLONED.
 */
IMGC_CHECK int selfexe_poll(pid_t pid, int *ret_status, pid_t *ret_child, struct imgc_err *reterr);

#endif
