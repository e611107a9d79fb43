/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <unistd.h>

#include "runtime/usage.h"

static void test_network(void **state)
{
    static const char text[] =
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"
        "    lo:     999       9    0    0    0     0          0         0      999       9    0\n"
        "  eth0:    1000      10    0    0    0     0          0         0     2000      20    0\n"
        "eth1:3 1 0 0 0 0 0 0 4 1 0 0 0 0 0 0\n"
        "bad: x\n";
    struct usage u = { .tasks = 0 };
    (void)state;

    usage_parse_network((struct imgc_str){ text, sizeof text - 1 }, &u);
    assert_int_equal(u.received_bytes, 1003);
    assert_int_equal(u.sent_bytes, 2004);
}

static struct usage of_ourselves(void)
{
    struct usage u = { .tasks = 0 };
    struct imgc_err err;

    assert_ok(usage_read(NULL, getpid(), &u, &err), err);
    return u;
}

/* Without a cgroup: of a process, here the test's own. */
static void test_process(void **state)
{
    struct usage u = of_ourselves(), later = u;
    (void)state;

    assert_true(u.tasks >= 1);
    assert_true(u.memory_bytes > 0 && u.memory_limit > u.memory_bytes);
    assert_int_equal(u.received_bytes, 0); /* our own network namespace is the host's */
    while (later.cpu_ns == u.cpu_ns) {     /* until a clock tick of ours is counted */
        later = of_ourselves();
    }
    assert_true(later.cpu_ns > u.cpu_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_network),
                                        cmocka_unit_test(test_process) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
