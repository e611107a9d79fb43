/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/clock.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        bool want;
        int64_t ns;
    } cases[] = {
        { "1970-01-01T00:00:00Z", true, 0 },
        { "2024-01-02T03:04:05Z", true, INT64_C(1704164645) * 1000000000 },
        { "2024-01-02T03:04:05.678Z", true, INT64_C(1704164645678) * 1000000 },
        { "2024-01-02t03:04:05.000000001z", true, INT64_C(1704164645) * 1000000000 + 1 },
        { "2024-01-02T03:04:05.1234567899Z", true, INT64_C(1704164645) * 1000000000 + 123456789 },
        { "2024-01-02T05:04:05+02:00", true, INT64_C(1704164645) * 1000000000 },
        { "2024-01-01T22:34:05-04:30", true, INT64_C(1704164645) * 1000000000 },
        { "2024-02-29T00:00:00Z", true, INT64_C(1709164800) * 1000000000 },
        { "2000-02-29T00:00:00Z", true, INT64_C(951782400) * 1000000000 },
        { "1969-12-31T23:59:59.5Z", true, -500000000 },
        { "1800-01-01T00:00:00Z", true, INT64_C(-5364662400) * 1000000000 },
        { "2016-12-31T23:59:60Z", true, INT64_C(1483228799) * 1000000000 },
        { "2023-02-29T00:00:00Z", false, 0 },
        { "1900-02-29T00:00:00Z", false, 0 },
        { "0001-01-01T00:00:00Z", false, 0 },
        { "9999-12-31T23:59:59Z", false, 0 },
        { "2024-13-01T00:00:00Z", false, 0 },
        { "2024-00-01T00:00:00Z", false, 0 },
        { "2024-04-31T00:00:00Z", false, 0 },
        { "2024-01-02T24:00:00Z", false, 0 },
        { "2024-01-02T03:04:05", false, 0 },
        { "2024-01-02 03:04:05Z", false, 0 },
        { "2024-01-02T03:04:05.Z", false, 0 },
        { "2024-01-02T03:04:05+0200", false, 0 },
        { "2024-01-02T03:04:05+24:00", false, 0 },
        { "2024-01-02T03:04:05Zx", false, 0 },
        { "+024-01-02T03:04:05Z", false, 0 },
        { "2024-1-2T03:04:05Z", false, 0 },
        { "2024-01-02", false, 0 },
        { "", false, 0 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ns = 0;
        bool ok = clock_parse_rfc3339(imgc_str_of(cases[i].text), &ns);
        if (ok != cases[i].want || ns != cases[i].ns) {
            fail_msg("'%s': %d, %lld", cases[i].text, ok, (long long)ns);
        }
    }
}

static void test_format(void **state)
{
    static const struct {
        int64_t ns;
        bool nanos;
        const char *want;
    } cases[] = {
        { 0, false, "1970-01-01T00:00:00Z" },
        { 0, true, "1970-01-01T00:00:00Z" },
        { INT64_C(1704164645678000000), false, "2024-01-02T03:04:05Z" },
        { INT64_C(1704164645678000000), true, "2024-01-02T03:04:05.678Z" },
        { INT64_C(1704164645000000001), true, "2024-01-02T03:04:05.000000001Z" },
        { -500000000, true, "1969-12-31T23:59:59.5Z" },
        { INT64_MAX, true, "2262-04-11T23:47:16.854775807Z" },
        { INT64_MIN, true, "1677-09-21T00:12:43.145224192Z" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[CLOCK_TEXT_MAX];
        int64_t back = 1;

        assert_string_equal(clock_rfc3339(cases[i].ns, cases[i].nanos, out), cases[i].want);
        if (cases[i].nanos && cases[i].ns > INT64_MIN) {
            assert_true(clock_parse_rfc3339(imgc_str_of(out), &back));
            assert_true(back == cases[i].ns);
        }
    }
}

static void test_now(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_ns();

    assert_true(clock_now_ns() > INT64_C(1700000000) * 1000000000);
    assert_true(clock_monotonic_ns() >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
