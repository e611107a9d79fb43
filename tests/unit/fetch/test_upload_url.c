/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "fetch/upload_url.h"

#define BASE "https://r.example:5000/v2/a/b/blobs/uploads/?mount=x"

static void test_a_location_is_made_absolute_or_refused(void **state)
{
    static const struct {
        const char *base, *location, *want; /* NULL: refused */
    } cases[] = {
        { BASE, "/v2/a/b/blobs/uploads/id?_state=s",
          "https://r.example:5000/v2/a/b/blobs/uploads/id?_state=s" },
        { BASE, "https://other.example/u", "https://other.example/u" },
        { BASE, "//other.example/u", "https://other.example/u" },
        { BASE, "id", "https://r.example:5000/v2/a/b/blobs/uploads/id" },
        { BASE, "?id=7", "https://r.example:5000/v2/a/b/blobs/uploads/?id=7" },
        { "http://r.example", "id", "http://r.example/id" },
        { BASE, "/u#part", "https://r.example:5000/u" },
        { BASE, "http://r.example:5000/u", "https://r.example:5000/u" },
        { BASE, "http://other.example/u", NULL },
        { BASE, "http://r.example/u", NULL }, /* port 80 is not 5000 */
        { "http://r.example", "http://other.example/u", "http://other.example/u" },
        { BASE, "", NULL },
        { BASE, "#x", NULL },
        { BASE, "/u\r\nX: y", NULL },
        { BASE, "/\xc3\xa4", NULL },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(UPLOAD_URL_MAX);
        struct imgc_err err;
        int r = upload_url_resolve(cases[i].base, imgc_str_of(cases[i].location), &b, &err);
        if (cases[i].want) {
            assert_int_equal(r, 0);
            assert_string_equal(b.ptr, cases[i].want);
        } else {
            assert_int_equal(r, -IMGC_E_REGISTRY);
        }
    }
}

static void test_a_location_has_a_cap(void **state)
{
    static char location[UPLOAD_URL_MAX + 2] = "/";
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(UPLOAD_URL_MAX);
    struct imgc_err err;
    (void)state;

    memset(location + 1, 'a', UPLOAD_URL_MAX);
    assert_int_equal(upload_url_resolve(BASE, imgc_str_of(location), &b, &err), -IMGC_E_LIMIT);
}

static void test_the_digest_ends_the_query(void **state)
{
    static const char *const cases[][2] = {
        { "https://r/u", "https://r/u?digest=d" },
        { "https://r/u?a=b", "https://r/u?a=b&digest=d" },
        { "https://r/u?", "https://r/u?digest=d" },
        { "https://r/u?a=b&", "https://r/u?a=b&digest=d" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(UPLOAD_URL_MAX);
        struct imgc_err err;
        assert_int_equal(upload_url_finish(cases[i][0], "d", &b, &err), 0);
        assert_string_equal(b.ptr, cases[i][1]);
    }
}

static void test_a_range_says_how_much_arrived(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        uint64_t want;
    } cases[] = {
        { "0-99", true, 100 },
        { "bytes=0-99", true, 100 },
        { "0-0", true, 0 },
        { "0-18446744073709551614", true, UINT64_MAX },
        { "0-18446744073709551615", false, 0 },
        { "1-99", false, 0 },
        { "0-", false, 0 },
        { "-5", false, 0 },
        { "0-1-2", false, 0 },
        { "0 - 5", false, 0 },
        { "", false, 0 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t got = 0;
        assert_int_equal(upload_url_received(imgc_str_of(cases[i].text), &got), cases[i].is_good);
        assert_int_equal(got, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_location_is_made_absolute_or_refused),
        cmocka_unit_test(test_a_location_has_a_cap),
        cmocka_unit_test(test_the_digest_ends_the_query),
        cmocka_unit_test(test_a_range_says_how_much_arrived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
