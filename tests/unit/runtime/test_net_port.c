/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/net_port.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text, *want; /* as net_port_write() shows them; NULL: refused */
    } cases[] = {
        { "8080:80", "tcp * 8080 80\n" },
        { "80", "tcp * 0 80\n" },
        { ":80", "tcp * 0 80\n" },
        { "127.0.0.1:8080:80/tcp", "tcp 127.0.0.1 8080 80\n" },
        { "127.0.0.1::80", "tcp 127.0.0.1 0 80\n" },
        { "[::1]:53:53/UDP", "udp ::1 53 53\n" },
        { "7000-7002:80-82", "tcp * 7000 80\ntcp * 7001 81\ntcp * 7002 82\n" },
        { "7000-7002:80", "tcp * 7000 80\n" },
        { "80-81/udp", "udp * 0 80\nudp * 0 81\n" },
        { "65535:65535", "tcp * 65535 65535\n" },
        { "", NULL },
        { "0", NULL },
        { "65536", NULL },
        { "80:0", NULL },
        { "a:80", NULL },
        { "80/sctp", NULL },
        { "8080:80/", NULL },
        { "80-79", NULL },
        { "7000-7001:80-82", NULL },
        { "1.2.3:80:80", NULL },
        { "::1:80:80", NULL },
        { "[1.2.3.4]:80:80", NULL },
        { "1:2:3:4", NULL },
        { "+80", NULL },
        { "1-65535", NULL }, /* more than a container may have */
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        net_port_list_auto struct net_port_list list = { .n = 0 };
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(NET_PORT_LINES_BYTES);
        struct imgc_err err;
        int r = net_port_parse(imgc_str_of(cases[i].text), &list, &err);
        if (!cases[i].want) {
            assert_true(r < 0);
            continue;
        }
        assert_int_equal(r, 0);
        net_port_write(&list, &b);
        assert_string_equal(b.ptr, cases[i].want);
    }
}

static void test_range_of_host(void **state)
{
    net_port_list_auto struct net_port_list list = { .n = 0 };
    struct imgc_err err;
    (void)state;

    assert_int_equal(net_port_parse(imgc_str_of("7000-7009:80"), &list, &err), 0);
    assert_int_equal(list.n, 1);
    assert_int_equal(list.items[0].first, 7000);
    assert_int_equal(list.items[0].last, 7009);
}

static void test_expose(void **state)
{
    net_port_list_auto struct net_port_list list = { .n = 0 };
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(NET_PORT_LINES_BYTES);
    struct imgc_err err;
    (void)state;

    assert_int_equal(net_port_parse(imgc_str_of("8080:80"), &list, &err), 0);
    assert_int_equal(net_port_expose(imgc_str_of("80/tcp"), &list, &err),
                     0); /* published already */
    assert_int_equal(net_port_expose(imgc_str_of("80/udp"), &list, &err), 0);
    assert_int_equal(net_port_expose(imgc_str_of("90-91"), &list, &err), 0);
    assert_true(net_port_expose(imgc_str_of("8080:80"), &list, &err) < 0);
    net_port_write(&list, &b);
    assert_string_equal(b.ptr, "tcp * 8080 80\nudp * 0 80\ntcp * 0 90\ntcp * 0 91\n");
}

static void test_lines(void **state)
{
    static const char text[] = "tcp * 8080 80\nudp 127.0.0.1 53 5353\ntcp ::1 1 2\n";
    static const char *const bad[] = { "tcp * 8080\n", "tcp x 1 2\n", "tcp * 0 2\n", "junk\n" };
    net_port_list_auto struct net_port_list list = { .n = 0 };
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(NET_PORT_LINES_BYTES);
    struct imgc_err err;
    (void)state;

    assert_int_equal(net_port_read(imgc_str_of(text), &list, &err), 0);
    net_port_write(&list, &b);
    assert_string_equal(b.ptr, text);
    imgc_buf_clear(&b);
    net_port_host(&list.items[0], &b);
    net_port_host(&list.items[2], &b);
    assert_string_equal(b.ptr, "0.0.0.0:8080[::1]:1");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        net_port_list_auto struct net_port_list none = { .n = 0 };
        assert_true(net_port_read(imgc_str_of(bad[i]), &none, &err) < 0);
    }
}

static void test_of_want(void **state)
{
    static const struct {
        const char *ports[4];
        const char *want; /* NULL: refused */
    } cases[] = {
        { { "8080:80", "8080:80", "80" }, "tcp * 8080 80\ntcp * 0 80\ntcp * 0 7\n" },
        { { "8080:80", "8080:80/udp" }, "tcp * 8080 80\nudp * 8080 80\ntcp * 0 7\n" },
        { { "8080:80", "8080:81" }, NULL },
        { { "8080:80", "127.0.0.1:8080:80" }, NULL },
        { { "0.0.0.0:8080:80", "127.0.0.1:8080:80" }, NULL },
        { { "0.0.0.0:8080:80", "[::]:8080:80" },
          "tcp 0.0.0.0 8080 80\ntcp :: 8080 80\ntcp * 0 7\n" },
        { { "127.0.0.1:8080:80", "127.0.0.2:8080:81" },
          "tcp 127.0.0.1 8080 80\ntcp 127.0.0.2 8080 81\ntcp * 0 7\n" },
        { { "9:7" }, "tcp * 9 7\n" },
    };
    char seven[] = "7", *expose[] = { seven, NULL };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        net_port_list_auto struct net_port_list list = { .n = 0 };
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(NET_PORT_LINES_BYTES);
        struct net_want w = { .publish_all = true, .expose = expose };
        struct imgc_err err;
        for (size_t j = 0; cases[i].ports[j]; j++) {
            assert_int_equal(net_want_append(&w.ports, imgc_str_of(cases[i].ports[j]), &err), 0);
        }
        int r = net_port_of_want(&w, &list, &err);
        w.expose = NULL;
        net_want_done(&w);
        assert_int_equal(r, cases[i].want ? 0 : -(int)IMGC_E_USAGE);
        if (r == 0) {
            net_port_write(&list, &b);
            assert_string_equal(b.ptr, cases[i].want);
        }
    }
}

static void test_not_all(void **state)
{
    net_port_list_auto struct net_port_list list = { .n = 0 };
    char seven[] = "7", *expose[] = { seven, NULL };
    const struct net_want w = { .expose = expose };
    struct imgc_err err;
    (void)state;

    assert_int_equal(net_port_of_want(&w, &list, &err), 0);
    assert_int_equal(list.n, 0); /* exposed is not published */
}

static void test_summary(void **state)
{
    static const char text[] = "tcp * 7000 80\ntcp * 7001 81\ntcp * 7002 82\nudp * 7003 83\n"
                               "tcp 127.0.0.1 7004 84\ntcp :: 7005 85\ntcp :: 7006 87\n";
    net_port_list_auto struct net_port_list list = { .n = 0 };
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(NET_PORT_LINES_BYTES);
    struct imgc_err err;
    (void)state;

    assert_int_equal(net_port_read(imgc_str_of(text), &list, &err), 0);
    net_port_summary(&list, &b);
    assert_string_equal(b.ptr, "0.0.0.0:7000-7002->80-82/tcp, 0.0.0.0:7003->83/udp, "
                               "127.0.0.1:7004->84/tcp, [::]:7005->85/tcp, [::]:7006->87/tcp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),   cmocka_unit_test(test_range_of_host),
        cmocka_unit_test(test_expose),  cmocka_unit_test(test_lines),
        cmocka_unit_test(test_of_want), cmocka_unit_test(test_not_all),
        cmocka_unit_test(test_summary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
