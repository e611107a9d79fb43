/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/self/mountinfo: how one mount propagates.
 *
 * Source: Linux Documentation/filesystems/proc.rst, "mountinfo"; sharedsubtree.rst.
 */
#ifndef IMGC_RUNTIME_MOUNTINFO_H
#define IMGC_RUNTIME_MOUNTINFO_H

#include <stdint.h>

#include "schema/base/buf.h"
#include "schema/base/str.h"

struct mountinfo {
    bool is_shared;             /* what is mounted below it shows in its peers, and the reverse */
    bool is_slave;              /* what is mounted below its master shows in it */
    struct imgc_str mountpoint; /* as the file has it, with octal escapes; borrows from the text */
};

/** Find the mount @id in @text, the file's content. @return whether it is there. */
bool mountinfo_find(struct imgc_str text, uint64_t id, struct mountinfo *ret);

/** Find the mount that @fd is on, as this process sees it.
 * @text  filled with the file; what @ret borrows from. @return 0; -SYS; -LIMIT; -HOST. */
IMGC_CHECK int mountinfo_of(int fd, struct imgc_buf *text, struct mountinfo *ret,
                            struct imgc_err *reterr);

#endif
