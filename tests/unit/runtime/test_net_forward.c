/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <linux/netfilter.h>

#include "runtime/net_forward.h"

#define TEXT_BYTES 4096

static const struct net_forward dropping = {
    .chains = { { .family = NFPROTO_IPV4,
                  .is_drop = true,
                  .is_shared = true,
                  .table = "filter",
                  .name = "FORWARD" },
                { .family = NFPROTO_INET, .is_drop = true, .table = "mine", .name = "fwd" },
                { .family = NFPROTO_IPV6,
                  .is_shared = true,
                  .table = "filter",
                  .name = "FORWARD" } },
    .n_chains = 3,
    .rules = { { .chain = 0, .handle = 7 }, { .chain = 2, .handle = 9 } },
    .n_rules = 2,
};

static const char *const bridges[] = { "imgc0", "imgc1" };

static void test_script(void **state)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEXT_BYTES);
    (void)state;

    /* One of ours in a chain that accepts by now goes, and somebody's own chain is not touched. */
    net_forward_script(&dropping, "imgc", bridges, 2, &b);
    assert_string_equal(b.ptr,
                        "delete rule ip filter FORWARD handle 7\n"
                        "delete rule ip6 filter FORWARD handle 9\n"
                        "add rule ip filter FORWARD iifname \"imgc0\" counter accept comment "
                        "\"forwarding of imgc\"\n"
                        "add rule ip filter FORWARD oifname \"imgc0\" counter accept comment "
                        "\"forwarding of imgc\"\n"
                        "add rule ip filter FORWARD iifname \"imgc1\" counter accept comment "
                        "\"forwarding of imgc\"\n"
                        "add rule ip filter FORWARD oifname \"imgc1\" counter accept comment "
                        "\"forwarding of imgc\"\n");
    imgc_buf_clear(&b);
    net_forward_script(&dropping, "imgc", NULL, 0, &b);
    assert_string_equal(b.ptr, "delete rule ip filter FORWARD handle 7\n"
                               "delete rule ip6 filter FORWARD handle 9\n");
}

static void test_nothing_to_do(void **state)
{
    const struct net_forward open = {
        .chains = { { .family = NFPROTO_IPV4,
                      .is_shared = true,
                      .table = "filter",
                      .name = "FORWARD" } },
        .n_chains = 1,
    };
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEXT_BYTES);
    (void)state;

    net_forward_script(&open, "imgc", bridges, 2, &b);
    net_forward_warning(&open, "imgc0", &b);
    assert_int_equal(b.len, 0);
}

static void test_warning(void **state)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEXT_BYTES);
    (void)state;

    net_forward_warning(&dropping, "imgc0", &b);
    assert_non_null(strstr(b.ptr, "nft 'add rule inet mine fwd iifname imgc0 accept; "
                                  "add rule inet mine fwd oifname imgc0 accept'"));
    assert_null(strstr(b.ptr, "FORWARD"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_script),
                                        cmocka_unit_test(test_nothing_to_do),
                                        cmocka_unit_test(test_warning) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
