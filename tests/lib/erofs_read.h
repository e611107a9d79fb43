/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict reader of EROFS images: holds an image against the tree that it was made from, byte by
 * byte, and refuses what the kernel would refuse or what nobody put there. It knows the format by
 * offsets of its own rather than by our structures. For unit tests and fuzzers.
 */
#ifndef IMGC_TESTS_LIB_EROFS_READ_H
#define IMGC_TESTS_LIB_EROFS_READ_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "layers/tree.h"

struct erofs_read_tar {
    const uint8_t *ptr;
    uint64_t len;
};

struct erofs_read {
    const uint8_t *p;
    uint64_t n;
    const struct erofs_read_tar *tars;
    size_t n_tars;

    uint64_t root_nid, xattr_at, n_inodes;
    int64_t epoch_s;
    uint32_t epoch_ns;
    uint8_t *claimed; /* for each byte: whose it is */
    uint64_t inodes_seen;
    char why[300]; /* what is wrong */
};

enum { EROFS_READ_FREE, EROFS_READ_OWN, EROFS_READ_SHARED };

struct erofs_read_inode {
    uint64_t nid, at, size;
    bool is_extended;
    unsigned layout; /* 0 plain, 2 inline, 4 chunks */
    uint32_t mode, uid, gid, nlink, where, mtime_ns;
    int64_t mtime_s;
    uint64_t xattr_at;
    uint32_t xattr_bytes;
    uint64_t tail_at; /* behind inode and xattrs */
};

struct erofs_read_dirent {
    uint64_t nid;
    uint8_t type;
    const char *name;
    size_t len;
};

static inline void erofs_read_done(struct erofs_read *r)
{
    free(r->claimed);
    r->claimed = NULL;
}

static inline uint64_t erofs_read_le(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = bytes; i-- > 0;) {
        v = v << 8 | p[i];
    }
    return v;
}

IMGC_PRINTF(2, 3) static inline bool erofs_read_bad(struct erofs_read *r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(r->why, sizeof r->why, fmt, args);
    va_end(args);
    return false;
}

/* The bytes are there, and become somebody's. */
static inline bool erofs_read_claim(struct erofs_read *r, uint64_t at, uint64_t len, uint8_t whose)
{
    if (at > r->n || len > r->n - at) {
        return erofs_read_bad(r, "%llu bytes at %llu are outside", (unsigned long long)len,
                              (unsigned long long)at);
    }
    for (uint64_t i = at; i < at + len; i++) {
        if (r->claimed[i] != EROFS_READ_FREE &&
            (whose != EROFS_READ_SHARED || r->claimed[i] != whose)) {
            return erofs_read_bad(r, "byte %llu belongs to two", (unsigned long long)i);
        }
        r->claimed[i] = whose;
    }
    return true;
}

static inline uint32_t erofs_read_crc(const uint8_t *p, size_t len, size_t zero_at)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= i >= zero_at && i < zero_at + 4 ? 0 : p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? UINT32_C(0x82f63b78) : 0);
        }
    }
    return crc;
}

static inline bool erofs_read_devices(struct erofs_read *r)
{
    const uint8_t *s = r->p + 1024;
    uint64_t at = erofs_read_le(s + 88, 2) * 128;

    if (erofs_read_le(s + 86, 2) != r->n_tars) {
        return erofs_read_bad(r, "a wrong number of devices");
    }
    if (!erofs_read_claim(r, at, r->n_tars * 128, EROFS_READ_OWN)) {
        return false;
    }
    for (size_t i = 0; i < r->n_tars; i++) {
        if (erofs_read_le(r->p + at + i * 128 + 64, 4) != (r->tars[i].len + 511) / 512 ||
            erofs_read_le(r->p + at + i * 128 + 68, 4) != 0) {
            return erofs_read_bad(r, "device %zu is wrong", i);
        }
    }
    return true;
}

/* Start with p, n, tars and n_tars set. */
static inline bool erofs_read_open(struct erofs_read *r)
{
    r->claimed = calloc(1, r->n ? r->n : 1);
    if (!r->claimed || r->n < 1536 || r->n % 512 != 0) {
        return erofs_read_bad(r, "%llu bytes", (unsigned long long)r->n);
    }
    const uint8_t *s = r->p + 1024;
    if (!erofs_read_claim(r, 1024, 512, EROFS_READ_OWN)) {
        return false;
    }
    if (erofs_read_le(s, 4) != 0xe0f5e1e2 || s[12] != 9 || s[13] != 0 || s[90] != 0 ||
        erofs_read_le(s + 8, 4) != 3 || erofs_read_le(s + 80, 4) != 0xc ||
        erofs_read_le(s + 40, 4) != 0) {
        return erofs_read_bad(r, "a bad superblock");
    }
    if (erofs_read_le(s + 4, 4) != erofs_read_crc(s, 512, 4)) {
        return erofs_read_bad(r, "a bad checksum");
    }
    if (erofs_read_le(s + 36, 4) != r->n / 512) {
        return erofs_read_bad(r, "a wrong number of blocks");
    }
    r->root_nid = erofs_read_le(s + 14, 2);
    r->n_inodes = erofs_read_le(s + 16, 8);
    r->epoch_s = (int64_t)erofs_read_le(s + 24, 8);
    r->epoch_ns = (uint32_t)erofs_read_le(s + 32, 4);
    r->xattr_at = erofs_read_le(s + 44, 4) * 512;
    return erofs_read_devices(r);
}

static inline void erofs_read_fields(const struct erofs_read *r, const uint8_t *b,
                                     struct erofs_read_inode *i)
{
    i->mode = (uint32_t)erofs_read_le(b + 4, 2);
    i->where = (uint32_t)erofs_read_le(b + 16, 4);
    if (i->is_extended) {
        i->size = erofs_read_le(b + 8, 8);
        i->uid = (uint32_t)erofs_read_le(b + 24, 4);
        i->gid = (uint32_t)erofs_read_le(b + 28, 4);
        i->mtime_s = (int64_t)erofs_read_le(b + 32, 8);
        i->mtime_ns = (uint32_t)erofs_read_le(b + 40, 4);
        i->nlink = (uint32_t)erofs_read_le(b + 44, 4);
    } else {
        i->nlink = (uint32_t)erofs_read_le(b + 6, 2);
        i->size = erofs_read_le(b + 8, 4);
        i->uid = (uint32_t)erofs_read_le(b + 24, 2);
        i->gid = (uint32_t)erofs_read_le(b + 26, 2);
        i->mtime_s = r->epoch_s;
        i->mtime_ns = r->epoch_ns;
    }
}

static inline bool erofs_read_inode(struct erofs_read *r, uint64_t nid, struct erofs_read_inode *i)
{
    *i = (struct erofs_read_inode){ .nid = nid, .at = nid * 32 };
    if (nid > r->n / 32 || i->at > r->n - 32) {
        return erofs_read_bad(r, "no inode %llu", (unsigned long long)nid);
    }
    const uint8_t *b = r->p + i->at;
    unsigned format = (unsigned)erofs_read_le(b, 2);
    unsigned count = (unsigned)erofs_read_le(b + 2, 2);
    i->is_extended = (format & 1) != 0;
    i->layout = format >> 1;
    unsigned bytes = i->is_extended ? 64 : 32;
    if ((i->layout != 0 && i->layout != 2 && i->layout != 4) || i->at > r->n - bytes ||
        count == 1 || (!i->is_extended && erofs_read_le(b + 12, 4) != 0)) {
        return erofs_read_bad(r, "inode %llu: bad format", (unsigned long long)nid);
    }
    erofs_read_fields(r, b, i);
    i->xattr_at = i->at + bytes;
    i->xattr_bytes = count ? 12 + (count - 1) * 4 : 0;
    i->tail_at = i->xattr_at + i->xattr_bytes;
    if (i->tail_at > r->n) {
        return erofs_read_bad(r, "inode %llu: outside", (unsigned long long)nid);
    }
    return true;
}

/* Where block @k of a directory or link is; both are within the image. */
static inline bool erofs_read_flat(struct erofs_read *r, const struct erofs_read_inode *i,
                                   uint64_t k, uint64_t *ret_at, uint64_t *ret_len)
{
    uint64_t blocks = (i->size + 511) / 512;
    bool in_tail = i->layout == 2 && k + 1 == blocks;

    *ret_len = k + 1 == blocks ? i->size - k * 512 : 512;
    *ret_at = in_tail ? i->tail_at : ((uint64_t)i->where + k) * 512;
    if (i->layout == 4 || k >= blocks) {
        return erofs_read_bad(r, "no block %llu", (unsigned long long)k);
    }
    if (in_tail && i->tail_at % 512 + *ret_len > 512) {
        return erofs_read_bad(r, "an inline tail over two blocks");
    }
    return erofs_read_claim(r, *ret_at, *ret_len, EROFS_READ_OWN);
}

/* --- xattrs --- */

static inline const char *erofs_read_prefix(uint8_t index)
{
    static const char *const prefixes[] = {
        "", "user.",    "system.posix_acl_access", "system.posix_acl_default", "trusted.",
        "", "security."
    };
    return index < 7 ? prefixes[index] : "";
}

static inline bool erofs_read_shows(const struct tree_inode *inode, const struct xattr *x)
{
    if (strncmp(x->name, "user.", 5) == 0) {
        return inode->type == ENTRY_FILE || inode->type == ENTRY_DIR;
    }
    return strncmp(x->name, "system.", 7) != 0 || inode->type != ENTRY_SYMLINK;
}

/* The entry at @at is one of the inode's. *ret_end is behind it. */
static inline bool erofs_read_xattr(struct erofs_read *r, const struct tree_inode *inode,
                                    uint64_t at, uint8_t whose, uint64_t *ret_end)
{
    char name[600];

    if (at > r->n || r->n - at < 4) {
        return erofs_read_bad(r, "an xattr outside");
    }
    const uint8_t *e = r->p + at;
    size_t name_len = e[0], value_len = (size_t)erofs_read_le(e + 2, 2);
    uint64_t end = at + (4 + name_len + value_len + 3) / 4 * 4;
    if (!erofs_read_claim(r, at, end - at, whose)) {
        return false;
    }
    (void)snprintf(name, sizeof name, "%s%.*s", erofs_read_prefix(e[1]), (int)name_len,
                   (const char *)e + 4);
    for (size_t i = 0; i < inode->n_xattrs; i++) {
        const struct xattr *x = &inode->xattrs[i];
        if (strcmp(x->name, name) == 0 && erofs_read_shows(inode, x) && x->len == value_len &&
            (value_len == 0 || memcmp(x->value, e + 4 + name_len, value_len) == 0)) {
            *ret_end = end;
            return true;
        }
    }
    return erofs_read_bad(r, "an xattr too much: %s", name);
}

static inline bool erofs_read_xattrs(struct erofs_read *r, const struct erofs_read_inode *i,
                                     const struct tree_inode *inode)
{
    size_t want = 0, n = 0;

    for (size_t k = 0; k < inode->n_xattrs; k++) {
        want += erofs_read_shows(inode, &inode->xattrs[k]);
    }
    if (i->xattr_bytes > 0) {
        uint64_t at = i->xattr_at + 12, ignored;
        size_t n_shared = r->p[i->xattr_at + 4];
        if (!erofs_read_claim(r, i->xattr_at, 12 + n_shared * 4, EROFS_READ_OWN)) {
            return false;
        }
        for (; n < n_shared; n++, at += 4) {
            uint64_t shared = r->xattr_at + erofs_read_le(r->p + at, 4) * 4;
            if (!erofs_read_xattr(r, inode, shared, EROFS_READ_SHARED, &ignored)) {
                return false;
            }
        }
        for (; at < i->tail_at; n++) {
            if (!erofs_read_xattr(r, inode, at, EROFS_READ_OWN, &at)) {
                return false;
            }
        }
        if (at != i->tail_at) {
            return erofs_read_bad(r, "xattrs longer than they say");
        }
    }
    return n == want || erofs_read_bad(r, "%zu xattrs instead of %zu", n, want);
}

/* --- data --- */

/* Whether the file has these bytes at @offset; NULL: zeros. */
static inline bool erofs_read_same(struct erofs_read *r, const struct tree_inode *inode,
                                   uint64_t offset, const uint8_t *ptr, uint64_t len)
{
    uint64_t done = offset;

    for (size_t k = 0; k < inode->n_extents; k++) {
        const struct extent *x = &inode->extents[k];
        uint64_t from = x->file_offset > offset ? x->file_offset : offset;
        uint64_t to = x->file_offset + x->len;
        to = to < offset + len ? to : offset + len;
        if (from >= to) {
            continue;
        }
        const uint8_t *tar = r->tars[inode->layer].ptr + x->source_offset + (from - x->file_offset);
        if (!ptr || memcmp(ptr + (from - offset), tar, to - from) != 0) {
            return erofs_read_bad(r, "wrong data at %llu", (unsigned long long)from);
        }
        for (; done < from; done++) {
            if (ptr[done - offset] != 0) {
                return erofs_read_bad(r, "no hole at %llu", (unsigned long long)done);
            }
        }
        done = to;
    }
    for (; ptr && done < offset + len; done++) {
        if (ptr[done - offset] != 0) {
            return erofs_read_bad(r, "no hole at %llu", (unsigned long long)done);
        }
    }
    return true;
}

static inline bool erofs_read_chunk(struct erofs_read *r, const struct tree_inode *inode,
                                    const uint8_t *index, uint64_t offset, uint64_t len)
{
    uint64_t device = erofs_read_le(index + 2, 2);
    uint64_t at = erofs_read_le(index + 4, 4) * 512;
    uint64_t cut = inode->size - offset < len ? inode->size - offset : len;

    if (erofs_read_le(index, 2) != 0) {
        return erofs_read_bad(r, "a bad chunk index");
    }
    if (erofs_read_le(index + 4, 4) == UINT32_MAX) {
        return device == 0 ? erofs_read_same(r, inode, offset, NULL, cut)
                           : erofs_read_bad(r, "a hole in a device");
    }
    if (device == 0) {
        uint64_t blocks = (cut + 511) / 512 * 512;
        return erofs_read_claim(r, at, blocks, EROFS_READ_OWN) &&
               erofs_read_same(r, inode, offset, r->p + at, blocks);
    }
    if (device != inode->layer + 1 || device > r->n_tars || at > r->tars[device - 1].len ||
        cut > r->tars[device - 1].len - at) {
        return erofs_read_bad(r, "a chunk outside of its tar");
    }
    return erofs_read_same(r, inode, offset, r->tars[device - 1].ptr + at, cut);
}

static inline bool erofs_read_file(struct erofs_read *r, const struct erofs_read_inode *i,
                                   const struct tree_inode *inode)
{
    if (i->size == 0) {
        return i->layout == 0 || erofs_read_bad(r, "an empty file with chunks");
    }
    if (i->layout != 4 || (i->where & ~0x1fu) != 0x20) {
        return erofs_read_bad(r, "a file without chunks");
    }
    uint64_t len = (uint64_t)512 << (i->where & 0x1f);
    uint64_t count = i->size / len + (i->size % len != 0);
    uint64_t at = (i->tail_at + 7) / 8 * 8;
    if (count > r->n / 8 || !erofs_read_claim(r, at, count * 8, EROFS_READ_OWN)) {
        return erofs_read_bad(r, "chunks outside");
    }
    for (uint64_t k = 0; k < count; k++) {
        if (!erofs_read_chunk(r, inode, r->p + at + k * 8, k * len, len)) {
            return false;
        }
    }
    return true;
}

static inline bool erofs_read_link(struct erofs_read *r, const struct erofs_read_inode *i,
                                   const struct tree_inode *inode)
{
    uint64_t at, len;

    if (i->size != strlen(inode->target)) {
        return erofs_read_bad(r, "a link of a wrong length");
    }
    for (uint64_t done = 0; done < i->size; done += len) {
        if (!erofs_read_flat(r, i, done / 512, &at, &len)) {
            return false;
        }
        if (memcmp(r->p + at, inode->target + done, len) != 0) {
            return erofs_read_bad(r, "a wrong link");
        }
    }
    return true;
}

/* --- directories --- */

/* Entry @k of the block of @len bytes at @at. */
static inline bool erofs_read_entry(struct erofs_read *r, uint64_t at, uint64_t len, size_t k,
                                    struct erofs_read_dirent *ret)
{
    const uint8_t *b = r->p + at;
    uint64_t first = len >= 12 ? erofs_read_le(b + 8, 2) : 0;

    if (first < 12 || first % 12 != 0 || first > len || k >= first / 12) {
        return erofs_read_bad(r, "a bad block of entries");
    }
    uint64_t from = erofs_read_le(b + k * 12 + 8, 2);
    uint64_t to = k + 1 < first / 12 ? erofs_read_le(b + k * 12 + 20, 2) : len;
    if (from < first || from >= to || to > len) {
        return erofs_read_bad(r, "a bad name");
    }
    *ret = (struct erofs_read_dirent){ .nid = erofs_read_le(b + k * 12, 8),
                                       .type = b[k * 12 + 10],
                                       .name = (const char *)b + from,
                                       .len = strnlen((const char *)b + from, to - from) };
    if (k + 1 < first / 12 && ret->len != to - from) {
        return erofs_read_bad(r, "a NUL in a name");
    }
    for (uint64_t i = from + ret->len; i < to; i++) {
        if (b[i] != 0) {
            return erofs_read_bad(r, "bytes behind the names");
        }
    }
    return ret->len > 0 && ret->len <= 255 ? true : erofs_read_bad(r, "a name of no length");
}

static inline bool erofs_read_tree(struct erofs_read *r, const struct tree_dentry *d, uint64_t nid,
                                   uint64_t parent_nid);

/* The next child in byte order, or a dot; NULL where the tree has no such name there. */
static inline bool erofs_read_child(struct erofs_read *r, const struct tree_dentry *dir,
                                    const struct erofs_read_dirent *e, size_t *next, uint64_t nid,
                                    uint64_t parent_nid)
{
    static const uint8_t types[] = { [ENTRY_FILE] = 1, [ENTRY_DIR] = 2,   [ENTRY_SYMLINK] = 7,
                                     [ENTRY_CHAR] = 3, [ENTRY_BLOCK] = 4, [ENTRY_FIFO] = 5 };
    bool is_dot = e->len == 1 && e->name[0] == '.';

    if (is_dot || (e->len == 2 && memcmp(e->name, "..", 2) == 0)) {
        return (e->type == 2 && e->nid == (is_dot ? nid : parent_nid)) ||
               erofs_read_bad(r, "a dot to the wrong place");
    }
    if (*next >= tree_children(dir)) {
        return erofs_read_bad(r, "a name too much");
    }
    const struct tree_dentry *d = tree_child(dir, (*next)++);
    if (strlen(d->name) != e->len || memcmp(d->name, e->name, e->len) != 0 ||
        e->type != types[d->inode->type]) {
        return erofs_read_bad(r, "not the entry that was expected: %s", d->name);
    }
    return erofs_read_tree(r, d, e->nid, nid);
}

static inline bool erofs_read_dir(struct erofs_read *r, const struct erofs_read_inode *i,
                                  const struct tree_dentry *dir, uint64_t parent_nid)
{
    struct imgc_str before = { "", 0 };
    size_t next = 0, n = 0;
    uint64_t at, len;

    for (uint64_t block = 0; block * 512 < i->size; block++) {
        if (!erofs_read_flat(r, i, block, &at, &len)) {
            return false;
        }
        for (size_t k = 0; k == 0 || k < erofs_read_le(r->p + at + 8, 2) / 12; k++, n++) {
            struct erofs_read_dirent e;
            if (!erofs_read_entry(r, at, len, k, &e)) {
                return false;
            }
            struct imgc_str name = { e.name, e.len };
            if (imgc_str_cmp(before, name) >= 0) {
                return erofs_read_bad(r, "names out of order");
            }
            before = name;
            if (!erofs_read_child(r, dir, &e, &next, i->nid, parent_nid)) {
                return false;
            }
        }
    }
    return (next == tree_children(dir) && n == next + 2) ||
           erofs_read_bad(r, "%zu names, %zu of %zu children", n, next, tree_children(dir));
}

/* --- all --- */

static inline bool erofs_read_attributes(struct erofs_read *r, const struct erofs_read_inode *i,
                                         const struct tree_dentry *d)
{
    static const uint32_t types[] = {
        [ENTRY_FILE] = S_IFREG, [ENTRY_DIR] = S_IFDIR,   [ENTRY_SYMLINK] = S_IFLNK,
        [ENTRY_CHAR] = S_IFCHR, [ENTRY_BLOCK] = S_IFBLK, [ENTRY_FIFO] = S_IFIFO
    };
    const struct tree_inode *t = d->inode;
    uint32_t mode = types[t->type] | (t->type == ENTRY_SYMLINK ? 0777 : t->mode);
    uint32_t nlink = t->nlink;

    if (t->type == ENTRY_DIR) {
        nlink = 2;
        for (size_t k = 0; k < tree_children(d); k++) {
            nlink += tree_child(d, k)->inode->type == ENTRY_DIR;
        }
    }
    if (i->mode != mode || i->uid != t->uid || i->gid != t->gid || i->nlink != nlink) {
        return erofs_read_bad(r, "wrong mode, owner or links");
    }
    if (i->mtime_s != t->mtime_s || i->mtime_ns != t->mtime_ns) {
        return erofs_read_bad(r, "a wrong time");
    }
    if (t->type == ENTRY_FILE && i->size != t->size) {
        return erofs_read_bad(r, "a wrong size");
    }
    if ((t->type == ENTRY_CHAR || t->type == ENTRY_BLOCK) &&
        i->where != ((t->minor & 0xff) | t->major << 8 | (t->minor & 0xfff00) << 12)) {
        return erofs_read_bad(r, "a wrong device number");
    }
    return true;
}

static inline bool erofs_read_content(struct erofs_read *r, const struct erofs_read_inode *i,
                                      const struct tree_dentry *d, uint64_t parent_nid)
{
    switch (d->inode->type) {
    case ENTRY_FILE:
        return erofs_read_file(r, i, d->inode);
    case ENTRY_DIR:
        return erofs_read_dir(r, i, d, parent_nid);
    case ENTRY_SYMLINK:
        return erofs_read_link(r, i, d->inode);
    default:
        return (i->size == 0 && i->layout == 0) || erofs_read_bad(r, "data of no file");
    }
}

/* The dentry and all below it. Hard links: the sink leaves the nid in the inode's mark. */
static inline bool erofs_read_tree(struct erofs_read *r, const struct tree_dentry *d, uint64_t nid,
                                   uint64_t parent_nid)
{
    struct erofs_read_inode i;

    if (nid != d->inode->mark) {
        return erofs_read_bad(r, "%s is another inode", d->name);
    }
    if (d != d->inode->names) {
        return true; /* another name of an inode that is looked at elsewhere */
    }
    r->inodes_seen++;
    if (!erofs_read_inode(r, nid, &i) ||
        !erofs_read_claim(r, i.at, i.xattr_at - i.at, EROFS_READ_OWN) ||
        !erofs_read_attributes(r, &i, d) || !erofs_read_xattrs(r, &i, d->inode) ||
        !erofs_read_content(r, &i, d, parent_nid)) {
        size_t n = strlen(r->why);
        (void)snprintf(r->why + n, sizeof r->why - n, " (%.60s, nid %llu)", d->name,
                       (unsigned long long)nid);
        return false;
    }
    return true;
}

/* Whether the image is what the tree says, and nothing else. */
static inline bool erofs_read_check(struct erofs_read *r, struct tree *t)
{
    if (!erofs_read_open(r) || !erofs_read_tree(r, tree_root(t), r->root_nid, r->root_nid)) {
        return false;
    }
    if (r->inodes_seen != r->n_inodes) {
        return erofs_read_bad(r, "%llu inodes instead of %llu", (unsigned long long)r->inodes_seen,
                              (unsigned long long)r->n_inodes);
    }
    for (uint64_t i = 0; i < r->n; i++) {
        if (r->claimed[i] == EROFS_READ_FREE && r->p[i] != 0) {
            return erofs_read_bad(r, "byte %llu is nobody's", (unsigned long long)i);
        }
    }
    return true;
}

/* The inode that the tree's dentry became. After erofs_read_open(). */
static inline bool erofs_read_find(struct erofs_read *r, const struct tree_dentry *d,
                                   struct erofs_read_inode *i)
{
    return erofs_read_inode(r, d->inode->mark, i);
}

#endif
