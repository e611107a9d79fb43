/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/ahead.h"

static ino_t namespace_now(void)
{
    struct stat st;

    assert_int_equal(stat("/proc/self/ns/net", &st), 0);
    return st.st_ino;
}

static bool loopback_is_up(void)
{
    struct ifreq request = { .ifr_name = "lo" };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
    (void)close(fd);
    return (request.ifr_flags & IFF_UP) != 0;
}

static void test_go_and_come_back(void **state)
{
    struct ahead a = AHEAD_INIT;
    struct imgc_err err;
    ino_t home = namespace_now();
    int home_fd = -1;
    (void)state;

    ahead_begin(&a, true);
    ahead_finish(&a);
    assert_true(a.cgroup.has_host);
    if (a.network_fd < 0) {
        ahead_done(&a);
        skip(); /* not allowed here: the clone will say why */
    }
    assert_true(namespace_now() == home); /* only the thread went there */
    assert_ok(ahead_enter_network(&a, &home_fd, &err), err);
    assert_true(namespace_now() != home);
    assert_true(loopback_is_up());
    assert_ok(ahead_leave_network(&home_fd, &err), err);
    assert_int_equal(home_fd, -1);
    assert_true(namespace_now() == home);
    ahead_done(&a);
    assert_int_equal(a.network_fd, -1);
}

static void test_without_network(void **state)
{
    struct ahead a = AHEAD_INIT;
    (void)state;

    ahead_begin(&a, false);
    ahead_finish(&a);
    assert_int_equal(a.network_fd, -1);
    assert_true(a.cgroup.has_host);
    ahead_done(&a);
}

static void test_without_begin(void **state)
{
    struct ahead a = AHEAD_INIT;
    (void)state;

    ahead_finish(&a);
    assert_int_equal(a.network_fd, -1);
    assert_false(a.cgroup.has_host);
    ahead_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_go_and_come_back),
        cmocka_unit_test(test_without_network),
        cmocka_unit_test(test_without_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
