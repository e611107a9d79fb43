/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/limits.h"
#include "schema/volume_name.h"

static void test_names(void **state)
{
    static const char *const good[] = { "a", "0", "data", "My_vol-1.x", "a..b", "a-" };
    static const char *const bad[] = { "",    ".",    "..",  "-a",  "_a",       "a/b",
                                       "a b", "a\nb", "a:b", "a%b", "\xc3\xa4", "../a" };
    char text[LIMIT_NAME_BYTES + 1];
    (void)state;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(volume_name_is_good(imgc_str_of(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(volume_name_is_good(imgc_str_of(bad[i])));
    }
    memset(text, 'a', sizeof text);
    assert_true(volume_name_is_good((struct imgc_str){ text, LIMIT_NAME_BYTES }));
    assert_false(volume_name_is_good((struct imgc_str){ text, LIMIT_NAME_BYTES + 1 }));
    assert_false(volume_name_is_good((struct imgc_str){ "a\0b", 3 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_names) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
