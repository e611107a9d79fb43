/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/erofs_inode.h"

#include <sys/stat.h>

#include "layers/erofs_dir.h"
#include "schema/limits.h"

/* Device numbers of the kernel: 12 and 20 bits. */
#define MAJOR_MAX 0xfffu
#define MINOR_MAX 0xfffffu

static uint64_t round_up(uint64_t n, uint64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static int plan_file(const struct erofs_image *image, const struct tree_inode *inode,
                     struct erofs_plan *p, struct imgc_err *reterr)
{
    p->size = inode->size;
    if (inode->n_extents > 0 && inode->layer >= image->n_tars) {
        return imgc_fail(reterr, IMGC_E_LAYER, "data of layer %u, which is not there",
                         inode->layer);
    }
    int r =
        erofs_chunk_check(inode, inode->n_extents > 0 ? image->tar_bytes[inode->layer] : 0, reterr);
    if (r < 0 || inode->size == 0) {
        return r;
    }
    p->layout = EROFS_CHUNKS;
    p->chunks = erofs_chunk_plan(inode);
    p->data_blocks = p->chunks.copied_blocks;
    return 0;
}

static int plan_symlink(const struct tree_inode *inode, struct erofs_plan *p,
                        struct imgc_err *reterr)
{
    p->size = inode->target ? strlen(inode->target) : 0;
    if (p->size == 0) {
        return imgc_fail(reterr, IMGC_E_LAYER, "a symbolic link to nothing");
    }
    if (p->size > LIMIT_PATH_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a symbolic link of %llu bytes, more than %d",
                         (unsigned long long)p->size, LIMIT_PATH_BYTES);
    }
    return 0;
}

static int plan_device(const struct tree_inode *inode, struct imgc_err *reterr)
{
    if (inode->major > MAJOR_MAX || inode->minor > MINOR_MAX) {
        return imgc_fail(reterr, IMGC_E_LAYER, "no device has the number %u:%u", inode->major,
                         inode->minor);
    }
    /* The directory form refuses it, too: in an overlay it hides its own name. */
    if (inode->type == ENTRY_CHAR && inode->major == 0 && inode->minor == 0) {
        return imgc_fail(reterr, IMGC_E_LAYER, "device 0:0 is overlayfs's own");
    }
    return 0;
}

static int plan_by_type(const struct erofs_image *image, const struct tree_dentry *d,
                        struct erofs_plan *p, struct imgc_err *reterr)
{
    const struct tree_inode *inode = d->inode;
    struct erofs_dir_size size;

    p->nlink = inode->nlink;
    switch (inode->type) {
    case ENTRY_FILE:
        return plan_file(image, inode, p, reterr);
    case ENTRY_DIR:
        size = erofs_dir_size(d);
        p->size = size.bytes;
        p->nlink = size.subdirs + 2;
        return 0;
    case ENTRY_SYMLINK:
        return plan_symlink(inode, p, reterr);
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
        return plan_device(inode, reterr);
    case ENTRY_FIFO:
        return 0;
    case ENTRY_HARDLINK:
        break;
    }
    return imgc_fail(reterr, IMGC_E_LAYER, "not a type of file that can be written");
}

static bool is_compact(const struct erofs_image *image, const struct tree_inode *inode,
                       const struct erofs_plan *p)
{
    return inode->uid <= UINT16_MAX && inode->gid <= UINT16_MAX && p->nlink <= UINT16_MAX &&
           p->size <= UINT32_MAX && inode->mtime_s == image->epoch.s &&
           inode->mtime_ns == image->epoch.ns;
}

/* Directories and symbolic links: behind the inode where they fit into what is left of one block
 * (the kernel reads them from there in one piece), else in blocks of their own. */
static void plan_flat(struct erofs_plan *p)
{
    uint32_t behind = p->head_bytes % EROFS_NID_BYTES; /* as near to a block's start as it goes */

    if (p->size <= EROFS_BLOCK - behind && p->size < EROFS_BLOCK) {
        p->layout = EROFS_FLAT_INLINE;
        p->inline_bytes = (uint32_t)p->size;
    } else {
        p->data_blocks = round_up(p->size, EROFS_BLOCK) / EROFS_BLOCK;
    }
}

int erofs_inode_plan(const struct erofs_image *image, const struct tree_dentry *d,
                     size_t first_xattr, struct erofs_plan *ret, struct imgc_err *reterr)
{
    const struct tree_inode *inode = d->inode;
    struct erofs_plan p = { .layout = EROFS_FLAT_PLAIN };

    int r = plan_by_type(image, d, &p, reterr);
    if (r >= 0) {
        r = erofs_xattr_size(&image->xattrs, first_xattr, inode, &p.xattr_bytes, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (p.nlink > UINT32_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "EROFS holds no %llu links to one file",
                         (unsigned long long)p.nlink);
    }
    p.is_extended = !is_compact(image, inode, &p);
    p.head_bytes = p.xattr_bytes + (uint32_t)(p.is_extended ? sizeof(struct erofs_extended)
                                                            : sizeof(struct erofs_compact));
    if (inode->type == ENTRY_DIR || inode->type == ENTRY_SYMLINK) {
        plan_flat(&p);
    }
    p.meta_bytes = (uint64_t)p.head_bytes + p.inline_bytes;
    if (p.chunks.count > 0) {
        p.meta_bytes = round_up(p.head_bytes, sizeof(struct erofs_chunk_index)) +
                       p.chunks.count * sizeof(struct erofs_chunk_index);
    }
    *ret = p;
    return 0;
}

uint64_t erofs_inode_offset(const struct erofs_plan *p, uint64_t at)
{
    uint64_t offset = round_up(at, EROFS_NID_BYTES);
    uint64_t inline_at = (offset + p->head_bytes) % EROFS_BLOCK;

    if (inline_at + p->inline_bytes > EROFS_BLOCK) {
        offset += round_up(EROFS_BLOCK - inline_at, EROFS_NID_BYTES);
    }
    return offset;
}

static uint16_t mode_of(const struct tree_inode *inode)
{
    static const uint32_t types[] = {
        [ENTRY_FILE] = S_IFREG, [ENTRY_DIR] = S_IFDIR,   [ENTRY_SYMLINK] = S_IFLNK,
        [ENTRY_CHAR] = S_IFCHR, [ENTRY_BLOCK] = S_IFBLK, [ENTRY_FIFO] = S_IFIFO,
    };
    /* Linux has no other mode of a symbolic link. */
    uint32_t mode = inode->type == ENTRY_SYMLINK ? 0777 : inode->mode & 07777;

    return (uint16_t)(types[inode->type] | mode);
}

/* The field that means something else for each type. */
static uint32_t where(const struct tree_inode *inode, const struct erofs_plan *p,
                      const struct erofs_place *place)
{
    if (p->layout == EROFS_CHUNKS) {
        return p->chunks.bits | EROFS_CHUNK_INDEXES;
    }
    if (inode->type == ENTRY_CHAR || inode->type == ENTRY_BLOCK) {
        return (inode->minor & 0xff) | inode->major << 8 | (inode->minor & ~0xffu) << 12;
    }
    return p->data_blocks > 0 ? (uint32_t)place->data_block : 0;
}

static uint16_t xattr_count(const struct erofs_plan *p)
{
    if (p->xattr_bytes == 0) {
        return 0;
    }
    size_t behind = p->xattr_bytes - sizeof(struct erofs_xattr_head);
    return (uint16_t)(1 + behind / EROFS_XATTR_UNIT);
}

static int write_compact(const struct tree_inode *inode, const struct erofs_plan *p,
                         const struct erofs_place *place, struct erofs_out *out,
                         struct imgc_err *reterr)
{
    struct erofs_compact c = {
        .format = htole16((uint16_t)(EROFS_COMPACT | p->layout << EROFS_LAYOUT_SHIFT)),
        .xattr_count = htole16(xattr_count(p)),
        .mode = htole16(mode_of(inode)),
        .nlink = htole16((uint16_t)p->nlink),
        .size = htole32((uint32_t)p->size),
        .where = htole32(where(inode, p, place)),
        .ino = htole32(place->ino),
        .uid = htole16((uint16_t)inode->uid),
        .gid = htole16((uint16_t)inode->gid),
    };
    return erofs_out_add(out, &c, sizeof c, reterr);
}

static int write_extended(const struct tree_inode *inode, const struct erofs_plan *p,
                          const struct erofs_place *place, struct erofs_out *out,
                          struct imgc_err *reterr)
{
    struct erofs_extended e = {
        .format = htole16((uint16_t)(EROFS_EXTENDED | p->layout << EROFS_LAYOUT_SHIFT)),
        .xattr_count = htole16(xattr_count(p)),
        .mode = htole16(mode_of(inode)),
        .size = htole64(p->size),
        .where = htole32(where(inode, p, place)),
        .ino = htole32(place->ino),
        .uid = htole32(inode->uid),
        .gid = htole32(inode->gid),
        .mtime_s = htole64((uint64_t)inode->mtime_s),
        .mtime_ns = htole32(inode->mtime_ns),
        .nlink = htole32((uint32_t)p->nlink),
    };
    return erofs_out_add(out, &e, sizeof e, reterr);
}

/* Content that is not a file's. */
static int write_content(const struct tree_dentry *d, struct erofs_out *out,
                         struct imgc_err *reterr)
{
    if (d->inode->type == ENTRY_DIR) {
        return erofs_dir_write(d, out, reterr);
    }
    return erofs_out_add(out, d->inode->target, strlen(d->inode->target), reterr);
}

int erofs_inode_write(const struct erofs_image *image, const struct tree_dentry *d,
                      const struct erofs_plan *p, const struct erofs_place *place,
                      struct erofs_out *out, struct imgc_err *reterr)
{
    const struct tree_inode *inode = d->inode;
    int r = p->is_extended ? write_extended(inode, p, place, out, reterr)
                           : write_compact(inode, p, place, out, reterr);

    if (r >= 0) {
        r = erofs_xattr_write(&image->xattrs, place->first_xattr, inode, out, reterr);
    }
    if (r >= 0 && p->inline_bytes > 0) {
        r = write_content(d, out, reterr);
    }
    if (r >= 0 && p->chunks.count > 0) {
        r = erofs_out_pad(out, round_up(out->at, sizeof(struct erofs_chunk_index)), reterr);
        if (r >= 0) {
            r = erofs_chunk_write(inode, &p->chunks, (uint16_t)(inode->layer + 1),
                                  (uint32_t)place->data_block, out, reterr);
        }
    }
    return r;
}

int erofs_inode_write_data(const struct erofs_image *image, const struct tree_dentry *d,
                           const struct erofs_plan *p, struct erofs_out *out,
                           struct imgc_err *reterr)
{
    if (p->data_blocks == 0) {
        return 0;
    }
    int r;
    if (d->inode->type == ENTRY_FILE) {
        struct tar_data tar = TAR_DATA_FD(image->tar_fds[d->inode->layer]);
        r = erofs_chunk_copy(d->inode, &p->chunks, &tar, out, reterr);
    } else {
        r = write_content(d, out, reterr);
    }
    return r < 0 ? r : erofs_out_pad(out, round_up(out->at, EROFS_BLOCK), reterr);
}
