/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --security-opt: docker's and podman's words for what holds a container besides its capabilities.
 */
#ifndef IMGC_CMD_SECURITY_OPT_H
#define IMGC_CMD_SECURITY_OPT_H

#include "runtime/isolation.h"

/** Check one "KEY", "KEY=VALUE" or "KEY:VALUE" and note it in @i.
 * @return 0; -USAGE; -HOST (a profile or label of a security module that imgc does not set);
 * -NOMEM.
 */
IMGC_CHECK int security_opt_apply(const char *text, struct isolation *i, struct imgc_err *reterr);

#endif
