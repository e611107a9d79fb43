/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removal of one directory after the answer, by a process of its own that nobody waits for. For
 * what is small and needs no settling: the directory of a container, whose row is gone already and
 * whose id never comes back. Everything else is for the trash and the background process, which do
 * not forget: what this process leaves when it is killed is an orphan that `imgc prune` finds.
 */
#ifndef IMGC_STORE_BEHIND_H
#define IMGC_STORE_BEHIND_H

#include "store/store.h"

/** Remove the tree @path of the store. *@hold_fd (-1: none), whose last close may take long, is
 * closed here and by the process, there before the removal; -1 on return. For a command that ends
 * now: no thread may be alive, and the process holds none of its other files. Where none can be
 * started, it is all done before the return. A missing @path is fine. @return 0; -SYS. */
IMGC_CHECK int behind_remove(struct store *s, const char *path, int *hold_fd,
                             struct imgc_err *reterr);

#endif
