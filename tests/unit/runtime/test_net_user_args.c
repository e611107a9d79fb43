/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/net_user_args.h"
#include "schema/json.h"

/* The words with blanks between them. */
static void check_args(const struct net_user_args *args, const char *want)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(65536);
    struct imgc_err err;

    assert_int_equal(net_user_args(args, &b, &err), 0);
    for (size_t i = 0; i + 1 < b.len; i++) {
        b.ptr[i] = b.ptr[i] == '\0' ? ' ' : b.ptr[i];
    }
    assert_string_equal(b.ptr, want);
}

static void test_pasta(void **state)
{
    net_port_list_auto struct net_port_list ports = { .n = 0 };
    struct net_user_args args = { .kind = NET_USER_PASTA, .netns_path = "/n", .ready_path = "/r" };
    struct imgc_err err;
    (void)state;

    check_args(&args, "pasta --foreground --quiet --config-net -t none -u none -T none -U none "
                      "--no-map-gw --ns-ifname eth0 --pid /r --netns /n");
    assert_int_equal(net_port_parse(IMGC_STR("8080:80"), &ports, &err), 0);
    assert_int_equal(net_port_parse(IMGC_STR("7000-7002:90-92"), &ports, &err), 0);
    assert_int_equal(net_port_parse(IMGC_STR("[::1]:53:53/udp"), &ports, &err), 0);
    assert_int_equal(net_port_parse(IMGC_STR("127.0.0.1:7003:93"), &ports, &err), 0);
    args.ports = &ports;
    args.forwards_dns = true;
    check_args(&args,
               "pasta --foreground --quiet --config-net -t 8080-8080:80-80 -t 7000-7002:90-92 "
               "-t 127.0.0.1/7003-7003:93-93 -u ::1/53-53:53-53 -T none -U none --no-map-gw "
               "--ns-ifname eth0 --dns-forward 169.254.1.1 --pid /r --netns /n");
}

static void test_pasta_options(void **state)
{
    char **words = NULL;
    struct net_user_args args = { .kind = NET_USER_PASTA, .netns_path = "/n", .ready_path = "/r" };
    struct imgc_err err;
    (void)state;

    assert_int_equal(
        net_user_options(NET_USER_PASTA, IMGC_STR("--mtu,1500,,-T,5432,--map-gw"), &words, &err),
        0);
    args.options = words;
    check_args(&args, "pasta --foreground --quiet --config-net --mtu 1500 -T 5432 -t none -u none "
                      "-U none --ns-ifname eth0 --pid /r --netns /n");
    (void)json_strings_free(words);
    assert_int_equal(net_user_options(NET_USER_PASTA, IMGC_STR("--netns,/x"), &words, &err),
                     -(int)IMGC_E_USAGE);
    assert_int_equal(net_user_options(NET_USER_PASTA, IMGC_STR("--userns=/x"), &words, &err),
                     -(int)IMGC_E_USAGE);
}

static void test_slirp(void **state)
{
    char **words = NULL;
    struct net_user_args args = {
        .kind = NET_USER_SLIRP, .netns_path = "/n", .ready_fd = 5, .alive_fd = 6
    };
    struct imgc_err err;
    (void)state;

    check_args(&args, "slirp4netns --configure --enable-sandbox --enable-seccomp --mtu=65520 "
                      "--disable-host-loopback --ready-fd=5 --exit-fd=6 --netns-type=path /n eth0");
    assert_int_equal(net_user_options(NET_USER_SLIRP,
                                      IMGC_STR("mtu=1500,allow_host_loopback=true,"
                                               "enable_ipv6=true,port_handler=slirp4netns"),
                                      &words, &err),
                     0);
    args.options = words;
    args.socket_path = "s";
    check_args(&args, "slirp4netns --configure --enable-sandbox --enable-seccomp --mtu=1500 "
                      "--enable-ipv6 --ready-fd=5 --exit-fd=6 --api-socket s --netns-type=path /n "
                      "eth0");
    (void)json_strings_free(words);
}

static void test_slirp_refused(void **state)
{
    static const char *const cases[] = {
        "mtu",           "mtu=", "x=1", "allow_host_loopback=yes", "port_handler=rootlesskit",
        "--netns-type=x"
    };
    char **words = NULL;
    struct imgc_err err;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(net_user_options(NET_USER_SLIRP, imgc_str_of(cases[i]), &words, &err),
                         -(int)IMGC_E_USAGE);
    }
}

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(net_user_kind_of(IMGC_STR("pasta")), NET_USER_PASTA);
    assert_int_equal(net_user_kind_of(IMGC_STR("pasta:-T,1")), NET_USER_PASTA);
    assert_int_equal(net_user_kind_of(IMGC_STR("slirp4netns:mtu=1")), NET_USER_SLIRP);
    assert_int_equal(net_user_kind_of(IMGC_STR("pastax")), NET_USER_ANY);
    assert_int_equal(net_user_kind_of(IMGC_STR("")), NET_USER_ANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pasta), cmocka_unit_test(test_pasta_options),
        cmocka_unit_test(test_slirp), cmocka_unit_test(test_slirp_refused),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
