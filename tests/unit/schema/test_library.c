/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <gnu/lib-names.h>

#include "schema/base/library.h"

struct functions {
    size_t (*length)(const char *);
    int (*compare)(const char *, const char *);
};

static const struct library_symbol good[] = {
    { "strlen", offsetof(struct functions, length) },
    { "strcmp", offsetof(struct functions, compare) },
    { .name = NULL },
};

static void test_functions_work(void **state)
{
    struct functions f = { 0 };
    struct imgc_err err;
    (void)state;

    assert_ok(library_load(LIBC_SO, good, &f, &err), err);
    assert_int_equal(f.length("four"), 4);
    assert_int_equal(f.compare("a", "a"), 0);
}

static void test_what_is_missing_is_named(void **state)
{
    static const struct library_symbol bad[] = {
        { "strlen", offsetof(struct functions, length) },
        { "no_such_function", offsetof(struct functions, compare) },
        { .name = NULL },
    };
    struct functions f = { 0 };
    struct imgc_err err;
    (void)state;

    assert_int_equal(library_load("libnosuch.so.7", good, &f, &err), -IMGC_E_HOST);
    assert_non_null(strstr(err.msg, "libnosuch.so.7"));
    assert_int_equal(library_load(LIBC_SO, bad, &f, &err), -IMGC_E_HOST);
    assert_non_null(strstr(err.msg, "no_such_function"));
    assert_null(f.length); /* all or nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_work),
        cmocka_unit_test(test_what_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
