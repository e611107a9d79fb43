/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/punch_map.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "schema/base/buf.h"
#include "schema/base/fd.h"
#include "schema/digest.h"
#include "schema/limits.h"

#define VERSION 1

/* All numbers little-endian. After the header come the runs, then the paths, each with a NUL, then
 * the SHA-256 of all before it. */
static const char magic[8] = { 'i', 'm', 'g', 'c', 'p', 'n', 'c', 'h' };

struct header {
    char magic[8];
    uint32_t version, reserved;
    uint64_t tar_size;
    uint64_t n_runs;
    uint64_t path_bytes;
};

struct record {
    uint64_t tar_offset, len, file_offset;
    uint32_t path_offset, path_len; /* in the paths; without the NUL */
    uint32_t crc, reserved;
};

#define SUM_BYTES 32
_Static_assert(sizeof(struct header) == 40, "a file format");
_Static_assert(sizeof(struct record) == 40, "a file format");

static int damaged(struct imgc_err *reterr, const char *what)
{
    return imgc_fail(reterr, IMGC_E_STORE, "the map of a punched layer is damaged: %s", what);
}

static void read_header(const uint8_t *bytes, struct header *ret)
{
    memcpy(ret, bytes, sizeof *ret);
    ret->version = le32toh(ret->version);
    ret->reserved = le32toh(ret->reserved);
    ret->tar_size = le64toh(ret->tar_size);
    ret->n_runs = le64toh(ret->n_runs);
    ret->path_bytes = le64toh(ret->path_bytes);
}

static struct record read_record(const struct punch_map *map, size_t i)
{
    struct record rec;

    memcpy(&rec, map->bytes + sizeof(struct header) + i * sizeof rec, sizeof rec);
    rec.tar_offset = le64toh(rec.tar_offset);
    rec.len = le64toh(rec.len);
    rec.file_offset = le64toh(rec.file_offset);
    rec.path_offset = le32toh(rec.path_offset);
    rec.path_len = le32toh(rec.path_len);
    rec.crc = le32toh(rec.crc);
    rec.reserved = le32toh(rec.reserved);
    return rec;
}

static const char *paths_of(const struct punch_map *map)
{
    return (const char *)map->bytes + sizeof(struct header) + map->n * sizeof(struct record);
}

struct punch_run punch_map_run(const struct punch_map *map, size_t i)
{
    struct record rec = read_record(map, i);

    return (struct punch_run){ .tar_offset = rec.tar_offset,
                               .len = rec.len,
                               .file_offset = rec.file_offset,
                               .path = paths_of(map) + rec.path_offset,
                               .crc = rec.crc };
}

size_t punch_map_find(const struct punch_map *map, uint64_t offset)
{
    size_t low = 0, high = map->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        struct record rec = read_record(map, mid);
        if (rec.tar_offset + rec.len > offset) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return low;
}

/* Relative, without empty, "." and ".." components, and one string. */
static bool is_clean(const char *path, size_t len)
{
    size_t start = 0;

    if (len == 0 || len > LIMIT_PATH_BYTES || memchr(path, '\0', len)) {
        return false;
    }
    for (size_t i = 0; i <= len; i++) {
        if (i < len && path[i] != '/') {
            continue;
        }
        size_t n = i - start;
        if (n == 0 || (n == 1 && path[start] == '.') ||
            (n == 2 && path[start] == '.' && path[start + 1] == '.')) {
            return false;
        }
        start = i + 1;
    }
    return true;
}

static int check_record(const struct record *rec, const char *paths, const struct header *h,
                        uint64_t *end, struct imgc_err *reterr)
{
    uint64_t file_end;

    if (rec->tar_offset < *end || rec->len == 0 || rec->reserved != 0 ||
        __builtin_add_overflow(rec->tar_offset, rec->len, end) || *end > h->tar_size ||
        __builtin_add_overflow(rec->file_offset, rec->len, &file_end) || file_end > INT64_MAX) {
        return damaged(reterr, "a run is out of place");
    }
    if (rec->path_offset >= h->path_bytes || rec->path_len >= h->path_bytes - rec->path_offset ||
        paths[rec->path_offset + rec->path_len] != '\0' ||
        !is_clean(paths + rec->path_offset, rec->path_len)) {
        return damaged(reterr, "a path is not clean");
    }
    return 0;
}

/* The lengths that the header tells add up to exactly @len. */
static bool has_sizes(const struct header *h, size_t len)
{
    uint64_t want;

    return !__builtin_mul_overflow(h->n_runs, sizeof(struct record), &want) &&
           !__builtin_add_overflow(want, h->path_bytes, &want) &&
           !__builtin_add_overflow(want, sizeof(struct header) + SUM_BYTES, &want) && want == len;
}

int punch_map_parse(struct imgc_str bytes, struct punch_map *ret, struct imgc_err *reterr)
{
    struct header h;
    struct digest sum;
    uint64_t end = 0;

    if (bytes.len < sizeof h + SUM_BYTES || memcmp(bytes.ptr, magic, sizeof magic) != 0) {
        return damaged(reterr, "it is none");
    }
    struct punch_map map = { .bytes = (const uint8_t *)bytes.ptr, .len = bytes.len };
    read_header(map.bytes, &h);
    if (h.version != VERSION || h.reserved != 0) {
        return imgc_fail(reterr, IMGC_E_STORE,
                         "the map of a punched layer has version %u, this imgc knows %d: use a "
                         "newer imgc",
                         h.version, VERSION);
    }
    if (!has_sizes(&h, bytes.len) || h.tar_size > INT64_MAX) {
        return damaged(reterr, "its size is not what it says");
    }
    int r = digest_of(DIGEST_SHA256, map.bytes, map.len - SUM_BYTES, &sum, reterr);
    if (r < 0) {
        return r;
    }
    if (memcmp(sum.bytes, map.bytes + map.len - SUM_BYTES, SUM_BYTES) != 0) {
        return damaged(reterr, "its checksum does not fit");
    }
    map.n = (size_t)h.n_runs;
    map.tar_size = h.tar_size;
    for (size_t i = 0; i < map.n; i++) {
        struct record rec = read_record(&map, i);
        r = check_record(&rec, paths_of(&map), &h, &end, reterr);
        if (r < 0) {
            return r;
        }
    }
    *ret = map;
    return 0;
}

int punch_map_open(int fd, struct punch_map *ret, struct imgc_err *reterr)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at the map of a punched layer");
    }
    if (st.st_size <= 0 || (uint64_t)st.st_size > SIZE_MAX) {
        return damaged(reterr, "it is none");
    }
    size_t len = (size_t)st.st_size;
    void *bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        return imgc_fail_sys(reterr, errno, "read the map of a punched layer");
    }
    int r = punch_map_parse((struct imgc_str){ bytes, len }, ret, reterr);
    if (r < 0) {
        (void)munmap(bytes, len);
        return r;
    }
    ret->mapped = bytes;
    return 0;
}

void punch_map_done(struct punch_map *map)
{
    if (map->mapped) {
        (void)munmap(map->mapped, map->len);
    }
    *map = (struct punch_map){ .n = 0 };
}

struct punch_map_builder {
    struct record *records; /* in our own byte order until they are written */
    size_t n, room;
    struct imgc_buf paths;
    size_t last_path, last_len; /* the path added last: runs of one file come together */
};

int punch_map_builder_new(struct punch_map_builder **ret, struct imgc_err *reterr)
{
    struct punch_map_builder *b = calloc(1, sizeof *b);

    if (!b) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    imgc_buf_init(&b->paths, LIMIT_PUNCH_PATHS_BYTES);
    *ret = b;
    return 0;
}

struct punch_map_builder *punch_map_builder_free(struct punch_map_builder *b)
{
    if (b) {
        imgc_buf_done(&b->paths);
        free(b->records);
        free(b);
    }
    return NULL;
}

void punch_map_builder_freep(struct punch_map_builder **b)
{
    *b = punch_map_builder_free(*b);
}

/* @return 0; -LIMIT; -NOMEM. */
static int add_path(struct punch_map_builder *b, const char *path, struct imgc_err *reterr)
{
    struct imgc_str all;
    size_t len = strlen(path);

    if (len == 0 || len > LIMIT_PATH_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "path over %d bytes", LIMIT_PATH_BYTES);
    }
    if (b->n > 0 && b->last_len == len && memcmp(b->paths.ptr + b->last_path, path, len) == 0) {
        return 0;
    }
    size_t at = b->paths.len;
    imgc_buf_add(&b->paths, path, len + 1);
    int r = imgc_buf_finish(&b->paths, &all, reterr);
    if (r == 0) {
        b->last_path = at;
        b->last_len = len;
    }
    return r;
}

int punch_map_builder_add(struct punch_map_builder *b, const struct punch_run *run,
                          struct imgc_err *reterr)
{
    if (b->n == b->room) {
        size_t room = b->room ? b->room * 2 : 256;
        struct record *p = reallocarray(b->records, room, sizeof *p);
        if (!p) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        b->records = p;
        b->room = room;
    }
    int r = add_path(b, run->path, reterr);
    if (r < 0) {
        return r;
    }
    b->records[b->n++] = (struct record){ .tar_offset = run->tar_offset,
                                          .len = run->len,
                                          .file_offset = run->file_offset,
                                          .path_offset = (uint32_t)b->last_path,
                                          .path_len = (uint32_t)b->last_len,
                                          .crc = run->crc };
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const struct record *x = a, *y = b;

    return (x->tar_offset > y->tar_offset) - (x->tar_offset < y->tar_offset);
}

static int check_order(const struct punch_map_builder *b, uint64_t tar_size,
                       struct imgc_err *reterr)
{
    uint64_t end = 0;

    for (size_t i = 0; i < b->n; i++) {
        const struct record *rec = &b->records[i];
        if (rec->tar_offset < end || rec->len == 0 ||
            __builtin_add_overflow(rec->tar_offset, rec->len, &end) || end > tar_size) {
            return imgc_fail(reterr, IMGC_E_LAYER, "data of two files at one place");
        }
    }
    return 0;
}

static void to_disk(struct record *rec)
{
    rec->tar_offset = htole64(rec->tar_offset);
    rec->len = htole64(rec->len);
    rec->file_offset = htole64(rec->file_offset);
    rec->path_offset = htole32(rec->path_offset);
    rec->path_len = htole32(rec->path_len);
    rec->crc = htole32(rec->crc);
}

static int put(int fd, struct digest_hasher *h, const void *ptr, size_t len,
               struct imgc_err *reterr)
{
    if (len == 0) {
        return 0;
    }
    int r = digest_hasher_update(h, ptr, len, reterr);
    return r < 0 ? r : fd_write_all(fd, ptr, len, reterr);
}

int punch_map_builder_write(struct punch_map_builder *b, uint64_t tar_size, int fd,
                            struct imgc_err *reterr)
{
    imgc_auto(digest_hasher_freep) struct digest_hasher *hasher = NULL;
    struct digest sum;
    struct header h = { .version = htole32(VERSION),
                        .tar_size = htole64(tar_size),
                        .n_runs = htole64(b->n),
                        .path_bytes = htole64(b->paths.len) };

    memcpy(h.magic, magic, sizeof magic);
    if (b->n > 0) {
        qsort(b->records, b->n, sizeof *b->records, by_offset);
    }
    int r = check_order(b, tar_size, reterr);
    if (r == 0) {
        r = digest_hasher_new(DIGEST_SHA256, &hasher, reterr);
    }
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < b->n; i++) {
        to_disk(&b->records[i]);
    }
    r = put(fd, hasher, &h, sizeof h, reterr);
    if (r == 0) {
        r = put(fd, hasher, b->records, b->n * sizeof *b->records, reterr);
    }
    if (r == 0) {
        r = put(fd, hasher, b->paths.ptr, b->paths.len, reterr);
    }
    if (r == 0) {
        r = digest_hasher_final(hasher, &sum, reterr);
    }
    return r < 0 ? r : fd_write_all(fd, sum.bytes, SUM_BYTES, reterr);
}
