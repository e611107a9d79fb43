/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One more process in a container that runs: what nsenter does, with the container's own cgroups,
 * capabilities, system call filter, user and terminal. Two processes are made for it. The first one
 * (exec_child.h) joins the cgroups and namespaces, still outside of the container's pid namespace
 * where no process of the container sees it, finds there what is to be found (user, terminal,
 * working directory), closes what is not the container's and drops every privilege; only then it
 * clones the second one, which is in the pid namespace, the caller's child, and executes the
 * command. selfexe.h watches both; selfcopy.h helps where the container may trace.
 */
#ifndef IMGC_RUNTIME_EXEC_H
#define IMGC_RUNTIME_EXEC_H

#include "runtime/spec.h"
#include "schema/base/process.h"

struct exec_args {
    struct process_id init; /* the container's first process */
    bool detach;            /* no input, no output; come back once it runs */
};

enum { EXEC_NOT_RUNNING = 1 };

/**
 * Run and wait. Of @spec count argv, env, cwd, user, terminal, interactive, capabilities and
 * no_seccomp; the caller has put the new process's own into a copy of the container's. No thread
 * may be alive in the process. Terminal, signal mask and handlers are as before on every return.
 *
 * @ret_status  the command's exit code, 128 + n when killed by signal n; 0 with detach.
 * @return      0; EXEC_NOT_RUNNING; -NOEXEC, -NOCOMMAND (the command, the working directory);
 *              -USAGE (unknown user, no terminal, a paused container); -HOST; -INTERRUPTED; -SYS.
 */
IMGC_CHECK int exec_run(const struct spec *spec, const struct exec_args *args, int *ret_status,
                        struct imgc_err *reterr);

#endif
