/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX ACLs of a tar entry as the kernel's xattrs: system.posix_acl_access and _default.
 *
 * Source: linux/posix_acl_xattr.h (version 2); acl(5) "VALID ACLs"; star's SCHILY.acl.* records.
 */
#ifndef IMGC_LAYERS_POSIX_ACL_H
#define IMGC_LAYERS_POSIX_ACL_H

#include "layers/entry.h"
#include "layers/libarchive.h"

/** Add the ACLs of @ae to @e where they say more than the mode, and make e->mode what the kernel
 * shows with them (its group bits are the mask). @return 0; -LIMIT; -NOMEM. */
IMGC_CHECK int posix_acl_add(const struct libarchive *la, struct archive_entry *ae, struct entry *e,
                             struct imgc_err *reterr);

#endif
