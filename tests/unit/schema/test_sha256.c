/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/cleanup.h"
#include "schema/digest.h"
#include "schema/sha256.h"

#define LENGTHS 300 /* every way to end a block, several times */

/* FIPS 180-4's examples, as NIST publishes them, and nothing at all. */
static void test_known_answers(void **state)
{
    static const struct {
        const char *text, *digest;
    } cases[] = {
        { "", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct digest d = { .alg = DIGEST_SHA256 };
        char text[DIGEST_TEXT_MAX];
        sha256_short(cases[i].text, strlen(cases[i].text), d.bytes);
        assert_string_equal(digest_text(&d, text), cases[i].digest);
    }
}

static struct digest by_libcrypto(const void *ptr, size_t len)
{
    imgc_auto(digest_hasher_freep) struct digest_hasher *h = NULL;
    struct digest ret;
    struct imgc_err err;

    assert_ok(digest_hasher_new(DIGEST_SHA256, &h, &err), err);
    assert_ok(digest_hasher_update(h, ptr, len, &err), err);
    assert_ok(digest_hasher_final(h, &ret, &err), err);
    return ret;
}

static void test_as_libcrypto_says(void **state)
{
    uint8_t bytes[LENGTHS];
    (void)state;

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 167 + 13);
    }
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct digest own = { .alg = DIGEST_SHA256 }, theirs = by_libcrypto(bytes, len);
        sha256_short(bytes, len, own.bytes);
        assert_true(digest_eq(&own, &theirs));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_as_libcrypto_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
