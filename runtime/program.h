/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executing the container's command: searching PATH as execvp() does, but the container's own, and
 * saying what is wrong where it fails.
 */
#ifndef IMGC_RUNTIME_PROGRAM_H
#define IMGC_RUNTIME_PROGRAM_H

#include "schema/base/err.h"

/** Where execve() would find it: a file that may be executed, so far as can be told without trying.
 * @ret  PATH_MAX bytes. @return as program_exec(). Context: child after clone. */
IMGC_CHECK int program_find(char *const *argv, char *const *env, char *ret,
                            struct imgc_err *reterr);

/**
 * execve(); comes back only to tell why not.
 *
 * @argv  at least one word. @env  NULL-terminated; its PATH counts.
 * @return -NOCOMMAND (not found, or its interpreter is not); -NOEXEC (found, but cannot be run).
 * Context: child after clone.
 */
IMGC_CHECK int program_exec(char *const *argv, char *const *env, struct imgc_err *reterr);

#endif
