/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <stdlib.h>

#include "layers/codec.h"
#include "layers/encoder.h"
#include "schema/base/buf.h"

#define MAX_BYTES (1u << 22)

static struct imgc_buf encode(enum encoder_kind kind, unsigned level, struct imgc_str in,
                              size_t step_in, size_t step_out)
{
    encoder_auto struct encoder *e = NULL;
    struct imgc_buf out = IMGC_BUF_INIT(MAX_BYTES);
    struct imgc_err err;
    char room[4096];
    int r = 0;

    assert_int_equal(encoder_new(kind, level, &e, &err), 0);
    while (r == 0) {
        struct imgc_str part = imgc_str_first(in, step_in);
        size_t had = part.len;
        struct encoder_out to = { .ptr = room, .room = step_out };
        r = encoder_run(e, &part, had == in.len, &to, &err);
        assert_true(r >= 0 && to.used <= step_out);
        imgc_buf_add(&out, room, to.used);
        in = imgc_str_from(in, had - part.len);
    }
    assert_int_equal(r, ENCODER_DONE);
    assert_int_equal(in.len, 0);
    return out;
}

static int collect(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    struct imgc_str done;

    imgc_buf_add(arg, ptr, len);
    return imgc_buf_finish(arg, &done, reterr);
}

static void assert_comes_back(struct imgc_str want, const struct imgc_buf *packed)
{
    imgc_autobuf struct imgc_buf got = IMGC_BUF_INIT(MAX_BYTES);
    struct codec *c = NULL;
    struct imgc_err err;

    assert_int_equal(codec_new(collect, &got, &c, &err), 0);
    assert_int_equal(codec_write(c, packed->ptr, packed->len, &err), 0);
    assert_int_equal(codec_finish(c, &err), 0);
    (void)codec_free(c);
    assert_int_equal(got.len, want.len);
    assert_memory_equal(got.ptr, want.ptr, want.len);
}

/* Repeats itself, and not: what is like a tar. */
static struct imgc_str sample(void)
{
    static char bytes[300000];
    uint32_t v = 1;

    for (size_t i = 0; i < sizeof bytes; i++) {
        v = v * 1664525u + 1013904223u;
        bytes[i] = i % 1000 < 700 ? (char)('a' + i % 7) : (char)(v >> 24);
    }
    return (struct imgc_str){ bytes, sizeof bytes };
}

static void test_in_any_pieces_the_same_bytes_that_come_back(void **state)
{
    static const struct {
        enum encoder_kind kind;
        unsigned level;
    } cases[] = { { ENCODER_GZIP, 0 },
                  { ENCODER_GZIP, 1 },
                  { ENCODER_GZIP, 9 },
                  { ENCODER_ZSTD, 0 },
                  { ENCODER_ZSTD, 19 } };
    struct imgc_str in = sample();
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autobuf struct imgc_buf whole =
            encode(cases[i].kind, cases[i].level, in, in.len, 4096);
        imgc_autobuf struct imgc_buf again =
            encode(cases[i].kind, cases[i].level, in, in.len, 4096);
        imgc_autobuf struct imgc_buf pieces = encode(cases[i].kind, cases[i].level, in, 777, 13);
        assert_int_equal(whole.len, again.len);
        assert_memory_equal(whole.ptr, again.ptr, whole.len);
        assert_true(whole.len < in.len / 2);
        assert_comes_back(in, &whole);
        assert_comes_back(in, &pieces);
    }
}

static void test_none_changes_nothing(void **state)
{
    struct imgc_str in = sample();
    imgc_autobuf struct imgc_buf out = encode(ENCODER_NONE, 0, in, 777, 13);
    (void)state;

    assert_int_equal(out.len, in.len);
    assert_memory_equal(out.ptr, in.ptr, in.len);
}

static void test_a_level_counts(void **state)
{
    struct imgc_str in = sample();
    imgc_autobuf struct imgc_buf fast = encode(ENCODER_GZIP, 1, in, in.len, 4096);
    imgc_autobuf struct imgc_buf small = encode(ENCODER_GZIP, 9, in, in.len, 4096);
    (void)state;

    assert_true(small.len < fast.len);
}

static void test_gzip_has_no_time_and_no_name(void **state)
{
    imgc_autobuf struct imgc_buf b = encode(ENCODER_GZIP, 0, IMGC_STR("x"), 1, 4096);
    (void)state;

    assert_memory_equal(b.ptr, "\x1f\x8b\x08\0\0\0\0\0", 8);
}

static void test_nothing_is_a_stream_too(void **state)
{
    imgc_autobuf struct imgc_buf gzip = encode(ENCODER_GZIP, 0, IMGC_STR(""), 0, 4096);
    imgc_autobuf struct imgc_buf zstd = encode(ENCODER_ZSTD, 0, IMGC_STR(""), 0, 4096);
    imgc_autobuf struct imgc_buf none = encode(ENCODER_NONE, 0, IMGC_STR(""), 0, 4096);
    (void)state;

    assert_true(gzip.len > 0 && zstd.len > 0 && none.len == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_any_pieces_the_same_bytes_that_come_back),
        cmocka_unit_test(test_none_changes_nothing),
        cmocka_unit_test(test_a_level_counts),
        cmocka_unit_test(test_gzip_has_no_time_and_no_name),
        cmocka_unit_test(test_nothing_is_a_stream_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
