/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/net_nft.h"

static struct ip_addr addr(const char *text)
{
    struct ip_addr a = { .family = 0 };

    assert_true(ip_parse(imgc_str_of(text), &a));
    return a;
}

static struct ip_net net(const char *text)
{
    struct ip_net n = { .prefix = 0 };

    assert_true(ip_net_parse(imgc_str_of(text), &n));
    return n;
}

static const char golden[] =
    "add table inet imgc\n"
    "delete table inet imgc\n"
    "table inet imgc {\n"
    "  map named4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;"
    " elements = { 192.0.2.1 . udp . 53 : 10.87.0.2 . 5353 }; }\n"
    "  map named6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }\n"
    "  map any4 { type inet_proto . inet_service : ipv4_addr . inet_service;"
    " elements = { tcp . 8080 : 10.87.0.2 . 80, tcp . 90 : 10.87.0.2 . 90 }; }\n"
    "  map any6 { type inet_proto . inet_service : ipv6_addr . inet_service;"
    " elements = { tcp . 8080 : fd00::2 . 80 }; }\n"
    "  chain ports {\n"
    "    ip daddr 127.0.0.0/8 return\n"
    "    ip6 daddr ::1 return\n"
    "    ip6 daddr fe80::/10 return\n"
    "    dnat ip to ip daddr . meta l4proto . th dport map @named4\n"
    "    dnat ip6 to ip6 daddr . meta l4proto . th dport map @named6\n"
    "    dnat ip to meta l4proto . th dport map @any4\n"
    "    dnat ip6 to meta l4proto . th dport map @any6\n"
    "  }\n"
    "  chain nat_in {\n"
    "    type nat hook prerouting priority -100; policy accept;\n"
    "    fib daddr type local jump ports\n"
    "  }\n"
    "  chain nat_local {\n"
    "    type nat hook output priority -100; policy accept;\n"
    "    fib daddr type local jump ports\n"
    "  }\n"
    "  chain nat_out {\n"
    "    type nat hook postrouting priority 100; policy accept;\n"
    "    ip saddr 10.87.0.0/16 ip daddr != 224.0.0.0/4 oifname != \"imgc0\" masquerade\n"
    "    ip saddr 10.87.0.0/16 oifname \"imgc0\" ct status dnat masquerade\n"
    "    ip6 saddr fd00::/64 ip6 daddr != ff00::/8 oifname != \"imgc0\" masquerade\n"
    "    ip6 saddr fd00::/64 oifname \"imgc0\" ct status dnat masquerade\n"
    "    ip saddr 10.96.0.0/24 oifname \"imgc1\" ct status dnat masquerade\n"
    "  }\n"
    "  chain forward {\n"
    "    type filter hook forward priority 0; policy accept;\n"
    "    iifname \"imgc0\" oifname \"imgc0\" accept\n"
    "    oifname \"imgc0\" ct state established,related accept\n"
    "    oifname \"imgc0\" ct status dnat accept\n"
    "    oifname \"imgc0\" drop\n"
    "    iifname \"imgc1\" oifname \"imgc1\" accept\n"
    "    iifname \"imgc1\" drop\n"
    "    oifname \"imgc1\" drop\n"
    "  }\n"
    "}\n";

static void test_script(void **state)
{
    const struct net_nft_network networks[] = {
        { .bridge = "imgc0", .subnet4 = net("10.87.0.0/16"), .subnet6 = net("fd00::/64") },
        { .bridge = "imgc1", .subnet4 = net("10.96.0.0/24"), .is_internal = true },
    };
    struct net_nft_target target = { .address4 = addr("10.87.0.2"), .address6 = addr("fd00::2") };
    struct net_nft_rules rules = {
        .table = "imgc", .networks = networks, .n_networks = 2, .targets = &target, .n_targets = 1
    };
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(65536);
    struct imgc_err err;
    (void)state;

    /* One of loopback has no rule: it is served where it is. 0.0.0.0 is IPv4 alone. */
    assert_int_equal(net_port_read(imgc_str_of("tcp * 8080 80\nudp 192.0.2.1 53 5353\n"
                                               "tcp 127.0.0.1 81 81\ntcp 0.0.0.0 90 90\n"),
                                   &target.ports, &err),
                     0);
    net_nft_script(&rules, &b);
    assert_string_equal(b.ptr, golden);
    net_port_list_done(&target.ports);
}

static void test_nobody(void **state)
{
    const struct net_nft_rules rules = { .table = "imgc-1" };
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(65536);
    (void)state;

    net_nft_script(&rules, &b);
    assert_string_equal(b.ptr, "add table inet imgc-1\ndelete table inet imgc-1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_script),
                                        cmocka_unit_test(test_nobody) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
