/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "fetch/origin.h"

static void urls_of_one_port_are_the_same(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_same;
    } rows[] = {
        { "https://a/v2/", "https://a/token?x=y", true },
        { "https://a", "https://a/token", true },
        { "https://a", "https://a?x", true },
        { "https://A.example/x", "https://a.EXAMPLE/y", true },
        { "https://a:443/x", "https://a/y", true },
        { "http://a:80", "http://a", true },
        { "https://a:5000/x", "https://a:5000/y", true },
        { "https://[::1]:443", "https://[::1]", true },
        { "https://a", "http://a", false },
        { "https://a:80", "http://a:80", false },
        { "https://a:80", "https://a", false },
        { "https://a", "https://a.evil", false },
        { "https://a", "https://a:5000", false },
        { "https://a", "https://b", false },
        { "https://a", "https://a@b/", false },
        { "https://a", "https://a\\@b/", false },
        { "https://a", "https://x@a/", false },
        { "https://a", "ftp://a", false },
        { "https://a", "a", false },
        { "", "", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (origin_is_same(rows[i].a, rows[i].b) != rows[i].is_same ||
            origin_is_same(rows[i].b, rows[i].a) != rows[i].is_same) {
            fail_msg("%s %s", rows[i].a, rows[i].b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_of_one_port_are_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
