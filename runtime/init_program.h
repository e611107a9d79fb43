/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --init: the program that is process 1 of a container (cmake/container_init.c, or the user's own),
 * in memory that nobody can change. It needs no file of the image, and what a container can reach
 * through /proc/1/exe is a sealed copy and no file of the host (CVE-2019-5736).
 *
 * Source: memfd_create(2), fcntl(2) "File Sealing", execveat(2).
 */
#ifndef IMGC_RUNTIME_INIT_PROGRAM_H
#define IMGC_RUNTIME_INIT_PROGRAM_H

#include "schema/base/err.h"

/** @path  of a static program on the host, called as podman calls one: "-- COMMAND..."; NULL: ours.
 * @ret_fd  caller closes. @return 0; -UNSUPPORTED (this build has none); -LIMIT; -SYS. */
IMGC_CHECK int init_program_open(const char *path, int *ret_fd, struct imgc_err *reterr);

/** Execute it, so that it executes @argv. @is_ours  path was NULL. Comes back only with a failure.
 * @return what program_exec() returns. Context: child after clone. */
IMGC_CHECK int init_program_exec(int fd, bool is_ours, char *const *argv, char *const *env,
                                 struct imgc_err *reterr);

#endif
