/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the kernel's tables is tried in tests/e2e/49_publish.bats, which has hosts of its own. */
#include "tests/lib/unit.h"

#include "runtime/net_iptables.h"

#define TEXT_BYTES 4096

static const char *const bridges[] = { "imgc0", "imgc1" };

static void expect(const struct net_iptables *t, size_t n_bridges, const char *want)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEXT_BYTES);

    net_iptables_script(t, "forwarding of imgc", bridges, n_bridges, &b);
    imgc_buf_puts(&b, "");
    assert_string_equal(b.ptr ? b.ptr : "", want);
}

static void test_script(void **state)
{
    static const struct net_iptables none = { .is_drop = true }, open = { .is_drop = false };
    static const struct net_iptables some = { .is_drop = true,
                                              .rules = { { .interface = "imgc0", .is_in = true },
                                                         { .interface = "imgc0" } },
                                              .n = 2 };
    struct net_iptables left = some;
    (void)state;

    left.is_drop = false;
    expect(&open, 2, "");
    expect(&none, 0, "");
    expect(&some, 1, ""); /* as it should be */
    expect(&none, 1,
           "*filter\n"
           "-A FORWARD -i imgc0 -m comment --comment \"forwarding of imgc\" -j ACCEPT\n"
           "-A FORWARD -o imgc0 -m comment --comment \"forwarding of imgc\" -j ACCEPT\n"
           "COMMIT\n");
    expect(&some, 2,
           "*filter\n"
           "-D FORWARD -i imgc0 -m comment --comment \"forwarding of imgc\" -j ACCEPT\n"
           "-D FORWARD -o imgc0 -m comment --comment \"forwarding of imgc\" -j ACCEPT\n"
           "-A FORWARD -i imgc0 -m comment --comment \"forwarding of imgc\" -j ACCEPT\n"
           "-A FORWARD -o imgc0 -m comment --comment \"forwarding of imgc\" -j ACCEPT\n"
           "-A FORWARD -i imgc1 -m comment --comment \"forwarding of imgc\" -j ACCEPT\n"
           "-A FORWARD -o imgc1 -m comment --comment \"forwarding of imgc\" -j ACCEPT\n"
           "COMMIT\n");
    expect(&left, 2, /* the policy accepts by now */
           "*filter\n"
           "-D FORWARD -i imgc0 -m comment --comment \"forwarding of imgc\" -j ACCEPT\n"
           "-D FORWARD -o imgc0 -m comment --comment \"forwarding of imgc\" -j ACCEPT\n"
           "COMMIT\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_script) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
