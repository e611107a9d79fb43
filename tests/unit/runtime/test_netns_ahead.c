/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/netns_ahead.h"

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
    struct netns_ahead n = NETNS_AHEAD_INIT;
    struct imgc_err err;
    ino_t home = namespace_now();
    int home_fd = -1;
    (void)state;

    netns_ahead_begin(&n);
    if (!netns_ahead_finish(&n)) {
        assert_int_equal(n.fd, -1);
        netns_ahead_done(&n);
        skip(); /* not allowed here: the clone will say why */
    }
    assert_true(namespace_now() == home); /* only the thread went there */
    assert_ok(netns_ahead_enter(&n, &home_fd, &err), err);
    assert_true(namespace_now() != home);
    assert_true(loopback_is_up());
    assert_ok(netns_ahead_leave(&home_fd, &err), err);
    assert_int_equal(home_fd, -1);
    assert_true(namespace_now() == home);
    netns_ahead_done(&n);
    assert_int_equal(n.fd, -1);
}

static void test_without_begin(void **state)
{
    struct netns_ahead n = NETNS_AHEAD_INIT;
    (void)state;

    assert_false(netns_ahead_finish(&n));
    netns_ahead_done(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_go_and_come_back),
        cmocka_unit_test(test_without_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
