/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource limits of a container's processes (--ulimit).
 *
 * Source: setrlimit(2); docker's names.
 */
#ifndef IMGC_RUNTIME_RLIMITS_H
#define IMGC_RUNTIME_RLIMITS_H

#include "runtime/isolation.h"

/** Read "NAME=SOFT[:HARD]" where -1 is no limit; HARD is SOFT where it is not given. Pure.
 * @ret  its name is the caller's to free. @return 0; -USAGE; -NOMEM. */
IMGC_CHECK int rlimits_parse(struct imgc_str s, struct isolation_rlimit *ret,
                             struct imgc_err *reterr);

/** Tell which limits of @isolation this process cannot give (CAP_SYS_RESOURCE is missing, and its
 * own hard limit is lower). Context: parent. */
void rlimits_warn(const struct isolation *isolation, void (*warn)(void *arg, const char *message),
                  void *arg);

/** Set the limits; one that is refused as too high becomes as high as can be.
 * @return 0; -SYS. Context: child, before the change of user. */
IMGC_CHECK int rlimits_apply(const struct isolation *isolation, struct imgc_err *reterr);

#endif
