/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <errno.h>

static void test_fail(void **state)
{
    struct imgc_err err;
    (void)state;

    errno = EBADF;
    assert_err(imgc_fail(&err, IMGC_E_LAYER, "entry %d of '%s'", 3, "x"), IMGC_E_LAYER);
    assert_int_equal(errno, EBADF);
    assert_int_equal(err.code, IMGC_E_LAYER);
    assert_int_equal(err.sys, 0);
    assert_string_equal(err.msg, "entry 3 of 'x'");
}

static void test_fail_sys(void **state)
{
    static const struct {
        int errnum;
        enum imgc_code want;
    } cases[] = {
        { ENOENT, IMGC_E_SYS },     { EACCES, IMGC_E_SYS },     { ENOMEM, IMGC_E_NOMEM },
        { ENOSPC, IMGC_E_NOSPACE }, { EDQUOT, IMGC_E_NOSPACE }, { 99999, IMGC_E_SYS },
    };
    struct imgc_err err;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_err(imgc_fail_sys(&err, cases[i].errnum, "open '%s'", "f"), cases[i].want);
        assert_int_equal(err.sys, cases[i].errnum);
    }
    assert_string_equal(err.msg, "open 'f': unknown error");
    assert_err(imgc_fail_sys(&err, ENOENT, "open '%s'", "f"), IMGC_E_SYS);
    assert_string_equal(err.msg, "open 'f': No such file or directory");
}

static void test_context(void **state)
{
    struct imgc_err err;
    (void)state;

    (void)imgc_fail_sys(&err, ENOENT, "open 'f'");
    assert_err(imgc_context(&err, "layer %d", 2), IMGC_E_SYS);
    assert_string_equal(err.msg, "layer 2: open 'f': No such file or directory");
    assert_int_equal(err.sys, ENOENT);
}

/* What comes from outside may be long or hold escape sequences. */
static void test_hostile_text(void **state)
{
    char huge[4096];
    struct imgc_err err;
    (void)state;

    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    (void)imgc_fail(&err, IMGC_E_LAYER, "%s", huge);
    assert_int_equal(strlen(err.msg), IMGC_ERR_MSG_MAX - 1);
    assert_err(imgc_context(&err, "%s", huge), IMGC_E_LAYER);
    assert_int_equal(strlen(err.msg), IMGC_ERR_MSG_MAX - 1);

    (void)imgc_fail(&err, IMGC_E_LAYER, "name '%s'", "\x1b[31m\r\n");
    assert_string_equal(err.msg, "name '\\x1b[31m\\x0d '");
    /* A child sends it to its parent with one write. */
    assert_true(sizeof err <= 512);
}

static void test_table(void **state)
{
    (void)state;

    assert_int_equal(imgc_code_status(IMGC_OK), 0);
    assert_int_equal(imgc_code_status(IMGC_E_NOCOMMAND), 127);
    assert_string_equal(imgc_code_name(IMGC_E_DIGEST), "DIGEST");
    for (int c = IMGC_E_NOMEM; c <= IMGC_E_INTERRUPTED; c++) {
        assert_true(imgc_code_status((enum imgc_code)c) > 0);
        assert_true(imgc_code_remedy((enum imgc_code)c)[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail),    cmocka_unit_test(test_fail_sys),
        cmocka_unit_test(test_context), cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
