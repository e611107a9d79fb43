/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/info_fs.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "runtime/fs_kind.h"

#define ZFS_MAGIC 0x2fc12fc1u      /* not of the kernel's headers, as the next */
#define BCACHEFS_MAGIC 0xca451a4eu /* "statfs_magic" of bcachefs */

const char *info_fs_name(unsigned long type)
{
    static const struct {
        uint32_t type;
        const char *name;
    } known[] = {
        { EXT4_SUPER_MAGIC, "ext4" },   { XFS_SUPER_MAGIC, "xfs" },
        { BTRFS_SUPER_MAGIC, "btrfs" }, { TMPFS_MAGIC, "tmpfs" },
        { F2FS_SUPER_MAGIC, "f2fs" },   { OVERLAYFS_SUPER_MAGIC, "overlay" },
        { ZFS_MAGIC, "zfs" },           { BCACHEFS_MAGIC, "bcachefs" },
        { MSDOS_SUPER_MAGIC, "vfat" },
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if ((uint32_t)type == known[i].type) {
            return known[i].name;
        }
    }
    return fs_kind_remote(type);
}

/* Whether one could be there, without writing any: what is missing is said in other words than what
 * cannot be. overlayfs keeps its notes in "trusted." for root and in "user." for the others. */
static bool keeps_xattrs(const char *path)
{
    const char *name = geteuid() == 0 ? "trusted.overlay.opaque" : "user.overlay.opaque";
    return getxattr(path, name, NULL, 0) >= 0 || errno == ENODATA;
}

json_t *info_fs_json(const char *path)
{
    struct statfs fs = { .f_type = 0 };
    char number[32];

    if (statfs(path, &fs) < 0) {
        return json_pack("{s:s, s:b, s:b}", "Type", "unknown", "Overlay", 0, "Xattrs", 0);
    }
    unsigned long type = (unsigned long)fs.f_type;
    const char *name = info_fs_name(type);
    (void)snprintf(number, sizeof number, "0x%x", (unsigned)type);
    bool xattrs = keeps_xattrs(path);
    bool overlay = xattrs && !fs_kind_remote(type) && (uint32_t)type != OVERLAYFS_SUPER_MAGIC;
    return json_pack("{s:s, s:b, s:b}", "Type", name ? name : number, "Overlay", overlay, "Xattrs",
                     xattrs);
}
