/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/erofs_chunk.h"

#include "layers/erofs_format.h"

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t blocks_of(uint64_t bytes)
{
    return bytes / EROFS_BLOCK + (bytes % EROFS_BLOCK != 0);
}

static uint64_t end_of(const struct extent *x)
{
    return x->file_offset + x->len;
}

int erofs_chunk_check(const struct tree_inode *inode, uint64_t tar_bytes, struct imgc_err *reterr)
{
    uint64_t end = 0;

    if (inode->size > INT64_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a file of %llu bytes",
                         (unsigned long long)inode->size);
    }
    for (size_t i = 0; i < inode->n_extents; i++) {
        const struct extent *x = &inode->extents[i];
        uint64_t x_end, source_end;
        if (x->len == 0 || x->file_offset < end ||
            __builtin_add_overflow(x->file_offset, x->len, &x_end) || x_end > inode->size) {
            return imgc_fail(reterr, IMGC_E_LAYER, "data outside the file");
        }
        if (__builtin_add_overflow(x->source_offset, x->len, &source_end) ||
            source_end > tar_bytes) {
            return imgc_fail(reterr, IMGC_E_LAYER, "the layer's tar ends too early");
        }
        end = x_end;
    }
    return 0;
}

/* Whether whole blocks of the file are whole blocks of the tar. */
static bool is_aligned(const struct extent *x)
{
    return x->source_offset % EROFS_BLOCK == x->file_offset % EROFS_BLOCK;
}

static uint64_t chunk_bytes(unsigned bits)
{
    return (uint64_t)EROFS_BLOCK << bits;
}

/* Blocks of chunk @i; the last may be shorter than the others. */
static uint64_t chunk_blocks(const struct tree_inode *inode, unsigned bits, uint64_t i)
{
    uint64_t start = i << bits;

    return min_u64((uint64_t)1 << bits, blocks_of(inode->size) - start);
}

static uint64_t chunk_count(const struct tree_inode *inode, unsigned bits)
{
    uint64_t blocks = blocks_of(inode->size);

    return (blocks >> bits) + ((blocks & (((uint64_t)1 << bits) - 1)) != 0);
}

/* The chunks first..past that @x fills alone, so that they can stay in the tar. A hole behind the
 * data would show what follows in the tar; at the end of the file the kernel cuts. */
static void filled_chunks(const struct tree_inode *inode, const struct extent *x, unsigned bits,
                          uint64_t *ret_first, uint64_t *ret_past)
{
    uint64_t bytes = chunk_bytes(bits);
    uint64_t first = x->file_offset / bytes + (x->file_offset % bytes != 0);
    uint64_t past = end_of(x) == inode->size ? chunk_count(inode, bits) : end_of(x) / bytes;

    *ret_first = first;
    *ret_past = is_aligned(x) && past > first ? past : first;
}

/* Blocks that must be copied with chunks of this size. */
static uint64_t copied_blocks(const struct tree_inode *inode, unsigned bits)
{
    uint64_t bytes = chunk_bytes(bits);
    uint64_t last = chunk_count(inode, bits) - 1;
    uint64_t next = 0; /* chunks before it are counted */
    uint64_t chunks = 0;
    bool has_last = false;

    for (size_t i = 0; i < inode->n_extents; i++) {
        const struct extent *x = &inode->extents[i];
        uint64_t from = x->file_offset / bytes;
        uint64_t past = (end_of(x) - 1) / bytes + 1;
        uint64_t first_filled, past_filled;
        filled_chunks(inode, x, bits, &first_filled, &past_filled);
        from = from < next ? next : from;
        if (past > from) {
            uint64_t n_filled = past_filled - first_filled;
            chunks += past - from - n_filled;
            has_last = has_last || (past == last + 1 && (n_filled == 0 || past_filled < past));
        }
        next = past;
    }
    if (!has_last) {
        return chunks << bits;
    }
    return ((chunks - 1) << bits) + chunk_blocks(inode, bits, last);
}

static unsigned bits_for(uint64_t blocks)
{
    unsigned bits = 0;

    while (bits < EROFS_CHUNK_BITS_MAX && ((uint64_t)1 << bits) < blocks) {
        bits++;
    }
    return bits;
}

struct erofs_chunks erofs_chunk_plan(const struct tree_inode *inode)
{
    struct erofs_chunks best = { .bits = bits_for(blocks_of(inode->size)) };
    uint64_t best_cost = UINT64_MAX;

    if (inode->size == 0) {
        return best;
    }
    for (unsigned bits = best.bits + 1; bits-- > 0;) {
        uint64_t count = chunk_count(inode, bits);
        uint64_t index_bytes = count * sizeof(struct erofs_chunk_index);
        if (index_bytes >= best_cost) {
            break; /* and smaller chunks need more of them */
        }
        uint64_t copied = copied_blocks(inode, bits);
        uint64_t cost = index_bytes + copied * EROFS_BLOCK;
        if (cost < best_cost) {
            best = (struct erofs_chunks){ .bits = bits, .count = count, .copied_blocks = copied };
            best_cost = cost;
        }
    }
    return best;
}

enum chunk_kind { CHUNK_HOLE, CHUNK_IN_TAR, CHUNK_COPIED };

/* Walks the chunks of a file in order. */
struct cursor {
    const struct tree_inode *inode;
    unsigned bits;
    size_t extent; /* the first that ends behind the chunk's start */
};

static enum chunk_kind kind_of(struct cursor *c, uint64_t chunk)
{
    uint64_t bytes = chunk_bytes(c->bits);
    uint64_t start = chunk * bytes;
    uint64_t end = min_u64(start + bytes, c->inode->size);
    const struct extent *x = c->inode->extents;
    uint64_t first_filled, past_filled;

    while (c->extent < c->inode->n_extents && end_of(&x[c->extent]) <= start) {
        c->extent++;
    }
    if (c->extent == c->inode->n_extents || x[c->extent].file_offset >= end) {
        return CHUNK_HOLE;
    }
    filled_chunks(c->inode, &x[c->extent], c->bits, &first_filled, &past_filled);
    return chunk >= first_filled && chunk < past_filled ? CHUNK_IN_TAR : CHUNK_COPIED;
}

/* The tar's block where @chunk of a run starts. */
static uint32_t tar_block(const struct cursor *c, uint64_t chunk)
{
    const struct extent *x = &c->inode->extents[c->extent];
    uint64_t skipped = chunk * chunk_bytes(c->bits) - x->file_offset;

    return (uint32_t)((x->source_offset + skipped) / EROFS_BLOCK);
}

int erofs_chunk_write(const struct tree_inode *inode, const struct erofs_chunks *c, uint16_t device,
                      uint32_t copied_block, struct erofs_out *out, struct imgc_err *reterr)
{
    struct cursor cursor = { .inode = inode, .bits = c->bits };

    for (uint64_t i = 0; i < c->count; i++) {
        struct erofs_chunk_index index = { .block = EROFS_HOLE };
        switch (kind_of(&cursor, i)) {
        case CHUNK_HOLE:
            break;
        case CHUNK_IN_TAR:
            index.device = htole16(device);
            index.block = htole32(tar_block(&cursor, i));
            break;
        case CHUNK_COPIED:
            index.block = htole32(copied_block);
            copied_block += (uint32_t)chunk_blocks(inode, c->bits, i);
            break;
        }
        int r = erofs_out_add(out, &index, sizeof index, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* One chunk's bytes, holes as zeros, up to the end of its last block. */
static int copy_chunk(const struct cursor *c, uint64_t chunk, struct tar_data *tar,
                      struct erofs_out *out, struct imgc_err *reterr)
{
    const struct tree_inode *inode = c->inode;
    uint64_t start = chunk * chunk_bytes(c->bits);
    uint64_t bytes = chunk_blocks(inode, c->bits, chunk) * EROFS_BLOCK;
    uint64_t base = out->at;

    for (size_t i = c->extent; i < inode->n_extents; i++) {
        const struct extent *x = &inode->extents[i];
        if (x->file_offset >= start + bytes) {
            break;
        }
        uint64_t from = x->file_offset > start ? x->file_offset : start;
        uint64_t to = min_u64(end_of(x), start + bytes);
        int r = erofs_out_pad(out, base + (from - start), reterr);
        if (r >= 0) {
            r = erofs_out_copy(out, tar, x->source_offset + (from - x->file_offset), to - from,
                               reterr);
        }
        if (r < 0) {
            return r;
        }
    }
    return erofs_out_pad(out, base + bytes, reterr);
}

int erofs_chunk_copy(const struct tree_inode *inode, const struct erofs_chunks *c,
                     struct tar_data *tar, struct erofs_out *out, struct imgc_err *reterr)
{
    struct cursor cursor = { .inode = inode, .bits = c->bits };

    if (c->copied_blocks == 0) {
        return 0;
    }
    for (uint64_t i = 0; i < c->count; i++) {
        if (kind_of(&cursor, i) == CHUNK_COPIED) {
            int r = copy_chunk(&cursor, i, tar, out, reterr);
            if (r < 0) {
                return r;
            }
        }
    }
    return 0;
}
