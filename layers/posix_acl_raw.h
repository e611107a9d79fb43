/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACLs that a layer brings as raw xattrs, made what Linux would make of them when they are set and
 * the mode after them: a file system that is written shows the same as one that is mounted.
 *
 * Source: Linux fs/posix_acl.c (posix_acl_valid, posix_acl_chmod, posix_acl_equiv_mode) and
 * fs/xattr.c; linux/posix_acl_xattr.h (version 2).
 */
#ifndef IMGC_LAYERS_POSIX_ACL_RAW_H
#define IMGC_LAYERS_POSIX_ACL_RAW_H

#include "layers/entry.h"

/**
 * Give the ACL of @e the permissions of e->mode, and drop what Linux would not keep: one that says
 * no more than the mode, one of another version, a default one of what is no directory, any of a
 * symbolic link.
 *
 * @return 0; -LAYER where an ACL is malformed, so that Linux would refuse it.
 */
IMGC_CHECK int posix_acl_raw_settle(struct entry *e, struct imgc_err *reterr);

#endif
