/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/top_process.h"

#include "tests/lib/unit.h"

static void a_name_cannot_forge_fields(void **state)
{
    struct top_process p = { .host_pid = 5 };
    (void)state;

    top_process_parse_stat(IMGC_STR("5 (x) R 666 (y) S 4 7 7 34816 7 4194560 1 0 0 0 250 50 0 0 20 "
                                    "-5 3 0 987654 2322432 344 18446744073709551615 1\n"),
                           &p);
    assert_int_equal(p.state, 'S');
    assert_int_equal(p.host_ppid, 4);
    assert_int_equal(p.terminal, 34816);
    assert_true(p.has_terminal_focus);
    assert_int_equal(p.cpu_ticks, 300);
    assert_int_equal(p.nice, -5);
    assert_int_equal(p.threads, 3);
    assert_int_equal(p.start_ticks, 987654);

    struct top_process none = { .host_pid = 5 };
    top_process_parse_stat(IMGC_STR("5 (x) S 1"), &none);
    assert_int_equal(none.state, 0);
}

static void takes_the_innermost_numbers(void **state)
{
    struct top_process p = { .host_pid = 5 };
    struct imgc_err err;
    (void)state;

    assert_int_equal(
        top_process_parse_status(IMGC_STR("Name:\tsh\nUid:\t10\t11\t12\t13\nGid:\t20\t21\t22\t23\n"
                                          "Groups:\t4 20 \nNSpid:\t900\t17\nNSpgid:\t900\t16\n"
                                          "NSsid:\t900\t15\nVmSize:\t    2268 kB\n"
                                          "VmRSS:\t    1196 kB\nCapEff:\t00000000a80425fb\n"
                                          "Seccomp:\t2\nSeccomp_filters:\t1\n"),
                                 &p, &err),
        0);
    assert_string_equal(p.comm, "sh");
    assert_int_equal(p.real_uid, 10);
    assert_int_equal(p.uid, 11);
    assert_int_equal(p.gid, 21);
    assert_string_equal(p.groups, "4 20");
    assert_int_equal(p.pid, 17);
    assert_int_equal(p.pgid, 16);
    assert_int_equal(p.sid, 15);
    assert_int_equal(p.vsz_kib, 2268);
    assert_int_equal(p.rss_kib, 1196);
    assert_true(p.caps[TOP_PROCESS_EFFECTIVE] == 0xa80425fb);
    assert_int_equal(p.seccomp, 2);
    free(p.groups);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_cannot_forge_fields),
        cmocka_unit_test(takes_the_innermost_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
