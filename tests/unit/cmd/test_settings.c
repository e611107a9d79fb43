/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <unistd.h>

#include "cmd/settings.h"

static int clear(void **state)
{
    (void)state;
    (void)unsetenv("IMGC_ROOT");
    (void)unsetenv("IMGC_RUNROOT");
    (void)unsetenv("IMGC_LAYERS");
    return 0;
}

static int init(struct settings *s, struct settings_options o, struct imgc_err *err)
{
    return settings_init(s, &o, err);
}

static void test_options_win_over_environment(void **state)
{
    struct settings s;
    struct imgc_err err;
    (void)state;

    assert_int_equal(setenv("IMGC_ROOT", "/env/root", 1), 0);
    assert_int_equal(setenv("IMGC_RUNROOT", "/env/run", 1), 0);
    assert_int_equal(setenv("IMGC_LAYERS", "directory", 1), 0);
    assert_ok(
        init(&s,
             (struct settings_options){ .runroot = "/opt/run", .level = "debug", .layers = "auto" },
             &err),
        err);
    assert_string_equal(s.root, "/env/root");
    assert_string_equal(s.runroot, "/opt/run");
    assert_int_equal(s.level, LOG_LEVEL_DEBUG);
    assert_int_equal(s.form, ROOTFS_AUTO);
    settings_done(&s);
    assert_null(s.root);
}

static void test_defaults(void **state)
{
    struct settings s;
    struct imgc_err err;
    (void)state;

    assert_int_equal(setenv("XDG_DATA_HOME", "/data", 1), 0);
    assert_int_equal(setenv("XDG_RUNTIME_DIR", "/runtime", 1), 0);
    assert_ok(init(&s, (struct settings_options){ .root = NULL }, &err), err);
    assert_string_equal(s.root, geteuid() == 0 ? "/var/lib/imgc" : "/data/imgc");
    assert_string_equal(s.runroot, geteuid() == 0 ? "/run/imgc" : "/runtime/imgc");
    assert_int_equal(s.level, LOG_LEVEL_WARN);
    settings_done(&s);
}

static void test_layers(void **state)
{
    struct settings s;
    struct imgc_err err;
    (void)state;

    assert_ok(init(&s, (struct settings_options){ .root = "/r" }, &err), err);
    assert_int_equal(s.form, ROOTFS_AUTO);
    settings_done(&s);
    assert_int_equal(setenv("IMGC_LAYERS", "directory", 1), 0);
    assert_ok(init(&s, (struct settings_options){ .root = "/r" }, &err), err);
    assert_int_equal(s.form, ROOTFS_DIRECTORY);
    settings_done(&s);
    assert_ok(init(&s, (struct settings_options){ .root = "/r", .layers = "erofs" }, &err), err);
    assert_int_equal(s.form, ROOTFS_EROFS);
    settings_done(&s);
    assert_int_equal(setenv("IMGC_LAYERS", "squash", 1), 0);
    assert_err(init(&s, (struct settings_options){ .root = "/r" }, &err), IMGC_E_USAGE);
    assert_non_null(strstr(err.msg, "IMGC_LAYERS"));
}

static void test_refused(void **state)
{
    struct settings s;
    struct imgc_err err;
    (void)state;

    assert_err(
        init(&s, (struct settings_options){ .root = "/r", .runroot = "/r", .level = "loud" }, &err),
        IMGC_E_USAGE);
    assert_non_null(strstr(err.msg, "'loud'"));
    assert_err(init(&s, (struct settings_options){ .root = "" }, &err), IMGC_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_options_win_over_environment, clear),
        cmocka_unit_test_setup(test_defaults, clear),
        cmocka_unit_test_setup(test_layers, clear),
        cmocka_unit_test_setup(test_refused, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
