/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <stdlib.h>

#include "runtime/devices_given.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text, *source, *target, *access; /* NULL: refused */
    } cases[] = {
        { "/dev/fuse", "/dev/fuse", "/dev/fuse", "rwm" },
        { "/dev/fuse:/dev/f", "/dev/fuse", "/dev/f", "rwm" },
        { "/dev/fuse:r", "/dev/fuse", "/dev/fuse", "r" },
        { "/dev/fuse:/dev/f:rw", "/dev/fuse", "/dev/f", "rw" },
        { "/dev/../dev//fuse:/a/./b", "/dev/fuse", "/a/b", "rwm" },
        { "fuse", NULL, NULL, NULL },
        { "", NULL, NULL, NULL },
        { ":", NULL, NULL, NULL },
        { "/dev/fuse:x", NULL, NULL, NULL },
        { "/dev/fuse:rwmr", NULL, NULL, NULL },
        { "/dev/fuse:/f:", NULL, NULL, NULL },
        { "/dev/fuse:/f:/g", NULL, NULL, NULL },
        { "/dev/fuse:/", NULL, NULL, NULL },
        { "/dev/fuse:/dev", NULL, NULL, NULL },
        { "/dev/fuse:/a/../dev/", NULL, NULL, NULL },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct isolation_device d = { .source = NULL };
        struct imgc_err err;
        int r = devices_given_parse(imgc_str_of(cases[i].text), &d, &err);

        if (r != (cases[i].source ? 0 : -IMGC_E_USAGE)) {
            fail_msg("'%s': %d", cases[i].text, r);
        }
        if (r == 0) {
            assert_string_equal(d.source, cases[i].source);
            assert_string_equal(d.target, cases[i].target);
            assert_string_equal(d.access, cases[i].access);
        }
        free(d.source);
        free(d.target);
        free(d.access);
    }
}

static void test_rules(void **state)
{
    static const char *const refused[] = { "",          "c",          "c 1:3",       "x 1:3 r",
                                           "c 1 r",     "c 1:3 z",    "c 1:3  r",    "c -1:3 r",
                                           "c 1:-1 r",  "c 1:3 rwmr", "cc 1:3 r",    " c 1:3 r",
                                           "c 1:3:4 r", "c +1:3 r",   "c 1:3 r\nb *" };
    struct cgroup_device_rule rule;
    (void)state;

    assert_true(devices_given_parse_rule(IMGC_STR("c 10:200 rwm"), &rule));
    assert_int_equal(rule.type, 'c');
    assert_int_equal(rule.major, 10);
    assert_int_equal(rule.minor, 200);
    assert_int_equal(rule.access, 7);
    assert_true(devices_given_parse_rule(IMGC_STR("a *:* m"), &rule));
    assert_int_equal(rule.type, 'a');
    assert_int_equal(rule.major, -1);
    assert_int_equal(rule.minor, -1);
    assert_int_equal(rule.access, CGROUP_DEVICES_MKNOD);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (devices_given_parse_rule(imgc_str_of(refused[i]), &rule)) {
            fail_msg("'%s' was taken", refused[i]);
        }
    }
}

static void test_find(void **state)
{
    static char null_path[] = "/dev/null", target[] = "/n", rw[] = "rw", rule[] = "b *:* m";
    static char nothing[] = "/dev/no-such-device", file[] = "/proc/self/status";
    char *rules[] = { rule, NULL };
    struct isolation_device device = { null_path, target, rw };
    struct isolation i = { .devices = &device, .n_devices = 1, .device_rules = rules };
    imgc_auto(devices_given_done) struct devices_given d = DEVICES_GIVEN_INIT;
    struct imgc_err err;
    (void)state;

    assert_ok(devices_given_find(&i, &d, &err), err);
    assert_int_equal(d.n_nodes, 1);
    assert_string_equal(d.nodes[0].path, "/dev/null");
    assert_string_equal(d.nodes[0].target, "/n");
    assert_int_equal(d.n_rules, 2);
    assert_int_equal(d.rules[0].major, 1);
    assert_int_equal(d.rules[0].minor, 3);
    assert_int_equal(d.rules[0].access, CGROUP_DEVICES_READ | CGROUP_DEVICES_WRITE);
    assert_int_equal(d.rules[1].type, 'b');

    device.source = nothing;
    assert_err(devices_given_find(&i, &d, &err), IMGC_E_USAGE);
    device.source = file;
    assert_err(devices_given_find(&i, &d, &err), IMGC_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
