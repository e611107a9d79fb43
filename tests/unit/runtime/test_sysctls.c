/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/sysctls.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text, *path, *value; /* NULL: refused */
    } cases[] = {
        { "net.ipv4.ip_forward=1", "/proc/sys/net/ipv4/ip_forward", "1" },
        { "net/ipv4/ip_forward=", "/proc/sys/net/ipv4/ip_forward", "" },
        { "net.ipv4.conf.eth0/100.rp_filter=0", "/proc/sys/net/ipv4/conf/eth0.100/rp_filter", "0" },
        { "net/ipv4/conf/eth0.100/rp_filter=0", "/proc/sys/net/ipv4/conf/eth0.100/rp_filter", "0" },
        { "kernel.sem=1 2=3", "/proc/sys/kernel/sem", "1 2=3" },
        { "fs.mqueue.msg_max=5", "/proc/sys/fs/mqueue/msg_max", "5" },
        { "kernel.shm_rmid_forced=1", "/proc/sys/kernel/shm_rmid_forced", "1" },
        { "kernel.core_pattern=x", NULL, NULL },
        { "kernel.hostname=x", NULL, NULL },
        { "kernel.semaphore=x", NULL, NULL },
        { "kernel.sem.x=1", NULL, NULL },
        { "netx=1", NULL, NULL },
        { "net=1", NULL, NULL },
        { "net.=1", NULL, NULL },
        { "fs.mqueue=1", NULL, NULL },
        { "net/../kernel/core_pattern=x", NULL, NULL },
        { "net/ipv4/./x=1", NULL, NULL },
        { "net.//.//x=1", NULL, NULL },
        { "/net/ipv4/x=1", NULL, NULL },
        { "net.ipv4.ip_forward", NULL, NULL },
        { "=1", NULL, NULL },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct isolation_sysctl s = { .path = NULL };
        struct imgc_err err;
        int r = sysctls_parse(imgc_str_of(cases[i].text), &s, &err);

        if (r != (cases[i].path ? 0 : -IMGC_E_USAGE)) {
            fail_msg("%s: %d", cases[i].text, r);
        }
        if (r == 0) {
            assert_string_equal(s.path, cases[i].path);
            assert_string_equal(s.value, cases[i].value);
        }
        free(s.path);
        free(s.value);
    }
}

static void test_check(void **state)
{
    static char path[] = "/proc/sys/net/ipv4/ip_forward", ipc[] = "/proc/sys/kernel/sem";
    static char other[] = "/proc/sys/kernel/core_pattern", value[] = "1";
    struct isolation_sysctl sysctl = { .path = path, .value = value };
    struct spec s = { .isolation = { .sysctls = &sysctl, .n_sysctls = 1 } };
    struct imgc_err err;
    (void)state;

    assert_ok(sysctls_check(&s, &err), err);
    s.network = SPEC_NETWORK_HOST;
    assert_err(sysctls_check(&s, &err), IMGC_E_USAGE);
    sysctl.path = ipc;
    assert_ok(sysctls_check(&s, &err), err);
    s.isolation.ipc.mode = ISOLATION_HOST;
    assert_err(sysctls_check(&s, &err), IMGC_E_USAGE);
    s.isolation.ipc.mode = ISOLATION_PRIVATE;
    sysctl.path = other; /* a spec that somebody changed */
    assert_err(sysctls_check(&s, &err), IMGC_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
