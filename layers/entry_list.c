/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/entry_list.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layers/entry_list_header.h"
#include "schema/digest.h"
#include "schema/limits.h"

#define CHUNK_BYTES (64u << 10)

struct entry_list {
    struct source source; /* first: a source of ours is an entry_list */
    int fd;               /* borrowed */
    struct entry_list_header header;
    uint64_t n_read; /* entries */
    uint64_t at;     /* of the file: behind what is in @chunk */
    size_t used, len;
    char path[LIMIT_PATH_BYTES + 1]; /* of the entry before */
    size_t path_len;
    unsigned char chunk[CHUNK_BYTES];
};

/* The list passed its checksum, so these are bytes that a broken imgc wrote. */
static int bad(struct imgc_err *reterr, const char *what)
{
    return imgc_fail(reterr, IMGC_E_STORE, "the layer's entry list is wrong: %s", what);
}

/* @return 0 with *ret_len bytes, none at the end of the file. */
static int read_at(int fd, void *ptr, size_t len, uint64_t at, size_t *ret_len,
                   struct imgc_err *reterr)
{
    for (;;) {
        ssize_t n = pread(fd, ptr, len, (off_t)at);
        if (n >= 0) {
            *ret_len = (size_t)n;
            return 0;
        }
        if (errno != EINTR) {
            return imgc_fail_sys(reterr, errno, "read a layer's entry list");
        }
    }
}

static int refill(struct entry_list *l, struct imgc_err *reterr)
{
    uint64_t left = ENTRY_LIST_HEADER_BYTES + l->header.list_size - l->at;
    size_t want = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;

    l->used = l->len = 0;
    int r = want ? read_at(l->fd, l->chunk, want, l->at, &l->len, reterr) : 0;
    if (r < 0) {
        return r;
    }
    l->at += l->len;
    return l->len ? 0 : bad(reterr, "it ends within an entry");
}

static int get_byte(struct entry_list *l, unsigned char *ret, struct imgc_err *reterr)
{
    if (l->used == l->len) {
        int r = refill(l, reterr);
        if (r < 0) {
            return r;
        }
    }
    *ret = l->chunk[l->used++];
    return 0;
}

static int get_bytes(struct entry_list *l, void *ptr, size_t len, struct imgc_err *reterr)
{
    unsigned char *to = ptr;

    while (len > 0) {
        int r = l->used == l->len ? refill(l, reterr) : 0;
        if (r < 0) {
            return r;
        }
        size_t n = l->len - l->used < len ? l->len - l->used : len;
        memcpy(to, l->chunk + l->used, n);
        l->used += n;
        to += n;
        len -= n;
    }
    return 0;
}

/* A number up to @max. */
static int get_number(struct entry_list *l, uint64_t max, uint64_t *ret, struct imgc_err *reterr)
{
    uint64_t value = 0;
    unsigned char byte = 0;
    unsigned shift = 0;

    do {
        int r = get_byte(l, &byte, reterr);
        if (r < 0) {
            return r;
        }
        if (shift > 63 || (shift == 63 && byte > 1) || (shift > 0 && byte == 0)) {
            return bad(reterr, "a number is not written as it should be");
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (value > max) {
        return bad(reterr, "a number is out of range");
    }
    *ret = value;
    return 0;
}

static int get_u32(struct entry_list *l, uint32_t max, uint32_t *ret, struct imgc_err *reterr)
{
    uint64_t value = 0;
    int r = get_number(l, max, &value, reterr);

    *ret = (uint32_t)value;
    return r;
}

/* A text of at least one byte and at most @max, without NULs. @ret  caller frees. */
static int get_text(struct entry_list *l, size_t max, char **ret, struct imgc_err *reterr)
{
    uint64_t len = 0;
    int r = get_number(l, max, &len, reterr);

    if (r < 0) {
        return r;
    }
    if (len == 0) {
        return bad(reterr, "a text is empty");
    }
    imgc_autofree char *text = malloc((size_t)len + 1);
    if (!text) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    r = get_bytes(l, text, (size_t)len, reterr);
    if (r < 0) {
        return r;
    }
    text[len] = '\0';
    if (strlen(text) != len) {
        return bad(reterr, "a text with a NUL byte in it");
    }
    *ret = imgc_take(text);
    return 0;
}

static int get_path(struct entry_list *l, struct entry *e, struct imgc_err *reterr)
{
    uint64_t shared = 0, rest = 0;
    int r = get_number(l, l->path_len, &shared, reterr);

    if (r == 0) {
        r = get_number(l, LIMIT_PATH_BYTES - shared, &rest, reterr);
    }
    if (r < 0) {
        return r;
    }
    const char before = l->path[shared];
    r = get_bytes(l, l->path + shared, (size_t)rest, reterr);
    if (r < 0) {
        return r;
    }
    if (rest > 0 && l->path[shared] == before) {
        return bad(reterr, "a path shares more than it says");
    }
    l->path_len = (size_t)(shared + rest);
    l->path[l->path_len] = '\0';
    const struct imgc_str path = { l->path, l->path_len };
    return entry_is_clean_path(path) ? imgc_str_dup(path, &e->path, reterr)
                                     : bad(reterr, "a path is not clean");
}

static int get_extent(struct entry_list *l, struct entry *e, uint64_t *end, struct imgc_err *reterr)
{
    struct extent x = { .file_offset = 0 };
    uint64_t gap = 0;
    int r = get_number(l, e->size - *end, &gap, reterr);

    x.file_offset = *end + gap;
    if (r == 0) {
        r = get_number(l, l->header.tar_size, &x.source_offset, reterr);
    }
    if (r == 0) {
        r = get_number(l, l->header.tar_size - x.source_offset, &x.len, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (x.len == 0 || x.len > e->size - x.file_offset) {
        return bad(reterr, "data outside of the file");
    }
    *end = x.file_offset + x.len;
    return entry_add_extent(e, &x, reterr);
}

static int get_extents(struct entry_list *l, struct entry *e, struct imgc_err *reterr)
{
    uint64_t n = 0;
    uint64_t end = 0;
    int r = get_number(l, INT64_MAX, &e->size, reterr);

    if (r == 0) {
        r = get_number(l, ENTRY_EXTENTS_MAX, &n, reterr);
    }
    for (uint64_t i = 0; r == 0 && i < n; i++) {
        r = get_extent(l, e, &end, reterr);
    }
    return r == 0 && e->n_extents != n ? bad(reterr, "extents that are one") : r;
}

/* The value of an xattr goes through one buffer of its own, for entry_add_xattr() copies it. */
static int get_xattr(struct entry_list *l, struct entry *e, struct imgc_err *reterr)
{
    imgc_autofree char *name = NULL;
    imgc_autofree unsigned char *value = NULL;
    const char *before = e->n_xattrs ? e->xattrs[e->n_xattrs - 1].name : NULL;
    uint64_t len = 0;
    int r = get_text(l, LIMIT_NAME_BYTES, &name, reterr);

    if (r == 0) {
        r = get_number(l, LIMIT_XATTR_BYTES, &len, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (!entry_keeps_xattr(name) || (before && strcmp(before, name) >= 0)) {
        return bad(reterr, "an xattr that no entry has");
    }
    value = malloc(len ? (size_t)len : 1);
    if (!value) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    r = get_bytes(l, value, (size_t)len, reterr);
    return r < 0 ? r : entry_add_xattr(e, name, value, (size_t)len, reterr);
}

static int get_xattrs(struct entry_list *l, struct entry *e, struct imgc_err *reterr)
{
    uint64_t n = 0;
    int r = get_number(l, LIMIT_XATTRS_PER_ENTRY, &n, reterr);

    for (uint64_t i = 0; r == 0 && i < n; i++) {
        r = get_xattr(l, e, reterr);
    }
    return r;
}

static int get_attributes(struct entry_list *l, struct entry *e, struct imgc_err *reterr)
{
    uint64_t mtime = 0;
    int r = get_u32(l, 07777, &e->mode, reterr);

    if (r == 0) {
        r = get_u32(l, UINT32_MAX - 1, &e->uid, reterr);
    }
    if (r == 0) {
        r = get_u32(l, UINT32_MAX - 1, &e->gid, reterr);
    }
    if (r == 0) {
        r = get_number(l, UINT64_MAX, &mtime, reterr);
    }
    e->mtime_s = entry_list_unzigzag(mtime);
    return r < 0 ? r : get_u32(l, 999999999, &e->mtime_ns, reterr);
}

static int get_by_type(struct entry_list *l, struct entry *e, struct imgc_err *reterr)
{
    int r = 0;

    switch (e->type) {
    case ENTRY_FILE:
        return get_extents(l, e, reterr);
    case ENTRY_SYMLINK:
        return get_text(l, LIMIT_PATH_BYTES, &e->target, reterr);
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
        r = get_u32(l, ENTRY_MAJOR_MAX, &e->major, reterr);
        return r < 0 ? r : get_u32(l, ENTRY_MINOR_MAX, &e->minor, reterr);
    case ENTRY_DIR:
    case ENTRY_FIFO:
    case ENTRY_HARDLINK:
        break;
    }
    return 0;
}

/* The root is a target that a tar can name, if not one that a tree takes: it is "". */
static int get_link(struct entry_list *l, struct entry *e, struct imgc_err *reterr)
{
    uint64_t len = 0;
    char target[LIMIT_PATH_BYTES + 1];
    int r = get_number(l, LIMIT_PATH_BYTES, &len, reterr);

    if (r == 0) {
        r = get_bytes(l, target, (size_t)len, reterr);
    }
    if (r < 0) {
        return r;
    }
    const struct imgc_str text = { target, (size_t)len };
    return entry_is_clean_path(text) ? imgc_str_dup(text, &e->target, reterr)
                                     : bad(reterr, "the target of a hard link is not clean");
}

static int get_entry(struct entry_list *l, struct entry *e, struct imgc_err *reterr)
{
    unsigned char type = 0;
    int r = get_byte(l, &type, reterr);

    if (r < 0) {
        return r;
    }
    if (type > ENTRY_FIFO) {
        return bad(reterr, "an unknown type");
    }
    e->type = (enum entry_type)type;
    r = get_path(l, e, reterr);
    if (r < 0) {
        return r;
    }
    if (e->type == ENTRY_HARDLINK) {
        return get_link(l, e, reterr);
    }
    r = get_attributes(l, e, reterr);
    if (r == 0) {
        r = get_by_type(l, e, reterr);
    }
    return r < 0 ? r : get_xattrs(l, e, reterr);
}

static int list_next(struct source *src, struct entry *ret, struct imgc_err *reterr)
{
    struct entry_list *l = (struct entry_list *)src;
    entry_auto struct entry e = ENTRY_INIT;

    if (l->n_read == l->header.n_entries) {
        bool is_over = l->used == l->len && l->at == ENTRY_LIST_HEADER_BYTES + l->header.list_size;
        return is_over ? SOURCE_END : bad(reterr, "bytes behind the last entry");
    }
    int r = get_entry(l, &e, reterr);
    if (r < 0) {
        return r;
    }
    l->n_read++;
    *ret = e;
    e = (struct entry)ENTRY_INIT;
    return 0;
}

/* sha256 of the list, by way of the chunk. @return 0; ENTRY_LIST_STALE where the file is shorter
 * than its header says. */
static int hash_list(struct entry_list *l, struct digest_hasher *h, struct imgc_err *reterr)
{
    uint64_t at = ENTRY_LIST_HEADER_BYTES;
    uint64_t left = l->header.list_size;

    while (left > 0) {
        size_t n = 0;
        size_t want = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
        int r = read_at(l->fd, l->chunk, want, at, &n, reterr);
        if (r == 0 && n == 0) {
            return ENTRY_LIST_STALE;
        }
        if (r == 0) {
            r = digest_hasher_update(h, l->chunk, n, reterr);
        }
        if (r < 0) {
            return r;
        }
        at += n;
        left -= n;
    }
    return 0;
}

static int check_sum(struct entry_list *l, const unsigned char *raw, struct imgc_err *reterr)
{
    imgc_auto(digest_hasher_freep) struct digest_hasher *h = NULL;
    struct digest got;
    int r = digest_hasher_new(DIGEST_SHA256, &h, reterr);

    if (r == 0) {
        r = hash_list(l, h, reterr);
    }
    if (r == 0) {
        r = digest_hasher_update(h, raw, ENTRY_LIST_SUM_AT, reterr);
    }
    if (r == 0) {
        r = digest_hasher_final(h, &got, reterr);
    }
    if (r == 0 && memcmp(got.bytes, raw + ENTRY_LIST_SUM_AT, ENTRY_LIST_SUM_BYTES) != 0) {
        r = ENTRY_LIST_STALE;
    }
    return r;
}

/* @return 0; ENTRY_LIST_STALE. */
static int check(struct entry_list *l, uint64_t tar_size, struct imgc_err *reterr)
{
    unsigned char raw[ENTRY_LIST_HEADER_BYTES];
    struct stat st;
    size_t n = 0;

    if (fstat(l->fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "read a layer's entry list");
    }
    int r = read_at(l->fd, raw, sizeof raw, 0, &n, reterr);
    if (r < 0) {
        return r;
    }
    if (n != sizeof raw || !entry_list_header_read(raw, &l->header) ||
        l->header.tar_size != tar_size || l->header.n_entries > LIMIT_LAYER_ENTRIES ||
        (uint64_t)st.st_size - sizeof raw != l->header.list_size) {
        return ENTRY_LIST_STALE;
    }
    return check_sum(l, raw, reterr);
}

int entry_list_open(int fd, uint64_t tar_size, struct entry_list **ret, struct imgc_err *reterr)
{
    imgc_auto(entry_list_freep) struct entry_list *l = malloc(sizeof *l);

    if (!l) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    l->source.next = list_next;
    l->fd = fd;
    l->n_read = 0;
    l->at = ENTRY_LIST_HEADER_BYTES;
    l->used = l->len = l->path_len = 0;
    l->path[0] = '\0';
    int r = check(l, tar_size, reterr);
    if (r == 0) {
        *ret = imgc_take(l);
    }
    return r;
}

struct entry_list *entry_list_free(struct entry_list *l)
{
    free(l);
    return NULL;
}

void entry_list_freep(struct entry_list **l)
{
    *l = entry_list_free(*l);
}

struct source *entry_list_entries(struct entry_list *l)
{
    return &l->source;
}
