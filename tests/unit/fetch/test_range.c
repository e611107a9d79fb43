/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/range.h"

#include "tests/lib/unit.h"

static void is_asked_for_with_its_last_byte(void **state)
{
    const struct range r = { .from = 500, .to = 1000, .total = 8000 };
    const struct range huge = { .from = UINT64_MAX - 2, .to = UINT64_MAX, .total = UINT64_MAX };
    char text[RANGE_TEXT_MAX];

    (void)state;
    assert_string_equal(range_text(&r, text), "bytes=500-999");
    assert_string_equal(range_text(&huge, text), "bytes=18446744073709551613-18446744073709551614");
}

static void takes_no_other_part_for_it(void **state)
{
    const struct range r = { .from = 500, .to = 1000, .total = 8000 };
    static const struct {
        const char *value;
        bool is_it;
    } rows[] = {
        { "bytes 500-999/8000", true },   { "Bytes 500-999/8000", true },
        { "bytes 500-999/*", true },      { "bytes 500-998/8000", false },
        { "bytes 501-999/8000", false },  { "bytes 500-999/8001", false },
        { "bytes 500-1000/8000", false }, { "bytes */8000", false },
        { "bytes 500-999", false },       { "", false },
        { "500-999/8000", false },        { "bytes=500-999/8000", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (range_is(&r, imgc_str_of(rows[i].value)) != rows[i].is_it) {
            fail_msg("%s", rows[i].value);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_asked_for_with_its_last_byte),
        cmocka_unit_test(takes_no_other_part_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
