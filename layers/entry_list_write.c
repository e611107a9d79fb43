/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/entry_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "layers/entry_list_header.h"
#include "schema/base/fd.h"
#include "schema/digest.h"
#include "schema/limits.h"

#define CHUNK_BYTES (64u << 10)

struct writer {
    int fd; /* borrowed */
    struct entry_list_header header;
    struct digest_hasher *hash;
    char path[LIMIT_PATH_BYTES + 1]; /* of the entry before */
    size_t path_len;
    unsigned char chunk[CHUNK_BYTES];
    size_t len;
};

static struct writer *writer_free(struct writer *w)
{
    if (w) {
        (void)digest_hasher_free(w->hash);
        free(w);
    }
    return NULL;
}

static void writer_freep(struct writer **w)
{
    *w = writer_free(*w);
}

static int flush(struct writer *w, struct imgc_err *reterr)
{
    int r = digest_hasher_update(w->hash, w->chunk, w->len, reterr);

    if (r == 0) {
        r = fd_write_all(w->fd, w->chunk, w->len, reterr);
    }
    w->header.list_size += w->len;
    w->len = 0;
    return r;
}

static int put_bytes(struct writer *w, const void *ptr, size_t len, struct imgc_err *reterr)
{
    const unsigned char *from = ptr;

    while (len > 0) {
        int r = w->len == CHUNK_BYTES ? flush(w, reterr) : 0;
        if (r < 0) {
            return r;
        }
        size_t n = CHUNK_BYTES - w->len < len ? CHUNK_BYTES - w->len : len;
        memcpy(w->chunk + w->len, from, n);
        w->len += n;
        from += n;
        len -= n;
    }
    return 0;
}

static int put_number(struct writer *w, uint64_t v, struct imgc_err *reterr)
{
    unsigned char bytes[ENTRY_LIST_NUMBER_MAX];
    size_t n = 0;

    do {
        bytes[n++] = (unsigned char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        v >>= 7;
    } while (v > 0);
    return put_bytes(w, bytes, n, reterr);
}

static int put_numbers(struct writer *w, const uint64_t *v, size_t n, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++) {
        r = put_number(w, v[i], reterr);
    }
    return r;
}

static int put_text(struct writer *w, const void *ptr, size_t len, struct imgc_err *reterr)
{
    int r = put_number(w, len, reterr);
    return r < 0 ? r : put_bytes(w, ptr, len, reterr);
}

/* @len is at most LIMIT_PATH_BYTES: the entry is a clean one. */
static int put_path(struct writer *w, const char *path, struct imgc_err *reterr)
{
    size_t len = strlen(path);
    size_t shared = 0;

    while (shared < len && shared < w->path_len && path[shared] == w->path[shared]) {
        shared++;
    }
    int r = put_number(w, shared, reterr);
    if (r == 0) {
        r = put_text(w, path + shared, len - shared, reterr);
    }
    memcpy(w->path + shared, path + shared, len - shared);
    w->path_len = len;
    return r;
}

static int put_extents(struct writer *w, const struct entry *e, struct imgc_err *reterr)
{
    const uint64_t head[] = { e->size, e->n_extents };
    uint64_t end = 0;
    int r = put_numbers(w, head, 2, reterr);

    for (size_t i = 0; r == 0 && i < e->n_extents; i++) {
        const struct extent *x = &e->extents[i];
        const uint64_t run[] = { x->file_offset - end, x->source_offset, x->len };
        r = put_numbers(w, run, 3, reterr);
        end = x->file_offset + x->len;
    }
    return r;
}

static int put_by_type(struct writer *w, const struct entry *e, struct imgc_err *reterr)
{
    const uint64_t device[] = { e->major, e->minor };

    switch (e->type) {
    case ENTRY_FILE:
        return put_extents(w, e, reterr);
    case ENTRY_SYMLINK:
        return put_text(w, e->target, strlen(e->target), reterr);
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
        return put_numbers(w, device, 2, reterr);
    case ENTRY_DIR:
    case ENTRY_FIFO:
    case ENTRY_HARDLINK:
        break;
    }
    return 0;
}

static int put_xattrs(struct writer *w, const struct entry *e, struct imgc_err *reterr)
{
    int r = put_number(w, e->n_xattrs, reterr);

    for (size_t i = 0; r == 0 && i < e->n_xattrs; i++) {
        const struct xattr *x = &e->xattrs[i];
        r = put_text(w, x->name, strlen(x->name), reterr);
        if (r == 0) {
            r = put_text(w, x->value, x->len, reterr);
        }
    }
    return r;
}

static int put_entry(struct writer *w, const struct entry *e, struct imgc_err *reterr)
{
    const unsigned char type = (unsigned char)e->type;
    const uint64_t attributes[] = { e->mode, e->uid, e->gid, entry_list_zigzag(e->mtime_s),
                                    e->mtime_ns };
    int r = put_bytes(w, &type, 1, reterr);

    if (r == 0) {
        r = put_path(w, e->path, reterr);
    }
    if (r < 0) {
        return r;
    }
    w->header.n_entries++;
    if (e->type == ENTRY_HARDLINK) {
        return put_text(w, e->target, strlen(e->target), reterr);
    }
    r = put_numbers(w, attributes, sizeof attributes / sizeof *attributes, reterr);
    if (r == 0) {
        r = put_by_type(w, e, reterr);
    }
    return r < 0 ? r : put_xattrs(w, e, reterr);
}

static int put_all(struct writer *w, struct source *src, struct imgc_err *reterr)
{
    int r;

    do {
        entry_auto struct entry e = ENTRY_INIT;
        r = src->next(src, &e, reterr);
        if (r == 0) {
            r = put_entry(w, &e, reterr);
        }
    } while (r == 0);
    return r < 0 ? r : flush(w, reterr);
}

/* Last, so that a list that was not finished has no header. */
static int put_header(struct writer *w, struct imgc_err *reterr)
{
    unsigned char raw[ENTRY_LIST_HEADER_BYTES];
    struct digest sum;

    entry_list_header_write(&w->header, raw);
    int r = digest_hasher_update(w->hash, raw, ENTRY_LIST_SUM_AT, reterr);
    if (r == 0) {
        r = digest_hasher_final(w->hash, &sum, reterr);
    }
    if (r < 0) {
        return r;
    }
    memcpy(raw + ENTRY_LIST_SUM_AT, sum.bytes, ENTRY_LIST_SUM_BYTES);
    if (lseek(w->fd, 0, SEEK_SET) < 0) {
        return imgc_fail_sys(reterr, errno, "write a layer's entry list");
    }
    return fd_write_all(w->fd, raw, sizeof raw, reterr);
}

int entry_list_write(struct source *src, uint64_t tar_size, int fd, struct imgc_err *reterr)
{
    imgc_auto(writer_freep) struct writer *w = malloc(sizeof *w);

    if (!w) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    w->fd = fd;
    w->header = (struct entry_list_header){ .tar_size = tar_size };
    w->hash = NULL;
    w->path_len = w->len = 0;
    int r = digest_hasher_new(DIGEST_SHA256, &w->hash, reterr);
    if (r < 0) {
        return r;
    }
    if (lseek(fd, ENTRY_LIST_HEADER_BYTES, SEEK_SET) < 0) {
        return imgc_fail_sys(reterr, errno, "write a layer's entry list");
    }
    r = put_all(w, src, reterr);
    return r < 0 ? r : put_header(w, reterr);
}
