/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <stdio.h>
#include <string.h>

#include "runtime/subid.h"

static struct imgc_str str(const char *z)
{
    return (struct imgc_str){ z, strlen(z) };
}

static const struct subid_owner joe = { .name = { "joe", 3 }, .uid = 1000 };

static void test_ranges_by_name_and_number(void **state)
{
    struct subid s;
    struct imgc_err err;
    (void)state;

    assert_int_equal(subid_parse(str("# joe:1:1\nann:100000:65536\njoe:200000:65536\n\n"
                                     "1000:1000000:10\njoey:5:5\n10:7:7\njoe:9:0\n"),
                                 &joe, &s, &err),
                     0);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.ranges[0].start, 200000);
    assert_int_equal(s.ranges[0].count, 65536);
    assert_int_equal(s.ranges[1].start, 1000000);
    assert_int_equal(s.ranges[1].count, 10);
    assert_int_equal(s.total, 65546);
}

static void test_a_user_without_a_name_is_no_empty_name(void **state)
{
    const struct subid_owner nobody = { .name = { "", 0 }, .uid = 7 };
    struct subid s;
    struct imgc_err err;
    (void)state;

    assert_int_equal(subid_parse(str(":1:1\n7:5:5"), &nobody, &s, &err), 0);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.ranges[0].start, 5);
}

static void test_bad_lines_of_the_user_are_refused(void **state)
{
    static const char *const bad[] = {
        "joe:1",
        "joe:",
        "joe:a:1",
        "joe:1:b",
        "joe:-1:5",
        "joe:1:5:6",
        "joe: 1:5",
        "joe:4294967295:1",
        "joe:4294967296:1",
        "joe:1:4294967295",
        "joe:18446744073709551615:1",
    };
    struct subid s;
    struct imgc_err err;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(subid_parse(str(bad[i]), &joe, &s, &err), -IMGC_E_HOST);
        assert_non_null(strstr(err.msg, "line 1"));
    }
    /* Those of others are theirs. */
    assert_int_equal(subid_parse(str("ann:x:y\nann\n:\n"), &joe, &s, &err), 0);
    assert_int_equal(s.n, 0);
}

static void test_more_ranges_than_there_is_room_for(void **state)
{
    char text[16 * (SUBID_RANGES_MAX + 4)] = "";
    struct subid s;
    struct imgc_err err;
    (void)state;

    for (size_t i = 0; i < SUBID_RANGES_MAX + 3; i++) {
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "joe:%zu:1\n", 100 + 2 * i);
    }
    assert_int_equal(subid_parse(str(text), &joe, &s, &err), 0);
    assert_int_equal(s.n, SUBID_RANGES_MAX);
    assert_int_equal(s.total, SUBID_RANGES_MAX);
}

static void test_a_missing_file_has_none(void **state)
{
    struct subid s = { .n = 5 };
    struct imgc_err err;
    (void)state;

    assert_int_equal(subid_read("/nonexistent/subuid", &joe, &s, &err), 0);
    assert_int_equal(s.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_by_name_and_number),
        cmocka_unit_test(test_a_user_without_a_name_is_no_empty_name),
        cmocka_unit_test(test_bad_lines_of_the_user_are_refused),
        cmocka_unit_test(test_more_ranges_than_there_is_room_for),
        cmocka_unit_test(test_a_missing_file_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
