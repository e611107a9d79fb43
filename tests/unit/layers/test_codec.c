/* SPDX-License-Identifier: Apache-2.0 */
/* labels: threads */
#include "layers/codec.h"

#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "schema/limits.h"
#include "tests/lib/unit.h"

#include "tests/lib/layer_tar.h"

enum { TAR_BYTES = 300 * 1024 };

static const struct format {
    const char *program;
    enum codec_format format;
} formats[] = {
    { "cat", CODEC_PLAIN }, { "gzip", CODEC_GZIP },   { "zstd", CODEC_ZSTD },
    { "xz", CODEC_XZ },     { "bzip2", CODEC_BZIP2 },
};

/* A tar of one file of bytes that compress, but not by much. */
static void make_tar(struct imgc_buf *b)
{
    unsigned char head[512] = { 0 };
    uint32_t x = 1;

    layer_tar_header(head, "a", '0', TAR_BYTES - 512 - 1024);
    imgc_buf_add(b, head, sizeof head);
    while (b->len < TAR_BYTES - 1024) {
        x = x * 1664525u + 1013904223u;
        imgc_buf_putc(b, (char)('a' + (x >> 28)));
    }
    while (b->len < TAR_BYTES) {
        imgc_buf_putc(b, '\0');
    }
}

/* @program's output for @in; false where the program is not installed. */
static bool compress_with(const char *program, struct imgc_str in, struct imgc_buf *ret)
{
    struct imgc_err err;
    imgc_autoclose int from = layer_tar_memfd(in.ptr, in.len);
    imgc_autoclose int to = layer_tar_memfd("", 0);
    int status = 0;

    assert_int_equal(lseek(from, 0, SEEK_SET), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(from, 0);
        (void)dup2(to, 1);
        (void)execlp(program, program, strcmp(program, "cat") == 0 ? (char *)NULL : "-c",
                     (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WEXITSTATUS(status) == 127) {
        print_message("[  SKIPPED ] no program %s\n", program);
        return false;
    }
    assert_int_equal(status, 0);
    assert_int_equal(lseek(to, 0, SEEK_SET), 0);
    assert_ok(fd_read_all(to, ret, &err), err);
    return true;
}

static int collect(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    (void)reterr;
    assert_true(len <= 256 << 10);
    imgc_buf_add(arg, ptr, len);
    return 0;
}

/* Feed @in in pieces of @step bytes. */
static int inflate_in_steps(struct imgc_str in, size_t step, struct imgc_buf *out,
                            enum codec_format *ret_format, struct imgc_err *err)
{
    imgc_auto(codec_freep) struct codec *c = NULL;
    int r = codec_new(collect, out, &c, err);

    for (size_t i = 0; r == 0 && i < in.len; i += step) {
        /* A piece of its own, so that a read behind its end is seen. */
        size_t n = in.len - i < step ? in.len - i : step;
        imgc_autofree char *piece = malloc(n);
        assert_non_null(piece);
        memcpy(piece, in.ptr + i, n);
        r = codec_write(c, piece, n, err);
    }
    r = r < 0 ? r : codec_finish(c, err);
    if (ret_format) {
        *ret_format = codec_format(c);
    }
    return r;
}

static struct imgc_str slice(const struct imgc_buf *b)
{
    return (struct imgc_str){ b->ptr, b->len };
}

static void inflates_each_format_in_any_pieces(void **state)
{
    static const size_t steps[] = { 1, 7, 511, 4096, 1 << 20 };
    imgc_autobuf struct imgc_buf tar = IMGC_BUF_INIT(1 << 20);

    (void)state;
    make_tar(&tar);
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        imgc_autobuf struct imgc_buf packed = IMGC_BUF_INIT(1 << 20);
        if (!compress_with(formats[f].program, slice(&tar), &packed)) {
            continue;
        }
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            imgc_autobuf struct imgc_buf out = IMGC_BUF_INIT(1 << 20);
            enum codec_format format = CODEC_PLAIN;
            struct imgc_err err;
            assert_ok(inflate_in_steps(slice(&packed), steps[i], &out, &format, &err), err);
            assert_int_equal(format, formats[f].format);
            assert_int_equal(out.len, tar.len);
            assert_memory_equal(out.ptr, tar.ptr, tar.len);
        }
    }
}

static void refuses_a_stream_that_is_cut_short(void **state)
{
    imgc_autobuf struct imgc_buf tar = IMGC_BUF_INIT(1 << 20);

    (void)state;
    make_tar(&tar);
    for (size_t f = 1; f < sizeof formats / sizeof *formats; f++) {
        imgc_autobuf struct imgc_buf packed = IMGC_BUF_INIT(1 << 20);
        if (!compress_with(formats[f].program, slice(&tar), &packed)) {
            continue;
        }
        const size_t lens[] = { 2, 3, 7, 100, packed.len / 2, packed.len - 8, packed.len - 1 };
        for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
            imgc_autobuf struct imgc_buf out = IMGC_BUF_INIT(1 << 20);
            struct imgc_err err;
            struct imgc_str cut = imgc_str_first(slice(&packed), lens[i]);
            assert_err(inflate_in_steps(cut, 1000, &out, NULL, &err), IMGC_E_LAYER);
        }
    }
}

static void refuses_a_changed_byte(void **state)
{
    imgc_autobuf struct imgc_buf tar = IMGC_BUF_INIT(1 << 20);

    (void)state;
    make_tar(&tar);
    for (size_t f = 1; f < sizeof formats / sizeof *formats; f++) {
        imgc_autobuf struct imgc_buf packed = IMGC_BUF_INIT(1 << 20);
        imgc_autobuf struct imgc_buf out = IMGC_BUF_INIT(1 << 20);
        struct imgc_err err;
        if (!compress_with(formats[f].program, slice(&tar), &packed)) {
            continue;
        }
        packed.ptr[packed.len / 2] ^= 0x10;
        int r = inflate_in_steps(slice(&packed), 1 << 20, &out, NULL, &err);
        /* zstd has no checksum unless asked for one: the bytes may differ instead. */
        assert_true(r == -(int)IMGC_E_LAYER || out.len != tar.len ||
                    memcmp(out.ptr, tar.ptr, tar.len) != 0);
        assert_true(r == -(int)IMGC_E_LAYER || formats[f].format == CODEC_ZSTD);
    }
}

/* What may follow the first stream: another one, zeros (not for zstd), and nothing else. */
static void reads_several_members(void **state)
{
    imgc_autobuf struct imgc_buf tar = IMGC_BUF_INIT(1 << 20);

    (void)state;
    make_tar(&tar);
    for (size_t f = 1; f < 3; f++) {
        imgc_autobuf struct imgc_buf packed = IMGC_BUF_INIT(1 << 20);
        struct imgc_err err;
        struct imgc_str whole = slice(&tar);
        if (!compress_with(formats[f].program, imgc_str_first(whole, 1000), &packed) ||
            !compress_with(formats[f].program, imgc_str_from(whole, 1000), &packed)) {
            continue;
        }
        if (formats[f].format == CODEC_ZSTD) {
            imgc_buf_add(&packed, "\x5a\x2a\x4d\x18\x03\0\0\0xyz", 11); /* a skippable frame */
        } else {
            imgc_buf_add(&packed, "\0\0\0\0\0", 5);
        }
        for (size_t step = 1; step < 1 << 20; step *= 33) {
            imgc_autobuf struct imgc_buf out = IMGC_BUF_INIT(1 << 20);
            assert_ok(inflate_in_steps(slice(&packed), step, &out, NULL, &err), err);
            assert_int_equal(out.len, tar.len);
            assert_memory_equal(out.ptr, tar.ptr, tar.len);
        }
        imgc_buf_puts(&packed, "garbage");
        imgc_autobuf struct imgc_buf out = IMGC_BUF_INIT(1 << 20);
        assert_err(inflate_in_steps(slice(&packed), 4096, &out, NULL, &err), IMGC_E_LAYER);
    }
}

/* zstd:chunked: a frame for each chunk, the table of contents and a footer in skippable frames;
 * empty ones and others stand in the way of nothing.
 */
static void reads_what_zstd_chunked_leaves(void **state)
{
    static const char toc[] = "\x50\x2a\x4d\x18\x05\0\0\0table";
    static const char empty[] = "\x5f\x2a\x4d\x18\0\0\0\0";
    imgc_autobuf struct imgc_buf tar = IMGC_BUF_INIT(1 << 20);
    imgc_autobuf struct imgc_buf packed = IMGC_BUF_INIT(1 << 20);
    struct imgc_err err;

    (void)state;
    make_tar(&tar);
    struct imgc_str rest = slice(&tar);
    while (rest.len > 0) {
        size_t n = rest.len < 3000 ? rest.len : 3000;
        if (!compress_with("zstd", imgc_str_first(rest, n), &packed)) {
            skip();
        }
        rest = imgc_str_from(rest, n);
        imgc_buf_add(&packed, empty, sizeof empty - 1);
    }
    imgc_buf_add(&packed, toc, sizeof toc - 1);
    imgc_buf_add(&packed, empty, sizeof empty - 1);
    for (size_t step = 1; step < 1 << 20; step *= 33) {
        imgc_autobuf struct imgc_buf out = IMGC_BUF_INIT(1 << 20);
        assert_ok(inflate_in_steps(slice(&packed), step, &out, NULL, &err), err);
        assert_int_equal(out.len, tar.len);
        assert_memory_equal(out.ptr, tar.ptr, tar.len);
    }
    /* A skippable frame that says more than there is. */
    imgc_buf_add(&packed, toc, sizeof toc - 3);
    imgc_autobuf struct imgc_buf out = IMGC_BUF_INIT(1 << 20);
    assert_err(inflate_in_steps(slice(&packed), 4096, &out, NULL, &err), IMGC_E_LAYER);
}

static void says_what_it_is_not(void **state)
{
    static const char *const inputs[] = {
        "",
        "a",
        "<html>",
        "PK\003\004",
        "\x1f\x8c",
        "\x28\xb5\x2f\xfe",
        "a text that is longer than the longest magic number",
    };

    (void)state;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        imgc_autobuf struct imgc_buf out = IMGC_BUF_INIT(1 << 20);
        struct imgc_err err;
        assert_err(inflate_in_steps(imgc_str_of(inputs[i]), 3, &out, NULL, &err), IMGC_E_LAYER);
        assert_string_equal(err.msg,
                            "is neither a tar nor compressed with gzip, zstd, xz or bzip2");
    }
}

static int count_bytes(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    (void)ptr;
    (void)reterr;
    *(uint64_t *)arg += len;
    return 0;
}

static void stops_a_bomb(void **state)
{
    static char zeros[16 << 20];
    struct imgc_err err;

    (void)state;
    for (size_t f = 2; f < sizeof formats / sizeof *formats; f++) {
        imgc_autobuf struct imgc_buf packed = IMGC_BUF_INIT(1 << 20);
        imgc_auto(codec_freep) struct codec *c = NULL;
        uint64_t n = 0;
        struct imgc_str in = { zeros, sizeof zeros };
        if (!compress_with(formats[f].program, in, &packed) ||
            packed.len * LIMIT_LAYER_RATIO > sizeof zeros) {
            continue;
        }
        assert_ok(codec_new(count_bytes, &n, &c, &err), err);
        assert_err(codec_write(c, packed.ptr, packed.len, &err), IMGC_E_LIMIT);
        assert_true(n < (2 << 20) + packed.len * LIMIT_LAYER_RATIO);
    }
}

static int refuse(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    (void)arg;
    (void)ptr;
    (void)len;
    return imgc_fail(reterr, IMGC_E_NOSPACE, "full");
}

static void stops_when_the_output_fails(void **state)
{
    imgc_autobuf struct imgc_buf tar = IMGC_BUF_INIT(1 << 20);

    (void)state;
    make_tar(&tar);
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        imgc_autobuf struct imgc_buf packed = IMGC_BUF_INIT(1 << 20);
        imgc_auto(codec_freep) struct codec *c = NULL;
        struct imgc_err err;
        if (!compress_with(formats[f].program, slice(&tar), &packed)) {
            continue;
        }
        assert_ok(codec_new(refuse, NULL, &c, &err), err);
        assert_err(codec_write(c, packed.ptr, packed.len, &err), IMGC_E_NOSPACE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inflates_each_format_in_any_pieces),
        cmocka_unit_test(refuses_a_stream_that_is_cut_short),
        cmocka_unit_test(refuses_a_changed_byte),
        cmocka_unit_test(reads_several_members),
        cmocka_unit_test(reads_what_zstd_chunked_leaves),
        cmocka_unit_test(says_what_it_is_not),
        cmocka_unit_test(stops_a_bomb),
        cmocka_unit_test(stops_when_the_output_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
