/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/net_names.h"

static void check_resolv(const struct net_names_resolv *args, const char *want)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(4096);

    net_names_resolv(args, &b);
    assert_string_equal(b.ptr, want);
}

static void test_resolv(void **state)
{
    char a[] = "9.9.9.9", none[] = ".", domain[] = "example.org", option[] = "ndots:2";
    char *servers[] = { a, NULL }, *no_search[] = { none, NULL }, *search[] = { domain, NULL },
         *options[] = { option, NULL };
    const struct imgc_str host =
        IMGC_STR("# text\nsearch lan\nnameserver 127.0.0.1\n"
                 "nameserver\t10.1.1.1 \nnameserver 2001:db8::53\n"
                 "nameserver fe80::1%eth0\nnameserver junk\noptions edns0");
    (void)state;

    check_resolv(&(struct net_names_resolv){ .host = host },
                 "search lan\nnameserver 10.1.1.1\noptions edns0\n");
    check_resolv(&(struct net_names_resolv){ .host = host, .has_ipv6 = true },
                 "search lan\nnameserver 10.1.1.1\nnameserver 2001:db8::53\noptions edns0\n");
    check_resolv(&(struct net_names_resolv){ .host = IMGC_STR("nameserver ::1\n") },
                 "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
    check_resolv(&(struct net_names_resolv){ .has_ipv6 = true },
                 "nameserver 8.8.8.8\nnameserver 8.8.4.4\nnameserver 2001:4860:4860::8888\n"
                 "nameserver 2001:4860:4860::8844\n");
    check_resolv(
        &(struct net_names_resolv){ .host = host, .servers = servers, .search = no_search },
        "nameserver 9.9.9.9\noptions edns0\n");
    check_resolv(&(struct net_names_resolv){ .host = host, .search = search, .options = options },
                 "search example.org\nnameserver 10.1.1.1\noptions ndots:2\n");
}

static void test_stub(void **state)
{
    (void)state;
    assert_true(net_names_is_stub(IMGC_STR("nameserver 127.0.0.53\noptions x\n")));
    assert_false(net_names_is_stub(IMGC_STR("nameserver 127.0.0.53\nnameserver 1.1.1.1\n")));
    assert_false(net_names_is_stub(IMGC_STR("nameserver 127.0.0.1\n")));
    assert_false(net_names_is_stub(IMGC_STR("")));
}

static void test_loopback(void **state)
{
    (void)state;
    assert_true(net_names_is_loopback(IMGC_STR("nameserver 127.0.0.53\nnameserver ::1\n")));
    assert_false(net_names_is_loopback(IMGC_STR("nameserver 127.0.0.1\nnameserver 10.1.1.1\n")));
    assert_false(net_names_is_loopback(IMGC_STR("search x\n")));
}

static void test_replace(void **state)
{
    static const struct {
        const char *text, *members, *want;
    } cases[] = {
        { "a\nb\n", "1\tx\n", "a\nb\n# imgc: this network\n1\tx\n# imgc: end\n" },
        { "a\n# imgc: this network\n1\tx\n# imgc: end\nmine\n", "2\ty\n",
          "a\nmine\n# imgc: this network\n2\ty\n# imgc: end\n" },
        { "a\n# imgc: this network\n1\tx\n# imgc: end\n", "", "a\n" },
        { "a\n# imgc: this network\n1\tx\n", "", "a\n" }, /* its end was cut off */
        { "no newline", "1\tx\n", "no newline\n# imgc: this network\n1\tx\n# imgc: end\n" },
        { "", "1\tx\n", "# imgc: this network\n1\tx\n# imgc: end\n" },
        { "a\n\nb\n", "", "a\n\nb\n" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(4096);
        net_names_replace(imgc_str_of(cases[i].text), imgc_str_of(cases[i].members), &b);
        assert_string_equal(b.ptr, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_resolv), cmocka_unit_test(test_stub),
                                        cmocka_unit_test(test_loopback),
                                        cmocka_unit_test(test_replace) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
