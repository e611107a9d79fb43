/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/zstd_window.h"

#include "tests/lib/unit.h"

#define MAGIC "\x28\xb5\x2f\xfd"

static void reads_the_first_header(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        uint64_t window;
    } cases[] = {
        { "\x1f\x8b\x08\0\0\0\0\0", 8, 0 },
        { MAGIC "\x04\x00", 6, 1024 },
        { MAGIC "\x04\x58", 6, 2u << 20 },
        { MAGIC "\x04\x59", 6, (2u << 20) + (256u << 10) }, /* one eighth more */
        { MAGIC "\x04\x88", 6, 128u << 20 },
        { MAGIC "\x04\xff", 6, ZSTD_WINDOW_MAX },
        { MAGIC "\x20\x07", 6, 7 },
        { MAGIC "\x60\x01\x00", 7, 257 },
        { MAGIC "\xa0\x00\x00\x10\x00", 9, 1u << 20 },
        { MAGIC "\xa3iiii\x00\x00\x10\x00", 13, 1u << 20 }, /* behind a dictionary's id */
        { MAGIC "\xe0\xff\xff\xff\xff\xff\xff\xff\xff", 13, ZSTD_WINDOW_MAX },
        { MAGIC "\xe0\x01\x00", 7, ZSTD_WINDOW_MAX }, /* cut short */
        { MAGIC "\x04", 5, ZSTD_WINDOW_MAX },
        { "\x28", 1, ZSTD_WINDOW_MAX },
        { "\x5a\x2a\x4d\x18\0\0\0\0", 8, ZSTD_WINDOW_MAX }, /* skippable */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(zstd_window(cases[i].bytes, cases[i].len), cases[i].window);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_first_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
