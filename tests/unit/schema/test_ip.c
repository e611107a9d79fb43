/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <string.h>
#include <sys/socket.h>

#include "schema/ip.h"

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

static void test_addresses(void **state)
{
    static const char *const good[] = { "0.0.0.0", "10.87.0.2", "255.255.255.255",
                                        "::", "fd00::1" };
    static const char *const bad[] = {
        "",           "10.0.0",   "10.0.0.256",
        "1.2.3.4 ",   "fe80::%1", "host",
        "10.0.0.1/8", ":",        "1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18:19:20:21"
    };
    char text[IP_TEXT_MAX];
    struct ip_addr a;
    (void)state;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        a = addr(good[i]);
        assert_string_equal(ip_text(&a, text), good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(ip_parse(imgc_str_of(bad[i]), &a));
    }
    assert_false(ip_parse((struct imgc_str){ "1.2.3.4\0x", 9 }, &a));
    a = addr("127.9.9.9");
    assert_true(ip_is_loopback(&a));
    a = addr("::1");
    assert_true(ip_is_loopback(&a));
    a = addr("::2");
    assert_false(ip_is_loopback(&a));
    assert_false(ip_is_any(&a));
    a = addr("::");
    assert_true(ip_is_any(&a));
    a = addr("0.0.0.0");
    assert_true(ip_is_any(&a));
    a = (struct ip_addr){ .family = 0 };
    assert_false(ip_is_any(&a));
}

static void test_nets(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "10.87.3.4/16", "10.87.0.0/16" },
        { "10.87.3.255/30", "10.87.3.252/30" },
        { "1.2.3.4/0", "0.0.0.0/0" },
        { "1.2.3.4/32", "1.2.3.4/32" },
        { "fd12:3456::9/64", "fd12:3456::/64" },
        { "fd00::ff/124", "fd00::f0/124" },
    };
    static const char *const bad[] = { "10.0.0.0",  "10.0.0.0/33", "fd00::/129",
                                       "10.0.0.0/", "/8",          "10.0.0.0/-1" };
    char text[IP_NET_TEXT_MAX];
    struct ip_net n;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        n = net(cases[i].text);
        assert_string_equal(ip_net_text(&n, text), cases[i].want);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(ip_net_parse(imgc_str_of(bad[i]), &n));
    }
}

static void test_overlap(void **state)
{
    static const struct {
        const char *a, *b;
        bool want;
    } cases[] = {
        { "10.87.0.0/16", "10.87.3.0/24", true }, { "10.87.0.0/16", "10.88.0.0/16", false },
        { "0.0.0.0/0", "10.0.0.0/8", true },      { "10.0.0.0/8", "fd00::/8", false },
        { "fd00::/64", "fd00::/65", true },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ip_net a = net(cases[i].a), b = net(cases[i].b), none = { .prefix = 0 };
        assert_int_equal(ip_net_overlaps(&a, &b), cases[i].want);
        assert_int_equal(ip_net_overlaps(&b, &a), cases[i].want);
        assert_false(ip_net_overlaps(&a, &none));
    }
}

static void test_counting(void **state)
{
    struct ip_net n = net("10.87.255.0/24"), six = net("fd00::/64"), all = net("0.0.0.0/0");
    struct ip_addr a;
    char text[IP_TEXT_MAX];
    (void)state;

    assert_true(ip_net_nth(&n, 2, &a));
    assert_string_equal(ip_text(&a, text), "10.87.255.2");
    assert_true(ip_net_nth(&n, 255, &a));
    assert_false(ip_net_nth(&n, 256, &a));
    assert_false(ip_net_nth(&all, 1ull << 32, &a));
    assert_true(ip_net_nth(&six, 0x10001, &a));
    assert_string_equal(ip_text(&a, text), "fd00::1:1");
    uint64_t i = 0;
    assert_true(ip_net_index(&six, &a, &i));
    assert_int_equal(i, 0x10001);
    a = addr("10.87.255.9");
    assert_true(ip_net_index(&n, &a, &i));
    assert_int_equal(i, 9);
    assert_false(ip_net_index(&six, &a, &i));
    a = addr("10.88.0.1");
    assert_false(ip_net_index(&n, &a, &i));
    a = ip_net_last(&n);
    assert_string_equal(ip_text(&a, text), "10.87.255.255");
    a = ip_net_last(&six);
    assert_string_equal(ip_text(&a, text), "fd00::ffff:ffff:ffff:ffff");
}

static void test_mac(void **state)
{
    static const char *const bad[] = { "",
                                       "02:00:0a:57:00",
                                       "02:00:0a:57:00:0g",
                                       "01:00:5e:00:00:01",
                                       "00:00:00:00:00:00",
                                       "02:00:0a:57:00:02:03",
                                       "02.00.0a.57.00.02" };
    uint8_t mac[IP_MAC_BYTES];
    char text[IP_MAC_TEXT_MAX];
    (void)state;

    assert_true(ip_mac_parse(imgc_str_of("02:00-0A:57:00:02"), mac));
    assert_string_equal(ip_mac_text(mac, text), "02:00:0a:57:00:02");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(ip_mac_parse(imgc_str_of(bad[i]), mac));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_nets),
        cmocka_unit_test(test_overlap),   cmocka_unit_test(test_counting),
        cmocka_unit_test(test_mac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
