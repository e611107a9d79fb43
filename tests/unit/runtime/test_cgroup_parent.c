/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <stdlib.h>

#include "runtime/cgroup_parent.h"

static void test_paths(void **state)
{
    static const struct {
        const char *text, *want; /* NULL: refused */
    } cases[] = {
        { "/a/b", "/a/b" },
        { "a//b/", "/a/b" },
        { "/", "" },
        { "a.slice", "/a.slice" },
        { "a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice" },
        { "/a-b.slice", "/a-b.slice" },
        { ".slice", "/.slice" },
        { "-a.slice", "/-a.slice" },
        { "", NULL },
        { "..", NULL },
        { "/a/../b", NULL },
        { "/a/./b", NULL },
        { "a:b", NULL },
        { "a:b.slice", NULL },
        { "a\nb", NULL },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = NULL;
        struct imgc_err err;

        if (!cases[i].want) {
            assert_err(cgroup_parent_path(cases[i].text, &path, &err), IMGC_E_USAGE);
            continue;
        }
        assert_ok(cgroup_parent_path(cases[i].text, &path, &err), err);
        assert_string_equal(path, cases[i].want);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_paths) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
