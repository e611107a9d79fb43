/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running imgc from a place that nobody can write to, for what selfexe.h cannot guard: a process of
 * imgc's that is among those of a container, some of which may look into it (CAP_SYS_PTRACE). They
 * could open its /proc/PID/exe, keep that, and write to the host's binary once no imgc runs
 * (CVE-2019-5736). Executed through a read-only mount of its own the same file cannot be opened for
 * writing by that way. It costs one more exec, so only where it is needed.
 *
 * Source: open_tree(2), mount_setattr(2), execveat(2).
 */
#ifndef IMGC_RUNTIME_SELFCOPY_H
#define IMGC_RUNTIME_SELFCOPY_H

#include "schema/base/err.h"

/** Execute imgc again with the same arguments from a read-only mount, unless it runs from one
 * already: then 0. Comes back else only with a failure. The process must have one thread; fds that
 * are not close-on-exec stay. @return 0; -HOST; -SYS; -LIMIT; -NOMEM. */
IMGC_CHECK int selfcopy_run(struct imgc_err *reterr);

#endif
