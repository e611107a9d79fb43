/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "runtime/nft_batch.h"

static void test_comment_comes_back(void **state)
{
    size_t head = NLMSG_LENGTH(sizeof(struct nfgenmsg));
    nft_batch_auto struct nft_batch b;
    (void)state;

    nft_batch_init(&b, NFPROTO_INET, "t");
    nft_batch_add_table(&b, "whose it is");
    assert_int_equal(b.n, 1);
    assert_string_equal(nft_batch_comment(b.bytes.ptr + head, b.bytes.len - head), "whose it is");
}

/* The table is root's, but what it says of itself is still read within its bounds. */
static void test_comments_of_others(void **state)
{
    static const struct {
        unsigned char bytes[8];
        size_t len;
        const char *want;
    } cases[] = {
        { { 0, 3, 'a', 'b', 0 }, 5, "ab" },
        { { 0, 1, 0 }, 3, "" },
        { { 0, 4, 'a', 'b', 0 }, 5, NULL },
        { { 0, 3, 'a', 'b', 'c' }, 5, NULL },
        { { 1, 3, 'a', 'b', 0 }, 5, NULL },
        { { 0, 0 }, 2, NULL },
        { { 0 }, 1, NULL },
        { { 0, 255, 'a', 0 }, 4, NULL },
        { { 0, 2, 'a', 0, 'x', 'y' }, 6, "a" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct netlink_message m;
        netlink_begin(&m, 0, 0, NULL, 0);
        netlink_add(&m, NFTA_TABLE_USERDATA, cases[i].bytes, cases[i].len);
        const char *got =
            nft_batch_comment(m.u.bytes + NLMSG_HDRLEN, m.u.header.nlmsg_len - NLMSG_HDRLEN);
        if (cases[i].want) {
            assert_non_null(got);
            assert_string_equal(got, cases[i].want);
        } else {
            assert_null(got);
        }
    }
}

/* A name that does not fit makes the whole batch fail, not a shorter one. */
static void test_too_long(void **state)
{
    char name[NETLINK_MESSAGE_BYTES + 1];
    struct netlink nl = NETLINK_INIT;
    nft_batch_auto struct nft_batch b;
    struct imgc_err err;
    (void)state;

    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    nft_batch_init(&b, NFPROTO_INET, "t");
    nft_batch_add_chain(&b, "short", NULL);
    nft_batch_add_chain(&b, name, NULL);
    nft_batch_add_chain(&b, "another", NULL);
    assert_int_equal(nft_batch_send(&b, &nl, &err), -IMGC_E_LIMIT);
}

static void test_nothing(void **state)
{
    struct netlink nl = NETLINK_INIT;
    nft_batch_auto struct nft_batch b;
    struct imgc_err err;
    (void)state;

    nft_batch_init(&b, NFPROTO_INET, "t");
    assert_int_equal(nft_batch_send(&b, &nl, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comment_comes_back),
        cmocka_unit_test(test_comments_of_others),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
