/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/cleanup.h"
#include "schema/digest.h"

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC_SHA512                                                     \
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" \
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        { "sha256:" EMPTY_SHA256, 0 },
        { "sha512:" ABC_SHA512, 0 },
        { "", -IMGC_E_DIGEST },
        { "sha256", -IMGC_E_DIGEST },
        { "sha256:", -IMGC_E_DIGEST },
        { ":" EMPTY_SHA256, -IMGC_E_DIGEST },
        { EMPTY_SHA256, -IMGC_E_DIGEST },
        { "sha256:" EMPTY_SHA256 "0", -IMGC_E_DIGEST },
        { "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
          -IMGC_E_DIGEST },
        { "sha256:../../../../../../../../../../../../../../../../../../etc/passwd",
          -IMGC_E_DIGEST },
        { "SHA256:" EMPTY_SHA256, -IMGC_E_DIGEST },
        { "sha512:" EMPTY_SHA256, -IMGC_E_DIGEST },
        { "sha256:" EMPTY_SHA256 "\n", -IMGC_E_DIGEST },
        { " sha256:" EMPTY_SHA256, -IMGC_E_DIGEST },
        { "+sha256:" EMPTY_SHA256, -IMGC_E_DIGEST },
        { "sha256+:" EMPTY_SHA256, -IMGC_E_DIGEST },
        { "md5:d41d8cd98f00b204e9800998ecf8427e", -IMGC_E_UNSUPPORTED },
        { "sha384:aa", -IMGC_E_UNSUPPORTED },
        { "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8", -IMGC_E_UNSUPPORTED },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct digest d = { .alg = DIGEST_NONE };
        struct imgc_err err;
        char out[DIGEST_TEXT_MAX];

        int r = digest_parse(imgc_str_of(cases[i].text), &d, &err);
        if (r != cases[i].want) {
            fail_msg("'%s': %d, not %d", cases[i].text, r, cases[i].want);
        }
        assert_int_equal(digest_is_set(&d), r == 0);
        assert_string_equal(digest_text(&d, out), r == 0 ? cases[i].text : "");
    }
}

static void test_parse_borrows_exactly(void **state)
{
    struct digest d;
    struct imgc_err err;
    (void)state;

    /* The bytes after the slice are not part of it, and a NUL inside is no end. */
    struct imgc_str s = imgc_str_first(imgc_str_of("sha256:" EMPTY_SHA256 "ff"), 7 + 64);
    assert_ok(digest_parse(s, &d, &err), err);
    char with_nul[] = "sha256:" EMPTY_SHA256;
    with_nul[40] = '\0';
    s = (struct imgc_str){ with_nul, sizeof with_nul - 1 };
    assert_err(digest_parse(s, &d, &err), IMGC_E_DIGEST);
}

static void test_of(void **state)
{
    struct digest d, whole;
    struct imgc_err err;
    char hex[DIGEST_HEX_MAX];
    (void)state;

    assert_ok(digest_of(DIGEST_SHA256, NULL, 0, &d, &err), err);
    assert_string_equal(digest_hex(&d, hex), EMPTY_SHA256);
    assert_ok(digest_of(DIGEST_SHA512, "abc", 3, &d, &err), err);
    assert_string_equal(digest_hex(&d, hex), ABC_SHA512);
    assert_string_equal(digest_alg_name(d.alg), "sha512");

    /* A stream in pieces gives what the whole gives. */
    imgc_auto(digest_hasher_freep) struct digest_hasher *h = NULL;
    assert_ok(digest_hasher_new(DIGEST_SHA512, &h, &err), err);
    assert_ok(digest_hasher_update(h, "a", 1, &err), err);
    assert_ok(digest_hasher_update(h, NULL, 0, &err), err);
    assert_ok(digest_hasher_update(h, "bc", 2, &err), err);
    assert_ok(digest_hasher_final(h, &whole, &err), err);
    assert_true(digest_eq(&d, &whole));
    assert_null(digest_hasher_free(NULL));
}

static void test_expect(void **state)
{
    struct digest a, b, wide;
    struct imgc_err err;
    (void)state;

    assert_ok(digest_of(DIGEST_SHA256, "a", 1, &a, &err), err);
    assert_ok(digest_of(DIGEST_SHA256, "b", 1, &b, &err), err);
    assert_ok(digest_of(DIGEST_SHA512, "a", 1, &wide, &err), err);
    assert_ok(digest_expect(&a, &a, "layer", &err), err);
    assert_err(digest_expect(&a, &b, "layer 3", &err), IMGC_E_DIGEST);
    assert_non_null(strstr(err.msg, "layer 3: expected sha256:ca978"));
    assert_non_null(strstr(err.msg, ", got sha256:3e23e"));
    assert_false(digest_eq(&a, &wide));
}

/* Computed independently: printf '%s %s' ... | sha256sum */
static void test_chain(void **state)
{
    struct digest ids[3], chain[3];
    struct imgc_err err;
    char text[DIGEST_TEXT_MAX];
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        char c = (char)('a' + (int)i);
        assert_ok(digest_of(DIGEST_SHA256, &c, 1, &ids[i], &err), err);
    }
    assert_ok(digest_chain(ids, 3, chain, &err), err);
    assert_true(digest_eq(&chain[0], &ids[0]));
    assert_string_equal(digest_text(&chain[1], text),
                        "sha256:51c0c8ace48498d6f5fee6b0592cc06f2da0f3cbe09c5a34a97dce85c3889676");
    assert_string_equal(digest_text(&chain[2], text),
                        "sha256:2fce7f8ce91bcf0a1428b36e1024639fdbd9469eea762dba98aa749631885106");
    assert_ok(digest_chain(ids, 0, chain, &err), err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_parse_borrows_exactly),
        cmocka_unit_test(test_of),    cmocka_unit_test(test_expect),
        cmocka_unit_test(test_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
