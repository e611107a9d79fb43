/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of every kind that a file system image may have to hold: names of any bytes and length,
 * wide directories, sparse files, devices, xattrs, ACLs. What they are is drawn from a seed
 * (property tests) or from a fuzzer's bytes. No cmocka here.
 */
#ifndef IMGC_TESTS_LIB_ENTRY_GEN_H
#define IMGC_TESTS_LIB_ENTRY_GEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/tree.h"

#define ENTRY_GEN_DIRS 32
#define ENTRY_GEN_PATH 2048

struct entry_gen_limits {
    size_t entries;
    uint64_t tar_bytes;  /* what extents may point into */
    uint64_t hole_bytes; /* the largest hole */
    size_t xattr_bytes;  /* of all values of one inode: file systems hold little */
};

struct entry_gen {
    struct source source; /* first, so that a source is one of these */
    struct entry_gen_limits limits;
    const uint8_t *at, *end; /* the fuzzer's bytes; NULL: the seed */
    uint64_t seed;
    size_t made;
    uint64_t next_data; /* where the next file's data would stand in a tar */
    char dirs[ENTRY_GEN_DIRS][ENTRY_GEN_PATH];
    size_t n_dirs;
    char file[ENTRY_GEN_PATH]; /* one to link to */
};

static inline uint8_t entry_gen_byte(struct entry_gen *g)
{
    if (g->at) {
        return g->at < g->end ? *g->at++ : 0;
    }
    g->seed ^= g->seed >> 12;
    g->seed ^= g->seed << 25;
    g->seed ^= g->seed >> 27;
    return (uint8_t)((g->seed * UINT64_C(2685821657736338717)) >> 56);
}

static inline uint64_t entry_gen_number(struct entry_gen *g, uint64_t below)
{
    uint64_t v = 0;

    for (uint64_t n = below - 1; below > 1 && n > 0; n >>= 8) {
        v = v << 8 | entry_gen_byte(g);
    }
    return below > 1 ? v % below : 0;
}

/* One of a few small ones, or anything. */
static inline uint64_t entry_gen_size(struct entry_gen *g, uint64_t below)
{
    switch (entry_gen_byte(g) % 4) {
    case 0:
        return 0;
    case 1:
        return entry_gen_number(g, 32) * 512 % below;
    case 2:
        return entry_gen_number(g, 4096) % below;
    default:
        return entry_gen_number(g, below);
    }
}

/* NULL: zeros. */
static inline void *entry_gen_copy(const void *ptr, size_t len)
{
    void *copy = calloc(1, len > 0 ? len : 1);

    if (!copy) {
        abort();
    }
    if (ptr && len > 0) {
        memcpy(copy, ptr, len);
    }
    return copy;
}

static inline size_t entry_gen_name(struct entry_gen *g, char out[256])
{
    uint8_t kind = entry_gen_byte(g);
    size_t len = kind < 128   ? 1
                 : kind < 240 ? 1 + entry_gen_number(g, 24)
                              : 1 + entry_gen_number(g, 255);

    for (size_t i = 0; i < len; i++) {
        uint8_t c = entry_gen_byte(g);
        out[i] = (char)(kind < 200 ? '!' + c % 94 : c);
        if (out[i] == '/' || out[i] == '\0' || (out[i] == '.' && i < 2)) {
            out[i] = '_';
        }
    }
    out[len] = '\0';
    return len;
}

static inline void entry_gen_path(struct entry_gen *g, struct entry *e)
{
    const char *dir = g->n_dirs ? g->dirs[entry_gen_byte(g) % g->n_dirs] : "";
    char name[256];
    char path[ENTRY_GEN_PATH + 260];

    (void)entry_gen_name(g, name);
    (void)snprintf(path, sizeof path, "%s%s%s", dir, *dir ? "/" : "", name);
    e->path = entry_gen_copy(path, strlen(path) + 1);
    if (strlen(path) >= ENTRY_GEN_PATH) {
        return;
    }
    if (e->type == ENTRY_DIR) {
        size_t slot = g->n_dirs < ENTRY_GEN_DIRS ? g->n_dirs++ : entry_gen_byte(g) % ENTRY_GEN_DIRS;
        strcpy(g->dirs[slot], path);
    } else if (e->type == ENTRY_FILE && (g->file[0] == '\0' || entry_gen_byte(g) % 2)) {
        strcpy(g->file, path);
    }
}

static inline void entry_gen_extents(struct entry_gen *g, struct entry *e)
{
    struct imgc_err err;
    size_t n = entry_gen_byte(g) % 8;
    uint64_t at = 0;

    n = n < 4 ? 1 : n - 3;
    for (size_t i = 0; i < n; i++) {
        struct extent x;
        at += entry_gen_byte(g) % 2 ? 0 : entry_gen_size(g, g->limits.hole_bytes);
        x.file_offset = at;
        x.len = 1 + entry_gen_size(g, 20000);
        x.source_offset = entry_gen_byte(g) % 8 ? g->next_data : entry_gen_size(g, 30000);
        if (x.source_offset > g->limits.tar_bytes ||
            x.len > g->limits.tar_bytes - x.source_offset) {
            g->next_data = 0;
            break;
        }
        g->next_data = x.source_offset + x.len;
        at += x.len;
        if (entry_add_extent(e, &x, &err) < 0) {
            abort();
        }
    }
    g->next_data = (g->next_data + 511) / 512 * 512;
    e->size = at + (entry_gen_byte(g) % 4 ? 0 : entry_gen_size(g, g->limits.hole_bytes));
}

static inline void entry_gen_add_xattr(struct entry *e, const char *name, const void *value,
                                       size_t len)
{
    struct imgc_err err;

    if (entry_add_xattr(e, name, value, len, &err) < 0) {
        abort();
    }
}

/* user::mode, one named user, group and mask of the mode, other::mode. */
static inline void entry_gen_acl(struct entry_gen *g, struct entry *e, const char *name)
{
    const uint8_t perms[] = { (uint8_t)(e->mode >> 6 & 7), 5, 4, (uint8_t)(e->mode >> 3 & 7),
                              (uint8_t)(e->mode & 7) };
    static const uint8_t tags[] = { 0x01, 0x02, 0x04, 0x10, 0x20 };
    uint8_t value[4 + 8 * 5] = { 2 };

    for (size_t i = 0; i < 5; i++) {
        uint8_t *a = value + 4 + 8 * i;
        a[0] = tags[i];
        a[2] = perms[i];
        memset(a + 4, tags[i] == 0x02 ? 0 : 0xff, 4);
        a[4] = tags[i] == 0x02 ? entry_gen_byte(g) : 0xff;
    }
    entry_gen_add_xattr(e, name, value, sizeof value);
}

static inline void entry_gen_xattrs(struct entry_gen *g, struct entry *e)
{
    static const uint8_t caps[20] = { 0, 0, 0, 2, 0, 4 };
    static const char *const families[] = { "user.", "trusted.", "security.imgc." };
    size_t n = entry_gen_byte(g) % 16 < 12 ? 0 : entry_gen_byte(g) % 8;
    size_t left = g->limits.xattr_bytes;

    for (size_t i = 0; i < n; i++) {
        uint8_t kind = entry_gen_byte(g) % 8;
        char name[256 + 16], value[65535];
        size_t len = kind < 6 ? entry_gen_byte(g) % 8 : (size_t)entry_gen_size(g, 65536);
        if (kind == 0 && e->type == ENTRY_FILE) {
            entry_gen_add_xattr(e, "security.capability", caps, sizeof caps);
        } else if (kind == 1 && (e->type == ENTRY_FILE || e->type == ENTRY_DIR)) {
            entry_gen_acl(g, e, "system.posix_acl_access");
        } else if (kind == 2 && e->type == ENTRY_DIR) {
            entry_gen_acl(g, e, "system.posix_acl_default");
        } else if (len + 300 < left) {
            int used = snprintf(name, sizeof name, "%s", families[entry_gen_byte(g) % 3]);
            char tail[256];
            size_t tail_len = entry_gen_name(g, tail);
            (void)snprintf(name + used, sizeof name - (size_t)used, "%.*s", (int)tail_len, tail);
            memset(value, 'v', len);
            entry_gen_add_xattr(e, name, value, len);
            left -= len + strlen(name) + 20;
        }
    }
    entry_sort_xattrs(e);
}

/* Long ones have no '/': nobody can go through them, which would make paths over PATH_MAX. */
static inline void entry_gen_target(struct entry_gen *g, struct entry *e)
{
    bool is_long = entry_gen_byte(g) % 2;
    size_t len = 1 + (is_long ? entry_gen_number(g, 4095) : entry_gen_number(g, 40));

    e->target = entry_gen_copy(NULL, len + 1);
    for (size_t i = 0; i < len; i++) {
        e->target[i] = (char)(!is_long && i % 20 == 7 ? '/' : 'a' + (char)((i + len) % 26));
    }
}

static inline void entry_gen_attributes(struct entry_gen *g, struct entry *e)
{
    static const uint32_t ids[] = { 0, 0, 0, 1, 1000, 65535, 65536, UINT32_MAX - 1 };

    e->mode = (uint32_t)entry_gen_number(g, 010000);
    e->uid = ids[entry_gen_byte(g) % 8];
    e->gid = ids[entry_gen_byte(g) % 8];
    e->mtime_s = 1700000000;
    if (entry_gen_byte(g) % 2) {
        e->mtime_s = (int64_t)entry_gen_number(g, 4000000000) - 1000000000;
        e->mtime_ns = (uint32_t)entry_gen_number(g, 1000000000);
    }
}

static inline enum entry_type entry_gen_type(struct entry_gen *g)
{
    static const enum entry_type types[16] = {
        ENTRY_FILE,    ENTRY_FILE,    ENTRY_FILE,     ENTRY_FILE,     ENTRY_FILE, ENTRY_FILE,
        ENTRY_DIR,     ENTRY_DIR,     ENTRY_DIR,      ENTRY_HARDLINK, ENTRY_CHAR, ENTRY_BLOCK,
        ENTRY_SYMLINK, ENTRY_SYMLINK, ENTRY_HARDLINK, ENTRY_FIFO,
    };
    enum entry_type type = types[entry_gen_byte(g) % 16];

    return type == ENTRY_HARDLINK && g->file[0] == '\0' ? ENTRY_FIFO : type;
}

static inline int entry_gen_next(struct source *src, struct entry *ret, struct imgc_err *reterr)
{
    struct entry_gen *g = (struct entry_gen *)src;
    (void)reterr;

    if (g->made == g->limits.entries || (g->at && g->at == g->end)) {
        return SOURCE_END;
    }
    g->made++;
    *ret = (struct entry){ .type = entry_gen_type(g) };
    entry_gen_path(g, ret);
    if (ret->type == ENTRY_HARDLINK) {
        ret->target = entry_gen_copy(g->file, strlen(g->file) + 1);
        return 0;
    }
    entry_gen_attributes(g, ret);
    entry_gen_xattrs(g, ret);
    if (ret->type == ENTRY_FILE) {
        entry_gen_extents(g, ret);
    } else if (ret->type == ENTRY_SYMLINK) {
        entry_gen_target(g, ret);
    } else if (ret->type == ENTRY_CHAR || ret->type == ENTRY_BLOCK) {
        ret->major = 1 + (uint32_t)entry_gen_number(g, 0xfff);
        ret->minor = (uint32_t)entry_gen_number(g, 0x100000);
    }
    return 0;
}

/* Apply what comes out as one layer. */
static inline int entry_gen_apply(struct entry_gen *g, struct tree *t, struct imgc_err *reterr)
{
    g->source.next = entry_gen_next;
    return tree_apply(t, &g->source, reterr);
}

#endif
