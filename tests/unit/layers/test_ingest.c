/* SPDX-License-Identifier: Apache-2.0 */
/* labels: threads */
#include "layers/ingest.h"

#include "tests/lib/unit.h"

#include "tests/lib/layer_tar.h"
#include "tests/lib/store.h"

enum { TAR_BYTES = 4096 }; /* a file, the end-of-archive blocks, and padding behind them */

/* The tar, then gzip's stored form of it: RFC 1951 block type 0, so that no compressor is needed.
 */
struct input {
    unsigned char tar[TAR_BYTES];
    unsigned char gzip[TAR_BYTES + 64];
    size_t gzip_len;
    struct digest diff_id, blob;
};

static uint32_t crc32_of(const unsigned char *p, size_t n)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
    }
    return ~crc;
}

static unsigned char *put_le(unsigned char *p, uint32_t v, int n)
{
    for (int i = 0; i < n; i++) {
        *p++ = (unsigned char)(v >> (8 * i));
    }
    return p;
}

static void make_input(struct input *in)
{
    memset(in, 0, sizeof *in);
    layer_tar_header(in->tar, "a", '0', 5);
    memcpy(in->tar + 512, "hello", 5);
    memcpy(in->gzip, "\x1f\x8b\x08\0\0\0\0\0\0\x03\x01", 11);
    unsigned char *p = put_le(in->gzip + 11, TAR_BYTES, 2);
    p = put_le(p, ~(uint32_t)TAR_BYTES, 2);
    memcpy(p, in->tar, TAR_BYTES);
    p = put_le(p + TAR_BYTES, crc32_of(in->tar, TAR_BYTES), 4);
    p = put_le(p, TAR_BYTES, 4);
    in->gzip_len = (size_t)(p - in->gzip);
    in->diff_id = test_digest(in->tar, TAR_BYTES);
    in->blob = test_digest(in->gzip, in->gzip_len);
}

/* Feed @len bytes in pieces. */
static int feed(struct test_store *t, const struct ingest_args *args, const unsigned char *ptr,
                size_t len, struct layer_info *ret)
{
    ingest_auto struct ingest *in = NULL;
    int r = ingest_new(t->s, t->lease, args, &in, &t->err);

    for (size_t i = 0; r == 0 && i < len; i += 1000) {
        r = ingest_write(in, ptr + i, len - i < 1000 ? len - i : 1000, &t->err);
    }
    if (r == 0) {
        r = ingest_finish(in, ret, &t->err);
        assert_int_equal(ingest_bytes_in(in), len);
        assert_true(r < 0 || ingest_bytes_out(in) == ret->tar_size);
    }
    return r;
}

static void stores_a_layer_and_remembers_its_blob(void **state)
{
    struct test_store *t = *state;
    struct input in;
    struct layer_info info;
    struct layer_info found;

    make_input(&in);
    const struct ingest_args args = { .blob = &in.blob,
                                      .blob_size = in.gzip_len,
                                      .diff_id = &in.diff_id,
                                      .media_type = "application/x",
                                      .remember_blob = true };
    assert_ok(feed(t, &args, in.gzip, in.gzip_len, &info), t->err);
    assert_true(digest_eq(&info.diff_id, &in.diff_id));
    assert_int_equal(info.tar_size, TAR_BYTES);
    assert_ok(layer_find_blob(t->s, NULL, &in.blob, &found, &t->err), t->err);
    assert_true(digest_eq(&found.diff_id, &in.diff_id));
}

static void remembers_a_blob_that_nobody_announced(void **state)
{
    struct test_store *t = *state;
    const struct ingest_args args = { .blob_size = UINT64_MAX, .remember_blob = true };
    struct input in;
    struct layer_info info;

    make_input(&in);
    assert_ok(feed(t, &args, in.gzip, in.gzip_len, &info), t->err);
    assert_ok(layer_find_blob(t->s, NULL, &in.blob, &info, &t->err), t->err);
    assert_true(digest_eq(&info.diff_id, &in.diff_id));
}

static void takes_a_plain_tar_of_unknown_size(void **state)
{
    struct test_store *t = *state;
    const struct ingest_args args = { .blob_size = UINT64_MAX };
    struct input in;
    struct layer_info info;

    make_input(&in);
    assert_ok(feed(t, &args, in.tar, TAR_BYTES, &info), t->err);
    assert_true(digest_eq(&info.diff_id, &in.diff_id));
    assert_int_equal(layer_find_blob(t->s, NULL, &in.diff_id, &info, &t->err), LAYER_MISSING);
}

static void checks_a_sha512_blob(void **state)
{
    struct test_store *t = *state;
    struct input in;
    struct layer_info info;
    struct digest blob;

    make_input(&in);
    assert_ok(digest_of(DIGEST_SHA512, in.gzip, in.gzip_len, &blob, &t->err), t->err);
    const struct ingest_args args = { .blob = &blob, .blob_size = in.gzip_len };
    assert_ok(feed(t, &args, in.gzip, in.gzip_len, &info), t->err);
    blob.bytes[63] ^= 1;
    assert_err(feed(t, &args, in.gzip, in.gzip_len, &info), IMGC_E_DIGEST);
}

/* What is wrong, and the code that it is refused with; nothing may be left in the store. */
static const struct {
    const char *what;
    bool blob, diff_id; /* told wrongly */
    int size;           /* announced: so many more than there are */
    int cut;            /* fed: so many fewer */
    enum imgc_code code;
} refusals[] = {
    { "wrong blob digest", true, false, 0, 0, IMGC_E_DIGEST },
    { "wrong DiffID", false, true, 0, 0, IMGC_E_DIGEST },
    { "too long", false, false, -1, 0, IMGC_E_DIGEST },
    { "too short", false, false, 1, 0, IMGC_E_DIGEST },
    { "cut in the trailer", false, false, -3, 3, IMGC_E_DIGEST },
};

static void refuses_what_does_not_match(void **state)
{
    struct test_store *t = *state;

    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct input in;
        struct layer_info info;
        make_input(&in);
        in.blob.bytes[0] ^= refusals[i].blob;
        in.diff_id.bytes[0] ^= refusals[i].diff_id;
        const struct ingest_args args = {
            .blob = &in.blob,
            .blob_size = (uint64_t)((int)in.gzip_len + refusals[i].size),
            .diff_id = &in.diff_id,
            .remember_blob = true,
        };
        print_message("  %s\n", refusals[i].what);
        assert_err(feed(t, &args, in.gzip, in.gzip_len - (size_t)refusals[i].cut, &info),
                   refusals[i].code);
        assert_int_equal(test_count(t, "layers"), 0);
    }
}

static void refuses_what_is_no_layer(void **state)
{
    struct test_store *t = *state;
    const struct ingest_args args = { .blob_size = UINT64_MAX };
    struct input in;
    struct layer_info info;

    make_input(&in);
    assert_err(feed(t, &args, in.gzip, in.gzip_len - 3, &info), IMGC_E_LAYER); /* no trailer */
    assert_err(feed(t, &args, in.tar, 514, &info), IMGC_E_LAYER);              /* cut in the file */
    assert_err(feed(t, &args, in.tar + 512, 1000, &info), IMGC_E_LAYER);
    assert_err(feed(t, &args, in.tar, 0, &info), IMGC_E_LAYER);
    layer_tar_header(memset(in.tar, 0, 512), "a/../../b", '0', 0);
    assert_err(feed(t, &args, in.tar, TAR_BYTES, &info), IMGC_E_LAYER);
    assert_int_equal(test_count(t, "layers"), 0);
}

static void takes_an_empty_layer(void **state)
{
    static const unsigned char zeros[1024];
    struct test_store *t = *state;
    const struct ingest_args args = { .blob_size = UINT64_MAX };
    struct layer_info info;
    char text[DIGEST_TEXT_MAX];

    assert_ok(feed(t, &args, zeros, sizeof zeros, &info), t->err);
    assert_string_equal(digest_text(&info.diff_id, text),
                        "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
}

/* A file of @size bytes that do not repeat soon, as a tar. */
static void make_large(struct imgc_buf *b, size_t size)
{
    unsigned char head[512] = { 0 };
    uint32_t x = 1;

    layer_tar_header(head, "large", '0', size);
    imgc_buf_add(b, head, sizeof head);
    for (size_t i = 0; i < size; i += 4) {
        x = x * 1664525u + 1013904223u;
        imgc_buf_add(b, &x, 4);
    }
    for (int i = 0; i < 2; i++) {
        imgc_buf_add(b, memset(head, 0, sizeof head), sizeof head);
    }
    assert_int_equal(b->state, IMGC_BUF_OK);
}

enum { LARGE = 5 << 20 }; /* several times what the pipe between the threads holds */

static void stores_a_layer_that_needs_two_threads(void **state)
{
    struct test_store *t = *state;
    imgc_autobuf struct imgc_buf tar = IMGC_BUF_INIT(2 * LARGE);
    struct layer_info info;

    make_large(&tar, LARGE);
    struct digest want = test_digest(tar.ptr, tar.len);
    const struct ingest_args args = { .blob_size = UINT64_MAX, .diff_id = &want };
    assert_ok(feed(t, &args, (unsigned char *)tar.ptr, tar.len, &info), t->err);
    assert_int_equal(info.tar_size, tar.len);
    assert_int_equal(test_count(t, "layers"), 1);
}

static void stops_where_it_stands(void **state)
{
    struct test_store *t = *state;
    imgc_autobuf struct imgc_buf tar = IMGC_BUF_INIT(2 * LARGE);
    const struct ingest_args args = { .blob_size = UINT64_MAX };

    make_large(&tar, LARGE);
    for (size_t fed = 1; fed < LARGE; fed = fed * 40 + 7) {
        ingest_auto struct ingest *in = NULL;
        assert_ok(ingest_new(t->s, t->lease, &args, &in, &t->err), t->err);
        assert_ok(ingest_write(in, tar.ptr, fed, &t->err), t->err);
    }
    assert_int_equal(test_count(t, "layers"), 0);
}

/* The other thread finds it while this one feeds, or at the end. */
static void refuses_endless_padding(void **state)
{
    static const unsigned char zeros[1 << 20];
    struct test_store *t = *state;
    const struct ingest_args args = { .blob_size = UINT64_MAX };
    ingest_auto struct ingest *in = NULL;
    int r = ingest_new(t->s, t->lease, &args, &in, &t->err);

    for (int i = 0; r == 0 && i < 1000; i++) {
        r = ingest_write(in, zeros, sizeof zeros, &t->err);
    }
    assert_err(r, IMGC_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stores_a_layer_and_remembers_its_blob, test_store_setup,
                                        test_store_teardown),
        cmocka_unit_test_setup_teardown(remembers_a_blob_that_nobody_announced, test_store_setup,
                                        test_store_teardown),
        cmocka_unit_test_setup_teardown(takes_a_plain_tar_of_unknown_size, test_store_setup,
                                        test_store_teardown),
        cmocka_unit_test_setup_teardown(checks_a_sha512_blob, test_store_setup,
                                        test_store_teardown),
        cmocka_unit_test_setup_teardown(refuses_what_does_not_match, test_store_setup,
                                        test_store_teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_layer, test_store_setup,
                                        test_store_teardown),
        cmocka_unit_test_setup_teardown(stores_a_layer_that_needs_two_threads, test_store_setup,
                                        test_store_teardown),
        cmocka_unit_test_setup_teardown(stops_where_it_stands, test_store_setup,
                                        test_store_teardown),
        cmocka_unit_test_setup_teardown(refuses_endless_padding, test_store_setup,
                                        test_store_teardown),
        cmocka_unit_test_setup_teardown(takes_an_empty_layer, test_store_setup,
                                        test_store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
