/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <linux/rtnetlink.h>

#include "runtime/netlink.h"

static struct netlink_message *begin(void)
{
    struct netlink_message *m = calloc(1, sizeof *m);
    struct ifinfomsg body = { .ifi_family = 0 };

    assert_non_null(m);
    netlink_begin(m, RTM_NEWLINK, NLM_F_REQUEST, &body, sizeof body);
    assert_false(m->is_full);
    return m;
}

/* A length of 16 bits that was not checked was CVE-2021-43784 of runc: what follows in the message
 * was the attacker's. */
static void test_lengths_do_not_wrap(void **state)
{
    static const size_t lengths[] = { NETLINK_MESSAGE_BYTES, 65531, 65532, 65536, 70000, 1u << 20 };
    static char data[1u << 20];
    (void)state;

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct netlink_message *m = begin();
        struct netlink nl = NETLINK_INIT;
        struct imgc_err err;
        uint32_t before = m->u.header.nlmsg_len;

        netlink_add(m, IFLA_IFNAME, data, lengths[i]);
        assert_true(m->is_full);
        netlink_add_u32(m, IFLA_MTU, 1500); /* sticky */
        assert_true(m->is_full);
        assert_true(m->u.header.nlmsg_len <= NETLINK_MESSAGE_BYTES);
        assert_true(m->u.header.nlmsg_len >= before);
        assert_true(netlink_ask(&nl, m, &err) < 0);
        free(m);
    }
}

static void test_many_small_ones(void **state)
{
    struct netlink_message *m = begin();
    size_t nest;
    (void)state;

    nest = netlink_nest(m, IFLA_LINKINFO, NULL, 0);
    for (int i = 0; i < 10000; i++) {
        netlink_add_u32(m, IFLA_MTU, 1500);
        assert_true(m->u.header.nlmsg_len <= NETLINK_MESSAGE_BYTES);
    }
    netlink_end(m, nest);
    assert_true(m->is_full);
    free(m);
}

/* What comes back is looked at within its bounds. */
static void test_find_in_garbage(void **state)
{
    static const struct {
        uint16_t words[6];
        size_t len;
        bool found;
    } cases[] = {
        { { 8, IFLA_MTU, 0x5dc, 0 }, 8, true },  { { 9, IFLA_MTU, 0x5dc, 0 }, 8, false },
        { { 0, IFLA_MTU, 0, 0 }, 8, false },     { { 3, IFLA_MTU, 0, 0 }, 8, false },
        { { 65535, IFLA_MTU, 0, 0 }, 8, false }, { { 8, IFLA_MTU }, 3, false },
        { { 8, IFLA_MTU }, 0, false },           { { 4, IFLA_GROUP, 8, IFLA_MTU, 1, 0 }, 12, true },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = 0;
        const void *p = netlink_find(cases[i].words, cases[i].len, IFLA_MTU, &len);
        assert_int_equal(p != NULL, cases[i].found);
        assert_int_equal(p ? len : 4, 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_do_not_wrap),
        cmocka_unit_test(test_many_small_ones),
        cmocka_unit_test(test_find_in_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
