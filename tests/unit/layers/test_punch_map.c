/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <endian.h>
#include <sys/mman.h>
#include <unistd.h>

#include "layers/punch_map.h"
#include "schema/base/fd.h"
#include "schema/digest.h"

#define TAR_SIZE 100000
#define HEADER 40 /* magic 8, version 4, reserved 4, tar size 8, runs 8, bytes of paths 8 */
#define RECORD 40
#define SUM 32

static const struct punch_run runs[] = {
    { .tar_offset = 8192, .len = 4096, .file_offset = 512, .path = "usr/bin/b", .crc = 7 },
    { .tar_offset = 20480, .len = 8192, .file_offset = 9000, .path = "usr/bin/b", .crc = 8 },
    { .tar_offset = 4096, .len = 4096, .file_offset = 0, .path = "a", .crc = UINT32_MAX },
};

static int write_map(const struct punch_run *r, size_t n, uint64_t tar_size, struct imgc_err *err)
{
    imgc_auto(punch_map_builder_freep) struct punch_map_builder *b = NULL;
    int fd = memfd_create("map", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_ok(punch_map_builder_new(&b, err), *err);
    for (size_t i = 0; i < n; i++) {
        assert_ok(punch_map_builder_add(b, &r[i], err), *err);
    }
    int result = punch_map_builder_write(b, tar_size, fd, err);
    if (result < 0) {
        (void)close(fd);
        return result;
    }
    return fd;
}

/* The three runs as bytes. */
static void make_bytes(struct imgc_buf *b)
{
    struct imgc_err err;
    imgc_autoclose int fd = write_map(runs, 3, TAR_SIZE, &err);

    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_ok(fd_read_all(fd, b, &err), err);
}

static void test_round_trip(void **state)
{
    static const size_t order[] = { 2, 0, 1 };
    punch_map_auto struct punch_map map = { .n = 0 };
    struct imgc_err err;
    (void)state;

    imgc_autoclose int fd = write_map(runs, 3, TAR_SIZE, &err);
    assert_ok(punch_map_open(fd, &map, &err), err);
    assert_int_equal(map.n, 3);
    assert_int_equal(map.tar_size, TAR_SIZE);
    for (size_t i = 0; i < 3; i++) {
        const struct punch_run *want = &runs[order[i]];
        struct punch_run got = punch_map_run(&map, i);
        assert_int_equal(got.tar_offset, want->tar_offset);
        assert_int_equal(got.len, want->len);
        assert_int_equal(got.file_offset, want->file_offset);
        assert_int_equal(got.crc, want->crc);
        assert_string_equal(got.path, want->path);
    }
    assert_ptr_equal(punch_map_run(&map, 1).path, punch_map_run(&map, 2).path);

    static const struct {
        uint64_t offset;
        size_t want;
    } cases[] = { { 0, 0 },     { 4095, 0 },  { 4096, 0 },  { 8191, 0 },  { 8192, 1 },
                  { 12288, 2 }, { 28671, 2 }, { 28672, 3 }, { 99999, 3 }, { UINT64_MAX, 3 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(punch_map_find(&map, cases[i].offset), cases[i].want);
    }
}

static void test_empty(void **state)
{
    punch_map_auto struct punch_map map = { .n = 1 };
    struct imgc_err err;
    (void)state;

    imgc_autoclose int fd = write_map(NULL, 0, TAR_SIZE, &err);
    assert_ok(punch_map_open(fd, &map, &err), err);
    assert_int_equal(map.n, 0);
    assert_int_equal(punch_map_find(&map, 0), 0);
}

static void test_write_refuses(void **state)
{
    const struct punch_run overlap[] = { { .tar_offset = 0, .len = 10, .path = "a" },
                                         { .tar_offset = 9, .len = 10, .path = "b" } };
    const struct punch_run outside[] = { { .tar_offset = TAR_SIZE - 1, .len = 2, .path = "a" } };
    struct imgc_err err;
    (void)state;

    assert_err(write_map(overlap, 2, TAR_SIZE, &err), IMGC_E_LAYER);
    assert_err(write_map(outside, 1, TAR_SIZE, &err), IMGC_E_LAYER);

    imgc_auto(punch_map_builder_freep) struct punch_map_builder *b = NULL;
    imgc_autofree char *path = calloc(1, 5000);
    memset(path, 'x', 4096);
    assert_ok(punch_map_builder_new(&b, &err), err);
    const struct punch_run far = { .len = 1, .path = path };
    assert_err(punch_map_builder_add(b, &far, &err), IMGC_E_LIMIT);
}

static int parse(const struct imgc_buf *b, struct imgc_err *err)
{
    struct punch_map map;
    return punch_map_parse((struct imgc_str){ b->ptr, b->len }, &map, err);
}

/* Every bit counts, and so does every byte of the length. */
static void test_damage(void **state)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(4096);
    struct imgc_err err;
    (void)state;

    make_bytes(&b);
    assert_ok(parse(&b, &err), err);
    for (size_t i = 0; i < b.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            b.ptr[i] = (char)(b.ptr[i] ^ (1 << bit));
            assert_err(parse(&b, &err), IMGC_E_STORE);
            b.ptr[i] = (char)(b.ptr[i] ^ (1 << bit));
        }
    }
    for (size_t len = b.len; b.len-- > 0;) {
        assert_err(parse(&b, &err), IMGC_E_STORE);
        assert_true(len > b.len);
    }
}

static void put64(struct imgc_buf *b, size_t at, uint64_t value)
{
    value = htole64(value);
    memcpy(b->ptr + at, &value, sizeof value);
}

static void put32(struct imgc_buf *b, size_t at, uint32_t value)
{
    value = htole32(value);
    memcpy(b->ptr + at, &value, sizeof value);
}

/* A right checksum over wrong content: somebody else's map, or a newer one. */
static void test_hostile(void **state)
{
    static const struct {
        size_t at;
        unsigned bytes;
        uint64_t value;
        const char *what;
    } cases[] = {
        { 8, 4, 2, "version 2" },
        { 12, 4, 1, "version" },
        { 16, 8, 28671, "out of place" },           /* tar size below the last run */
        { 16, 8, UINT64_MAX, "size" },              /* no tar is so large */
        { 24, 8, 4, "size" },                       /* runs */
        { 24, 8, UINT64_MAX / RECORD + 1, "size" }, /* runs, overflowing to nothing */
        { 32, 8, UINT64_MAX - 10, "size" },         /* bytes of paths */
        { HEADER + 8, 8, 0, "out of place" },       /* an empty run */
        { HEADER + 8, 8, 4097, "out of place" },    /* overlaps the next one */
        { HEADER, 8, UINT64_MAX - 1, "out of place" },
        { HEADER + 16, 8, UINT64_MAX - 100, "out of place" }, /* file offset */
        { HEADER + 16, 8, INT64_MAX, "out of place" },
        { HEADER + 24, 4, 12, "not clean" }, /* path offset behind the paths */
        { HEADER + 24, 4, 1, "not clean" },  /* in the middle of one: no NUL where it ends */
        { HEADER + 28, 4, 2, "not clean" },  /* path length */
        { HEADER + 28, 4, 0, "not clean" },
        { HEADER + 28, 4, UINT32_MAX, "not clean" },
        { HEADER + 36, 4, 1, "out of place" }, /* reserved */
    };
    struct imgc_err err;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(4096);
        struct digest sum;
        make_bytes(&b);
        if (cases[i].bytes == 8) {
            put64(&b, cases[i].at, cases[i].value);
        } else {
            put32(&b, cases[i].at, (uint32_t)cases[i].value);
        }
        assert_ok(digest_of(DIGEST_SHA256, b.ptr, b.len - SUM, &sum, &err), err);
        memcpy(b.ptr + b.len - SUM, sum.bytes, SUM);
        assert_err(parse(&b, &err), IMGC_E_STORE);
        if (!strstr(err.msg, cases[i].what)) {
            fail_msg("case %zu: '%s' without '%s'", i, err.msg, cases[i].what);
        }
    }
}

static void test_paths(void **state)
{
    static const struct {
        const char *path;
        int want;
    } cases[] = {
        { "a/b", 0 },  { "...", 0 },   { ".a", 0 },    { "a..", 0 },   { "/a", -1 },
        { "a/", -1 },  { "a//b", -1 }, { ".", -1 },    { "..", -1 },   { "a/../b", -1 },
        { "./a", -1 }, { "a/.", -1 },  { "../a", -1 }, { "a/..", -1 },
    };
    struct imgc_err err;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct punch_run run = { .len = 1, .path = cases[i].path };
        punch_map_auto struct punch_map map = { .n = 0 };
        imgc_autoclose int fd = write_map(&run, 1, TAR_SIZE, &err);
        int r = punch_map_open(fd, &map, &err);
        if ((r < 0) != (cases[i].want < 0)) {
            fail_msg("'%s': %d", cases[i].path, r);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_empty),
        cmocka_unit_test(test_write_refuses), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_hostile),       cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
