/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_advice.h"

#include "tests/lib/unit.h"

static void each_situation_has_its_advice(void **state)
{
    static const struct {
        bool is_root, is_v2, manager;
        unsigned controllers;
        enum cgroup_advice want;
        const char *words;
    } cases[] = {
        { true, true, true, CGROUP_HOST_IO, CGROUP_ADVICE_ROOT, "delegates" },
        { true, false, false, 0, CGROUP_ADVICE_ROOT, "delegates" },
        { false, false, true, CGROUP_HOST_IO, CGROUP_ADVICE_V1, "unified_cgroup_hierarchy=1" },
        { false, true, true, CGROUP_HOST_IO | CGROUP_HOST_CPU, CGROUP_ADVICE_SCOPE,
          "systemd-run --user --scope" },
        { false, true, true, CGROUP_HOST_MEMORY | CGROUP_HOST_PIDS, CGROUP_ADVICE_DELEGATE,
          "systemctl edit user@.service" },
        { false, true, false, 0, CGROUP_ADVICE_NO_MANAGER, "loginctl enable-linger" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum cgroup_advice advice =
            cgroup_advice_choose(cases[i].is_root, cases[i].is_v2, cases[i].manager,
                                 cases[i].controllers, CGROUP_HOST_IO);
        assert_int_equal(advice, cases[i].want);
        assert_non_null(strstr(cgroup_advice_text(advice), cases[i].words));
    }
}

static void a_host_without_v2_is_v1(void **state)
{
    const struct cgroup_host none = CGROUP_HOST_INIT;
    (void)state;

    assert_int_equal(cgroup_advice_here(&none, false, CGROUP_HOST_IO), CGROUP_ADVICE_V1);
    assert_int_equal(cgroup_advice_here(&none, true, CGROUP_HOST_IO), CGROUP_ADVICE_ROOT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_situation_has_its_advice),
        cmocka_unit_test(a_host_without_v2_is_v1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
