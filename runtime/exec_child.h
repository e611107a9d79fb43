/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's side of exec.h: from clone into the container's namespaces to exec.
 */
#ifndef IMGC_RUNTIME_EXEC_CHILD_H
#define IMGC_RUNTIME_EXEC_CHILD_H

#include "runtime/join.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"

struct exec_child_args {
    const struct spec *spec;
    const struct join *container;
    const struct seccomp_filter *filter; /* NULL: unconfined */
    bool detach;
    int sync_fd;        /* the container's end */
    int launcher_fd;    /* the caller's end, to be closed */
    const int *std_fds; /* as in child.h */
};

/** Join the container, clone into it, and there execute the command. Failures go to the caller. */
_Noreturn void exec_child_main(const struct exec_child_args *args);

#endif
