/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random layers from a seed: few names, so that entries replace, hide, link and go through links
 * to each other all the time. Include after unit.h.
 */
#ifndef IMGC_TESTS_LIB_LAYER_GEN_H
#define IMGC_TESTS_LIB_LAYER_GEN_H

#include "layers/tree.h"

#define LAYER_GEN_ENTRIES 24
#define LAYER_GEN_DATA 65536 /* bytes that the file behind all extents has */

struct layer_gen_entry {
    enum entry_type type;
    char path[160], target[160];
    uint32_t mode, uid, gid, mtime_ns;
    int64_t mtime_s;
    struct extent extents[2];
    size_t n_extents;
    uint64_t size;
    char xattr[32]; /* "" for none */
    char value[20];
    size_t value_len;
};

struct layer_gen {
    struct layer_gen_entry entries[LAYER_GEN_ENTRIES];
    size_t n;
};

/* xorshift64*: the same everywhere, unlike rand(). */
static inline uint32_t layer_gen_random(uint64_t *seed, uint32_t below)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return (uint32_t)((*seed * UINT64_C(2685821657736338717)) >> 33) % below;
}

static inline void layer_gen_path(uint64_t *seed, char out[64])
{
    uint32_t depth = 1 + layer_gen_random(seed, 4);

    out[0] = '\0';
    for (uint32_t i = 0; i < depth; i++) {
        char name[3] = { '/', (char)('a' + layer_gen_random(seed, 4)), '\0' };
        strcat(out, i == 0 ? name + 1 : name);
    }
}

static inline void layer_gen_data(struct layer_gen_entry *e, uint64_t *seed)
{
    uint64_t at = 0;

    e->n_extents = layer_gen_random(seed, 3);
    for (size_t i = 0; i < e->n_extents; i++) {
        at += layer_gen_random(seed, 2) ? 0 : 1 + layer_gen_random(seed, 9000);
        uint64_t len = 1 + layer_gen_random(seed, 3000);
        e->extents[i] = (struct extent){
            .file_offset = at,
            .source_offset = layer_gen_random(seed, LAYER_GEN_DATA - 3000),
            .len = len,
        };
        at += len;
    }
    e->size = at + (layer_gen_random(seed, 4) ? 0 : layer_gen_random(seed, 9000));
}

static inline void layer_gen_xattr(struct layer_gen_entry *e, uint64_t *seed)
{
    static const char caps[20] = { 0, 0, 0, 2, 0, 4 }; /* revision 2, CAP_NET_BIND_SERVICE */

    if (e->type == ENTRY_FILE && layer_gen_random(seed, 8) == 0) {
        strcpy(e->xattr, "security.capability");
        memcpy(e->value, caps, sizeof caps);
        e->value_len = sizeof caps;
    } else if ((e->type == ENTRY_FILE || e->type == ENTRY_DIR) && layer_gen_random(seed, 6) == 0) {
        strcpy(e->xattr, "user.k");
        e->value_len = layer_gen_random(seed, 5);
        memset(e->value, 'v', e->value_len);
    }
}

static inline void layer_gen_target(struct layer_gen_entry *e, uint64_t *seed)
{
    static const char *const before[] = { "", "/", "../", "./", "../../" };
    char path[64];

    layer_gen_path(seed, path);
    (void)snprintf(e->target, sizeof e->target, "%s%s",
                   e->type == ENTRY_SYMLINK ? before[layer_gen_random(seed, 5)] : "", path);
}

static inline void layer_gen_entry(struct layer_gen_entry *e, uint64_t *seed)
{
    uint32_t kind = layer_gen_random(seed, 100);
    char path[64];

    *e = (struct layer_gen_entry){ .type = ENTRY_FILE, .mode = 0644 };
    layer_gen_path(seed, path);
    (void)snprintf(e->path, sizeof e->path, "%s", path);
    e->uid = layer_gen_random(seed, 3) ? 0 : 1000;
    e->gid = layer_gen_random(seed, 3) ? 0 : 7;
    e->mtime_s = layer_gen_random(seed, 2000000000);
    e->mtime_ns = layer_gen_random(seed, 1000000000);
    if (kind < 25) {
        static const uint32_t modes[] = { 0755, 0700, 0555, 01777, 02755, 0 };
        e->type = ENTRY_DIR;
        e->mode = modes[layer_gen_random(seed, 6)];
    } else if (kind < 50) {
        static const uint32_t modes[] = { 0644, 0755, 04755, 02711, 0400, 0 };
        e->mode = modes[layer_gen_random(seed, 6)];
        layer_gen_data(e, seed);
    } else if (kind < 60) {
        e->type = ENTRY_SYMLINK;
        e->mode = 0777;
        layer_gen_target(e, seed);
    } else if (kind < 74) {
        e->type = ENTRY_HARDLINK;
        layer_gen_target(e, seed);
    } else if (kind < 77) {
        e->type = ENTRY_FIFO;
    } else {
        char *base = strrchr(path, '/');
        (void)snprintf(e->path, sizeof e->path, "%.*s%s.wh.%s", base ? (int)(base - path) : 0, path,
                       base ? "/" : "", kind < 86 ? ".wh..opq" : (base ? base + 1 : path));
        return;
    }
    layer_gen_xattr(e, seed);
}

static inline void layer_gen_make(struct layer_gen *l, uint64_t *seed)
{
    l->n = layer_gen_random(seed, LAYER_GEN_ENTRIES + 1);
    for (size_t i = 0; i < l->n; i++) {
        layer_gen_entry(&l->entries[i], seed);
    }
}

struct layer_gen_source {
    struct source source; /* first, so that a source is one of these */
    const struct layer_gen *layer;
    size_t next;
};

static inline void *layer_gen_copy(const void *ptr, size_t len)
{
    void *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, ptr, len);
    return copy;
}

static inline int layer_gen_next(struct source *src, struct entry *ret, struct imgc_err *reterr)
{
    struct layer_gen_source *s = (struct layer_gen_source *)src;
    (void)reterr;

    if (s->next == s->layer->n) {
        return SOURCE_END;
    }
    const struct layer_gen_entry *e = &s->layer->entries[s->next++];
    *ret = (struct entry){
        .type = e->type,
        .path = layer_gen_copy(e->path, strlen(e->path) + 1),
        .mode = e->mode,
        .uid = e->uid,
        .gid = e->gid,
        .mtime_s = e->mtime_s,
        .mtime_ns = e->mtime_ns,
        .size = e->size,
    };
    if (e->target[0]) {
        ret->target = layer_gen_copy(e->target, strlen(e->target) + 1);
    }
    if (e->n_extents) {
        ret->extents = layer_gen_copy(e->extents, e->n_extents * sizeof *e->extents);
        ret->n_extents = e->n_extents;
    }
    if (e->xattr[0]) {
        struct xattr x = { .name = layer_gen_copy(e->xattr, strlen(e->xattr) + 1),
                           .value = layer_gen_copy(e->value, e->value_len),
                           .len = e->value_len };
        ret->xattrs = layer_gen_copy(&x, sizeof x);
        ret->n_xattrs = 1;
    }
    return 0;
}

static inline int layer_gen_apply(struct tree *t, const struct layer_gen *l,
                                  struct imgc_err *reterr)
{
    struct layer_gen_source s = { .source = { layer_gen_next }, .layer = l };
    return tree_apply(t, &s.source, reterr);
}

/* Put a layer on top of the ones before that the tree accepts: no hard link to nothing. */
static inline void layer_gen_stack(struct layer_gen *layers, size_t n, uint64_t *seed)
{
    for (size_t i = 0; i < n;) {
        struct imgc_err err;
        struct tree *t = NULL;
        assert_ok(tree_new(&t, &err), err);
        for (size_t k = 0; k < i; k++) {
            assert_ok(layer_gen_apply(t, &layers[k], &err), err);
        }
        layer_gen_make(&layers[i], seed);
        i += layer_gen_apply(t, &layers[i], &err) == 0;
        tree_freep(&t);
    }
}

#endif
