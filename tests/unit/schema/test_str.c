/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/cleanup.h"
#include "schema/base/str.h"

static bool is(struct imgc_str s, const char *z)
{
    return imgc_str_eq(s, imgc_str_of(z));
}

static const struct imgc_str nothing = { NULL, 0 };

static void test_compare(void **state)
{
    (void)state;

    assert_true(imgc_str_eq(nothing, IMGC_STR("")));
    assert_true(imgc_str_eq_nocase(IMGC_STR("Ab-Z"), IMGC_STR("aB-z")));
    assert_false(imgc_str_eq_nocase(IMGC_STR("a["), IMGC_STR("a{")));
    assert_true(imgc_str_starts(IMGC_STR("abc"), IMGC_STR("ab")));
    assert_false(imgc_str_starts(IMGC_STR("a"), IMGC_STR("ab")));
    assert_true(imgc_str_ends(IMGC_STR("abc"), IMGC_STR("bc")));
    assert_false(imgc_str_ends(IMGC_STR("c"), IMGC_STR("bc")));
    assert_true(imgc_str_cmp(IMGC_STR("a"), IMGC_STR("ab")) < 0);
    assert_true(imgc_str_cmp(IMGC_STR("b"), IMGC_STR("ab")) > 0);
    assert_true(imgc_str_cmp(IMGC_STR("\xff"), IMGC_STR("a")) > 0);
    assert_int_equal(imgc_str_cmp(nothing, IMGC_STR("")), 0);
}

static void test_split(void **state)
{
    static const struct {
        const char *text, *head, *tail, *rhead, *rtail;
        bool found;
    } cases[] = {
        { "a/b/c", "a", "b/c", "a/b", "c", true },
        { "/a", "", "a", "", "a", true },
        { "a/", "a", "", "a", "", true },
        { "a", "a", "", "", "a", false },
        { "", "", "", "", "", false },
    };
    struct imgc_str head, tail, s = IMGC_STR("prefix");
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imgc_str text = imgc_str_of(cases[i].text);
        assert_int_equal(imgc_str_split(text, '/', &head, &tail), cases[i].found);
        assert_true(is(head, cases[i].head) && is(tail, cases[i].tail));
        assert_int_equal(imgc_str_rsplit(text, '/', &head, &tail), cases[i].found);
        assert_true(is(head, cases[i].rhead) && is(tail, cases[i].rtail));
    }
    assert_false(imgc_str_split(nothing, '/', &head, &tail));
    assert_true(imgc_str_skip(&s, IMGC_STR("pre")) && is(s, "fix"));
    assert_false(imgc_str_skip(&s, IMGC_STR("fixed")));
    assert_true(is(s, "fix"));
    assert_true(is(imgc_str_from(s, 9), "") && is(imgc_str_first(s, 9), "fix"));
}

static void test_tokens(void **state)
{
    static const struct {
        const char *text, *joined; /* tokens with '|' after each */
    } cases[] = { { "a,b", "a|b|" }, { ",a,,b,", "|a||b||" }, { "", "|" }, { "a", "a|" } };
    struct imgc_str none = nothing, token;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imgc_str rest = imgc_str_of(cases[i].text);
        char joined[64] = "";
        while (imgc_str_token(&rest, ',', &token)) {
            strncat(joined, token.ptr, token.len);
            strcat(joined, "|");
        }
        assert_string_equal(joined, cases[i].joined);
    }
    assert_false(imgc_str_token(&none, ',', &token));
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        bool want;
        uint64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "007", true, 7 },
        { "18446744073709551615", true, UINT64_MAX },
        { "18446744073709551616", false, 0 },
        { "99999999999999999999", false, 0 },
        { "", false, 0 },
        { "-1", false, 0 },
        { "+1", false, 0 },
        { " 1", false, 0 },
        { "1 ", false, 0 },
        { "0x1", false, 0 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t v = 0;
        assert_int_equal(imgc_str_u64(imgc_str_of(cases[i].text), &v), cases[i].want);
        assert_true(v == cases[i].value);
    }
}

static void test_copy(void **state)
{
    imgc_autofree char *z = NULL, *empty = NULL;
    struct imgc_err err;
    (void)state;

    assert_ok(imgc_str_dup(imgc_str_first(IMGC_STR("abcdef"), 3), &z, &err), err);
    assert_string_equal(z, "abc");
    assert_ok(imgc_str_dup(nothing, &empty, &err), err);
    assert_string_equal(empty, "");
    assert_err(imgc_str_dup(IMGC_STR("a\0b"), &z, &err), IMGC_E_USAGE);
    assert_true(is(imgc_str_trim(IMGC_STR(" \t a b\r\n")), "a b"));
    assert_true(is(imgc_str_trim(IMGC_STR(" \n")), ""));
}

static void test_printable(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "plain", "plain" },
        { "a\nb\tc", "a b c" },
        { "\x1b[1m\x7f", "\\x1b[1m\\x7f" },
        { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "\xc2\x9b"
          "31m",
          "\\xc2\\x9b31m" },                   /* C1 CSI */
        { "\xc0\xaf", "\\xc0\\xaf" },          /* overlong '/' */
        { "\xed\xa0\x80", "\\xed\\xa0\\x80" }, /* surrogate */
        { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
        { "\xe2\x82", "\\xe2\\x82" },
        { "\xff", "\\xff" },
    };
    char out[64], small[4];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_str_printable(out, sizeof out, cases[i].text, strlen(cases[i].text));
        assert_string_equal(out, cases[i].want);
    }
    imgc_str_printable(out, sizeof out, "a\0b", 3);
    assert_string_equal(out, "a\\x00b");
    /* Cut between characters, never inside one. */
    imgc_str_printable(small, sizeof small, "a\xe2\x82\xac", 4);
    assert_string_equal(small, "a");
    imgc_str_printable(small, 1, "a", 1);
    assert_string_equal(small, "");
    imgc_str_printable(NULL, 0, "a", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare), cmocka_unit_test(test_split),
        cmocka_unit_test(test_tokens),  cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_copy),    cmocka_unit_test(test_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
