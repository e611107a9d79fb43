/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/detach_keys.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        int want;
        size_t n;
        uint8_t keys[4];
    } cases[] = {
        { "ctrl-p,ctrl-q", 0, 2, { 0x10, 0x11 } },
        { "", 0, 0, { 0 } },
        { "a", 0, 1, { 'a' } },
        { "ctrl-@,ctrl-[,ctrl-_,ctrl-\\", 0, 4, { 0, 0x1b, 0x1f, 0x1c } },
        { "ctrl-A,x,DEL", 0, 3, { 1, 'x', 0x7f } },
        { "ctrl-", -IMGC_E_USAGE, 0, { 0 } },
        { "ctrl-1", -IMGC_E_USAGE, 0, { 0 } },
        { "ctrl-pq", -IMGC_E_USAGE, 0, { 0 } },
        { "ab", -IMGC_E_USAGE, 0, { 0 } },
        { "a,", -IMGC_E_USAGE, 0, { 0 } },
        { ",a", -IMGC_E_USAGE, 0, { 0 } },
        { "\xc3", -IMGC_E_USAGE, 0, { 0 } },
        { "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", -IMGC_E_USAGE, 0, { 0 } },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct detach_keys k;
        struct imgc_err err;
        assert_int_equal(detach_keys_parse(imgc_str_of(cases[i].text), &k, &err), cases[i].want);
        if (cases[i].want == 0) {
            assert_int_equal(k.n, cases[i].n);
            assert_memory_equal(k.keys, cases[i].keys, cases[i].n);
        }
    }
}

/* Types the text in chunks of @chunk; gives what came through up to the keys. */
static bool type(const char *keys, const char *text, size_t chunk, char out[64])
{
    struct detach_keys k;
    struct imgc_err err;
    size_t n = 0;

    assert_int_equal(detach_keys_parse(imgc_str_of(keys), &k, &err), 0);
    for (size_t at = 0; text[at]; at += chunk) {
        size_t len = strnlen(text + at, chunk), n_out = 0;
        uint8_t passed[64 + DETACH_KEYS_MAX];
        bool is_typed = detach_keys_filter(&k, (const uint8_t *)text + at, len, passed, &n_out);
        memcpy(out + n, passed, n_out);
        n += n_out;
        if (is_typed) {
            out[n] = '\0';
            return true;
        }
        if (len < chunk) {
            break;
        }
    }
    out[n] = '\0';
    return false;
}

static void test_filter(void **state)
{
    static const struct {
        const char *keys, *text;
        bool want;
        const char *out;
    } cases[] = {
        { "x,y", "abxyc", true, "ab" },
        { "x,y", "xxy", true, "x" },
        { "x,y", "xay", false, "xay" },
        { "x,y", "abx", false, "ab" },
        { "a,a,b", "aaab", true, "a" },
        { "a,b,a,c", "ababac", true, "ab" },
        { "x", "x", true, "" },
        { "", "abc", false, "abc" },
        { "x,y", "yx yx", false, "yx y" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t chunk = 1; chunk < 8; chunk++) {
            char out[64];
            assert_int_equal(type(cases[i].keys, cases[i].text, chunk, out), cases[i].want);
            assert_string_equal(out, cases[i].out);
        }
    }
}

static void test_rest(void **state)
{
    uint8_t out[8 + DETACH_KEYS_MAX];
    struct detach_keys k;
    struct imgc_err err;
    size_t n = 0;
    (void)state;

    assert_int_equal(detach_keys_parse(imgc_str_of("a,b,c"), &k, &err), 0);
    assert_int_equal(detach_keys_rest(&k, out), 0);
    assert_false(detach_keys_filter(&k, (const uint8_t *)"xab", 3, out, &n));
    assert_int_equal(n, 1);
    assert_int_equal(detach_keys_rest(&k, out), 2);
    assert_memory_equal(out, "ab", 2);
    assert_int_equal(detach_keys_rest(&k, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse), cmocka_unit_test(test_filter),
                                        cmocka_unit_test(test_rest) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
