/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the EROFS sink: xattrs, behind their inode or, where several inodes have the same
 * one, once in the shared area.
 *
 * Every inode is shown to the functions below in the same order: first to note(), then to the
 * others. @first counts the xattrs of the inodes before; erofs_xattr_count() says by how much it
 * grows.
 */
#ifndef IMGC_LAYERS_EROFS_XATTR_H
#define IMGC_LAYERS_EROFS_XATTR_H

#include "layers/erofs_out.h"
#include "layers/tree.h"

struct erofs_xattr_item;

struct erofs_xattrs {
    struct erofs_xattr_item *items; /* one for each xattr noted, until they are settled */
    size_t n, room;
    uint32_t *ids; /* afterwards: number of each as a shared one, or UINT32_MAX */
    uint64_t shared_bytes;
};

#define EROFS_XATTRS_INIT \
    {                     \
        .items = NULL     \
    }
void erofs_xattr_done(struct erofs_xattrs *x);

/** How many xattrs of @inode are kept: not user.* on what is no file or directory and not ACLs on
 * symbolic links, which Linux never shows there. */
size_t erofs_xattr_count(const struct tree_inode *inode);

/** Remember what xattrs there are. @return 0; -LIMIT (name or value too long); -NOMEM. */
IMGC_CHECK int erofs_xattr_note(struct erofs_xattrs *x, const struct tree_inode *inode,
                                struct imgc_err *reterr);

/** All are noted: choose those that are shared. @return 0; -NOMEM; -LIMIT. */
IMGC_CHECK int erofs_xattr_settle(struct erofs_xattrs *x, struct imgc_err *reterr);

/** Bytes behind the inode, 0 without xattrs. @return 0; -LIMIT. */
IMGC_CHECK int erofs_xattr_size(const struct erofs_xattrs *x, size_t first,
                                const struct tree_inode *inode, uint32_t *ret,
                                struct imgc_err *reterr);

/** Write those bytes. */
IMGC_CHECK int erofs_xattr_write(const struct erofs_xattrs *x, size_t first,
                                 const struct tree_inode *inode, struct erofs_out *out,
                                 struct imgc_err *reterr);

/** Write what @inode is the first to have of the shared area, which starts at @area. */
IMGC_CHECK int erofs_xattr_write_shared(const struct erofs_xattrs *x, size_t first,
                                        const struct tree_inode *inode, uint64_t area,
                                        struct erofs_out *out, struct imgc_err *reterr);

#endif
