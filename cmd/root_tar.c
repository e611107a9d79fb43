/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/root_tar.h"

#include <endian.h>
#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>

#include "cmd/app.h"
#include "schema/base/fd.h"

/* Capabilities that the root of a user namespace gave to a file name that root by its number here.
 * In its own eyes they are those of any root: the older form, which names nobody. */
static void unmap_caps(const struct isolation_users *users, struct xattr *x)
{
    struct vfs_ns_cap_data caps;
    uint32_t inside;

    if (strcmp(x->name, "security.capability") != 0 || x->len != sizeof caps) {
        return;
    }
    memcpy(&caps, x->value, sizeof caps);
    uint32_t magic = le32toh(caps.magic_etc);
    if ((magic & VFS_CAP_REVISION_MASK) != VFS_CAP_REVISION_3 ||
        !isolation_unmap_id(users->uids, users->n_uids, le32toh(caps.rootid), &inside) ||
        inside != 0) {
        return;
    }
    caps.magic_etc = htole32((magic & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_2);
    memcpy(x->value, &caps, sizeof caps);
    x->len = sizeof(struct vfs_cap_data);
}

/* The users and groups that a POSIX ACL names. Source: linux/posix_acl_xattr.h (version 2). */
static void unmap_acl(const struct isolation_users *users, struct xattr *x)
{
    struct posix_acl_xattr_entry e;

    if (strcmp(x->name, "system.posix_acl_access") != 0 &&
        strcmp(x->name, "system.posix_acl_default") != 0) {
        return;
    }
    for (size_t at = sizeof(struct posix_acl_xattr_header); at + sizeof e <= x->len;
         at += sizeof e) {
        char *place = (char *)x->value + at;
        uint32_t inside;
        memcpy(&e, place, sizeof e);
        bool is_user = le16toh(e.e_tag) == ACL_USER;
        if ((is_user || le16toh(e.e_tag) == ACL_GROUP) &&
            isolation_unmap_id(is_user ? users->uids : users->gids,
                               is_user ? users->n_uids : users->n_gids, le32toh(e.e_id), &inside)) {
            e.e_id = htole32(inside);
            memcpy(place, &e, sizeof e);
        }
    }
}

void root_tar_unmap(const struct isolation_users *users, struct entry *e)
{
    if (!users) {
        return;
    }
    (void)isolation_unmap_id(users->uids, users->n_uids, e->uid, &e->uid);
    (void)isolation_unmap_id(users->gids, users->n_gids, e->gid, &e->gid);
    for (size_t i = 0; i < e->n_xattrs; i++) {
        unmap_caps(users, &e->xattrs[i]);
        unmap_acl(users, &e->xattrs[i]);
    }
}

int root_tar_add(struct dir_source *dir, const struct entry *e, struct tar_sink *tar,
                 struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    int r = 0;

    if (e->type == ENTRY_FILE && e->n_extents > 0) {
        r = dir_source_open(dir, &fd, reterr);
    }
    if (r < 0) {
        return r;
    }
    struct tar_data data = TAR_DATA_FD(fd);
    return tar_sink_add(tar, e, fd >= 0 ? &data : NULL, reterr);
}

int root_tar_add_all(struct dir_source *dir, const struct isolation_users *users,
                     struct tar_sink *tar, struct imgc_err *reterr)
{
    struct source *entries = dir_source_entries(dir);

    for (;;) {
        entry_auto struct entry e = ENTRY_INIT;
        int r = entries->next(entries, &e, reterr);
        if (r == SOURCE_END) {
            return 0;
        }
        if (r == 0 && app_interrupted()) {
            r = imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted");
        }
        if (r < 0) {
            return r;
        }
        root_tar_unmap(users, &e);
        r = root_tar_add(dir, &e, tar, reterr);
        if (r < 0) {
            return r;
        }
    }
}
