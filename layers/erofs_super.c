/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/erofs_super.h"

#include <assert.h>
#include <string.h>

#include "layers/erofs_format.h"

#define CRC32C_POLYNOMIAL UINT32_C(0x82f63b78) /* Castagnoli's, bits reversed */

_Static_assert(EROFS_SUPER_END == EROFS_SUPER_OFFSET + EROFS_BLOCK, "the superblock's own block");

int erofs_super_devices(const uint64_t *tar_bytes, size_t n, struct erofs_out *out,
                        struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n; i++) {
        uint64_t blocks = tar_bytes[i] / EROFS_BLOCK + (tar_bytes[i] % EROFS_BLOCK != 0);
        if (blocks >= EROFS_HOLE) {
            return imgc_fail(reterr, IMGC_E_LIMIT,
                             "layer %zu: EROFS addresses no tar of 2 TiB or more", i + 1);
        }
        struct erofs_device d = { .blocks = htole32((uint32_t)blocks) };
        r = erofs_out_add(out, &d, sizeof d, reterr);
    }
    return r;
}

/* As the kernel's crc32c(): no final inversion. */
static uint32_t crc32c(const unsigned char *p, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? CRC32C_POLYNOMIAL : 0);
        }
    }
    return crc;
}

/* RFC 9562, version 8: bits that mean something to their maker. */
static void make_uuid(const struct digest *content, uint8_t uuid[16])
{
    memcpy(uuid, content->bytes, 16);
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x80);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

int erofs_super_write(int fd, const struct erofs_super_args *args, struct imgc_err *reterr)
{
    unsigned char block[EROFS_BLOCK] = { 0 };
    struct erofs_super s = {
        .magic = htole32(EROFS_MAGIC),
        .compat = htole32(EROFS_COMPAT_CHECKSUM | EROFS_COMPAT_MTIME),
        .block_bits = EROFS_BLOCK_BITS,
        .root_nid = htole16((uint16_t)args->root_nid),
        .inodes = htole64(args->inodes),
        .epoch_s = htole64((uint64_t)args->epoch.s),
        .epoch_ns = htole32(args->epoch.ns),
        .blocks = htole32(args->blocks),
        .xattr_block = htole32(args->xattr_block),
        .incompat = htole32(EROFS_INCOMPAT_CHUNKS | EROFS_INCOMPAT_DEVICES),
        .devices = htole16(args->devices),
        .device_slot = htole16(EROFS_SUPER_END / sizeof(struct erofs_device)),
    };

    assert(args->root_nid <= UINT16_MAX);
    make_uuid(args->content, s.uuid);
    memcpy(block, &s, sizeof s);
    s.checksum = htole32(crc32c(block, sizeof block));
    memcpy(block, &s, sizeof s);
    return erofs_out_write_at(fd, block, sizeof block, EROFS_SUPER_OFFSET, reterr);
}
