/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EROFS on disk: the parts of the format that we write. All numbers are little-endian; whoever
 * fills a structure converts.
 *
 * An inode's number, its nid, is its place: byte offset / 32, since the metadata area starts at
 * block 0 here. Addresses of data are numbers of 512-byte blocks in one device; device 0 is the
 * image itself.
 *
 * Source: Linux Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h (6.12 and 6.18).
 */
#ifndef IMGC_LAYERS_EROFS_FORMAT_H
#define IMGC_LAYERS_EROFS_FORMAT_H

#include <endian.h>
#include <stdint.h>

#define EROFS_BLOCK_BITS 9
#define EROFS_BLOCK 512u
#define EROFS_NID_BYTES 32u /* unit of inode numbers */

#define EROFS_SUPER_OFFSET 1024u
#define EROFS_MAGIC UINT32_C(0xe0f5e1e2)

#define EROFS_COMPAT_CHECKSUM 0x1u
#define EROFS_COMPAT_MTIME 0x2u /* times of inodes are those of the last change of the content */
#define EROFS_INCOMPAT_CHUNKS 0x4u
#define EROFS_INCOMPAT_DEVICES 0x8u

struct erofs_super {
    uint32_t magic;
    uint32_t checksum; /* CRC-32C of the block that starts here, with 0 in this place */
    uint32_t compat;   /* features that a reader may ignore */
    uint8_t block_bits;
    uint8_t extra_slots;
    uint16_t root_nid;
    uint64_t inodes;
    uint64_t epoch_s; /* time of all compact inodes */
    uint32_t epoch_ns;
    uint32_t blocks; /* of the image */
    uint32_t meta_block;
    uint32_t xattr_block; /* start of the shared xattrs */
    uint8_t uuid[16];
    uint8_t label[16];
    uint32_t incompat; /* features that a reader must know */
    uint16_t compression;
    uint16_t devices;     /* besides the image */
    uint16_t device_slot; /* offset of the device table / 128 */
    uint8_t dir_block_bits;
    uint8_t reserved[37];
};
_Static_assert(sizeof(struct erofs_super) == 128, "as the format has it");

struct erofs_device {
    uint8_t tag[64];
    uint32_t blocks;
    uint32_t unified_block; /* 0: the device is not part of one address space */
    uint8_t reserved[56];
};
_Static_assert(sizeof(struct erofs_device) == 128, "as the format has it");

/* inode.format: bit 0 is the version, the layout follows. */
enum { EROFS_COMPACT = 0, EROFS_EXTENDED = 1 };
enum { EROFS_LAYOUT_SHIFT = 1 };
enum erofs_layout {
    EROFS_FLAT_PLAIN = 0,  /* data in blocks from inode.where on */
    EROFS_FLAT_INLINE = 2, /* the last part of the data stands behind inode and xattrs */
    EROFS_CHUNKS = 4,      /* chunk indexes stand there; inode.where is the chunk format */
};

/* 32 bytes where all fits and the time is the epoch. */
struct erofs_compact {
    uint16_t format;
    uint16_t xattr_count; /* 0: none; else 1 + (bytes of xattrs - 12) / 4 */
    uint16_t mode;
    uint16_t nlink;
    uint32_t size;
    uint32_t reserved; /* newer kernels: seconds after the epoch; older ones ignore it */
    uint32_t where;    /* block, device number or chunk format */
    uint32_t ino;
    uint16_t uid, gid;
    uint32_t reserved2;
};
_Static_assert(sizeof(struct erofs_compact) == 32, "as the format has it");

struct erofs_extended {
    uint16_t format;
    uint16_t xattr_count;
    uint16_t mode;
    uint16_t reserved;
    uint64_t size;
    uint32_t where;
    uint32_t ino;
    uint32_t uid, gid;
    uint64_t mtime_s; /* signed */
    uint32_t mtime_ns;
    uint32_t nlink;
    uint8_t reserved2[16];
};
_Static_assert(sizeof(struct erofs_extended) == 64, "as the format has it");

/* Chunk format: log2(chunk / block) in the low bits, and that indexes of 8 bytes follow. */
#define EROFS_CHUNK_BITS_MAX 31
#define EROFS_CHUNK_INDEXES 0x20u

struct erofs_chunk_index {
    uint16_t block_high;
    uint16_t device; /* 0 is the image */
    uint32_t block;
};
_Static_assert(sizeof(struct erofs_chunk_index) == 8, "as the format has it");
#define EROFS_HOLE UINT32_MAX /* as a block number */

struct erofs_dirent {
    uint64_t nid;
    uint16_t name_offset; /* in its block; the first one's tells how many there are */
    uint8_t type;
    uint8_t reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct erofs_dirent) == 12, "as the format has it");

enum {
    EROFS_TYPE_FILE = 1,
    EROFS_TYPE_DIR,
    EROFS_TYPE_CHAR,
    EROFS_TYPE_BLOCK,
    EROFS_TYPE_FIFO,
    EROFS_TYPE_SYMLINK = 7,
};

/* Behind an inode with xattrs: this, the numbers of shared ones, the others themselves. */
struct erofs_xattr_head {
    uint32_t name_filter;
    uint8_t shared;
    uint8_t reserved[7];
};
_Static_assert(sizeof(struct erofs_xattr_head) == 12, "as the format has it");

/* Then the name behind its prefix, the value, and zeros up to a multiple of 4. The number of a
 * shared one is its offset in the shared area / 4. */
struct erofs_xattr_entry {
    uint8_t name_len;
    uint8_t prefix;
    uint16_t value_len;
};
_Static_assert(sizeof(struct erofs_xattr_entry) == 4, "as the format has it");
#define EROFS_XATTR_UNIT 4u

enum {
    EROFS_PREFIX_USER = 1,
    EROFS_PREFIX_ACL_ACCESS,
    EROFS_PREFIX_ACL_DEFAULT,
    EROFS_PREFIX_TRUSTED,
    EROFS_PREFIX_SECURITY = 6,
};

#endif
