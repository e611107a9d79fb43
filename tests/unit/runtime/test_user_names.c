/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/user_names.h"

#include "tests/lib/unit.h"

#include <fcntl.h>
#include <unistd.h>

static void assert_name(const struct user_names *names, uint32_t id, const char *want)
{
    struct imgc_str name = { NULL, 0 };

    assert_int_equal(user_names_find(names, id, &name), want != NULL);
    if (want) {
        assert_int_equal(name.len, strlen(want));
        assert_memory_equal(name.ptr, want, name.len);
    }
}

static void finds_the_first_name_of_an_id(void **state)
{
    user_names_auto struct user_names names = USER_NAMES_INIT;
    struct imgc_err err;
    (void)state;

    assert_int_equal(user_names_parse(IMGC_STR("z:x:7:1::/:\nroot:x:0:0:root:/root:/bin/sh\n"
                                               "toor:x:0:0::/:\n# no line\nbad:x:-1:\n:x:5:\n"
                                               "far:x:4294967296:\nlast:x:4294967295:\nwheel:x:10"),
                                      &names, &err),
                     0);
    assert_name(&names, 0, "root");
    assert_name(&names, 7, "z");
    assert_name(&names, 10, "wheel");
    assert_name(&names, UINT32_MAX, "last");
    assert_name(&names, 1, NULL);
    assert_name(&names, 5, NULL);
    assert_int_equal(names.n, 5);
}

static void has_nothing_behind_a_nul_and_in_nothing(void **state)
{
    user_names_auto struct user_names cut = USER_NAMES_INIT, empty = USER_NAMES_INIT;
    struct imgc_err err;
    (void)state;

    assert_int_equal(user_names_parse(IMGC_STR("a:x:1:\0b:x:2:"), &cut, &err), 0);
    assert_name(&cut, 1, "a");
    assert_name(&cut, 2, NULL);
    assert_int_equal(user_names_parse((struct imgc_str){ NULL, 0 }, &empty, &err), 0);
    assert_name(&empty, 0, NULL);
}

static void a_missing_file_has_no_names(void **state)
{
    user_names_auto struct user_names names = USER_NAMES_INIT;
    struct imgc_err err;
    int root = open("/proc/self", O_PATH | O_CLOEXEC);
    (void)state;

    assert_int_equal(user_names_read(root, "/etc/passwd", &names, &err), 0);
    assert_int_equal(names.n, 0);
    close(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_first_name_of_an_id),
        cmocka_unit_test(has_nothing_behind_a_nul_and_in_nothing),
        cmocka_unit_test(a_missing_file_has_no_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
