/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which kernel settings a container may have of its own (--sysctl): those that belong to one of its
 * namespaces. All others are the host's.
 *
 * Source: docker's list; namespaces(7), ipc_namespaces(7).
 */
#ifndef IMGC_RUNTIME_SYSCTLS_H
#define IMGC_RUNTIME_SYSCTLS_H

#include "runtime/spec.h"

/** Read "NAME=VALUE", where '.' and '/' may both stand between the parts of a name. Pure.
 * @ret  both its strings are the caller's to free. @return 0; -USAGE (no name of a namespace's
 * setting, a value over PLAN_OPTIONS_MAX); -NOMEM. */
IMGC_CHECK int sysctls_parse(struct imgc_str s, struct isolation_sysctl *ret,
                             struct imgc_err *reterr);

/** Refuse what would change a namespace that is not the container's own. Pure. @return 0; -USAGE.
 */
IMGC_CHECK int sysctls_check(const struct spec *spec, struct imgc_err *reterr);

#endif
