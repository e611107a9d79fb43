/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/fs_kind.h"

#include <linux/magic.h>
#include <stddef.h>
#include <stdint.h>

const char *fs_kind_remote(unsigned long type)
{
    static const struct {
        uint32_t type;
        const char *name;
    } kinds[] = {
        { NFS_SUPER_MAGIC, "NFS" },   { V9FS_MAGIC, "9p" },        { FUSE_SUPER_MAGIC, "FUSE" },
        { SMB_SUPER_MAGIC, "SMB" },   { CIFS_SUPER_MAGIC, "SMB" }, { SMB2_SUPER_MAGIC, "SMB" },
        { CEPH_SUPER_MAGIC, "Ceph" }, { AFS_SUPER_MAGIC, "AFS" },  { AFS_FS_MAGIC, "AFS" },
        { CODA_SUPER_MAGIC, "Coda" },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if ((uint32_t)type == kinds[i].type) { /* f_type is signed, and 32 bits on some machines */
            return kinds[i].name;
        }
    }
    return NULL;
}
