/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root file system of a container for a process that is not in it (`cp`, `export`), with its
 * volumes or without. The
 * caller stays in its own mount namespace and root: nothing of the container is ever executed or
 * loaded (CVE-2019-14271), and what it puts on the way to a file leads nowhere else as long as each
 * look-up is one of rootpath.h (CVE-2018-15664).
 */
#ifndef IMGC_RUNTIME_ROOTVIEW_H
#define IMGC_RUNTIME_ROOTVIEW_H

#include "runtime/spec.h"
#include "schema/base/process.h"

enum { ROOTVIEW_GONE = 1 };

enum rootview_scope {
    ROOTVIEW_ALL,  /* with what is mounted in it */
    ROOTVIEW_BARE, /* the root's own files, also those that something is mounted over (`export`) */
};

/** Of the container whose first process is @init, as it is mounted there.
 * @ret_fd  O_PATH; caller closes. @return 0; ROOTVIEW_GONE (it runs no more); -HOST; -SYS.
 * Context: one thread; as an ordinary user outside of a user namespace. */
IMGC_CHECK int rootview_open(const struct process_id *init, enum rootview_scope scope, int *ret_fd,
                             struct imgc_err *reterr);

/** Of a container that does not run: mounted for the calling process alone, which is in a mount
 * namespace of its own from then on. @spec says where all of it is.
 * @ret_fd  as above. @return 0; what overlay_mount_root() returns. Context: one thread. */
IMGC_CHECK int rootview_mount(const struct spec *spec, enum rootview_scope scope, int *ret_fd,
                              struct imgc_err *reterr);

/** Take it down again: the fd is closed. A failure leaves it to the end of the process. */
void rootview_unmount(const struct spec *spec);

#endif
