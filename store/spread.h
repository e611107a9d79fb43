/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where on the disk unrelated directories go.
 */
#ifndef IMGC_STORE_SPREAD_H
#define IMGC_STORE_SPREAD_H

/** Tell the file system that what will be in the directory @path under @dir_fd has nothing to do
 * with each other, as the homes of users in /home: ext2, ext3 and ext4 then give each directory
 * made there a part of the disk of its own, with what is below it close by (chattr(1), attribute T;
 * Linux Documentation/filesystems/ext4, "Orlov block allocator"). Others have no need of it, and
 * where it can't be said nothing is lost but time. */
void spread_children(int dir_fd, const char *path);

#endif
