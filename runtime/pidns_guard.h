/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a container may be set up inside of a process namespace that others are in. Until it has
 * its root and has dropped everything, its first process holds what imgc holds; a neighbour that
 * may trace would see the host through it.
 *
 * Source: ptrace(2) "Ptrace access mode checking", capabilities(7).
 */
#ifndef IMGC_RUNTIME_PIDNS_GUARD_H
#define IMGC_RUNTIME_PIDNS_GUARD_H

#include "schema/base/err.h"

/**
 * Look at all processes of the namespace @ns_fd. Our own namespace is always fine: who may trace
 * there is the host's root.
 * @return 0; -USAGE where one of them has CAP_SYS_PTRACE or could get it; -SYS.
 */
IMGC_CHECK int pidns_guard_check(int ns_fd, struct imgc_err *reterr);

#endif
