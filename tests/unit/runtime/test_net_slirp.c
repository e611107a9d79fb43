/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/net_slirp.h"

static int request(const char *port, struct imgc_buf *b, struct imgc_err *reterr)
{
    net_port_list_auto struct net_port_list list = { .n = 0 };

    int r = net_port_parse(imgc_str_of(port), &list, reterr);
    return r < 0 ? r : net_slirp_request(&list.items[0], b, reterr);
}

static void test_request(void **state)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(4096);
    struct imgc_err err;
    (void)state;

    assert_int_equal(request("8080:80", &b, &err), 0);
    assert_string_equal(b.ptr, "{\"execute\":\"add_hostfwd\",\"arguments\":{\"proto\":\"tcp\","
                               "\"host_addr\":\"0.0.0.0\",\"host_port\":8080,"
                               "\"guest_addr\":\"10.0.2.100\",\"guest_port\":80}}\n");
    imgc_buf_clear(&b);
    assert_int_equal(request("127.0.0.1:5300:53/udp", &b, &err), 0);
    assert_non_null(strstr(b.ptr, "\"proto\":\"udp\",\"host_addr\":\"127.0.0.1\""));
    assert_int_equal(request("[::1]:80:80", &b, &err), -(int)IMGC_E_HOST);
    assert_non_null(strstr(err.msg, "passt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_request) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
