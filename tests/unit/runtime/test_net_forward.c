/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

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

/* "inet|ip|ip6 TABLE CHAIN", what is done, and of a new rule its comment. */
static void describe(const struct nft_batch *batch, struct imgc_buf *b)
{
    size_t at = 0, head = NLMSG_LENGTH(sizeof(struct nfgenmsg));

    while (at < batch->bytes.len) {
        struct nlmsghdr h;
        struct nfgenmsg info;
        uint64_t handle = 0;
        size_t len = 0;
        memcpy(&h, batch->bytes.ptr + at, sizeof h);
        memcpy(&info, batch->bytes.ptr + at + NLMSG_HDRLEN, sizeof info);
        const char *p = batch->bytes.ptr + at + head;
        size_t rest = h.nlmsg_len - head;
        const void *number = netlink_find(p, rest, NFTA_RULE_HANDLE, &len);
        memcpy(&handle, number ? number : &handle, sizeof handle);
        const char *comment = netlink_find(p, rest, NFTA_RULE_USERDATA, &len);
        imgc_buf_printf(b, "%u %s %s", info.nfgen_family,
                        (const char *)netlink_find(p, rest, NFTA_RULE_TABLE, &len),
                        (const char *)netlink_find(p, rest, NFTA_RULE_CHAIN, &len));
        if ((h.nlmsg_type & 0xff) == NFT_MSG_DELRULE) {
            imgc_buf_printf(b, " delete %llu\n", (unsigned long long)be64toh(handle));
        } else {
            imgc_buf_printf(b, " add %s %s %s\n", memmem(p, rest, "imgc0", 6) ? "imgc0" : "imgc1",
                            memmem(p, rest, "counter", 8) ? "counted" : "", comment + 2);
        }
        at += h.nlmsg_len;
    }
    imgc_buf_puts(b, "");
}

static const char *fill(const struct net_forward *f, size_t n_bridges, struct imgc_buf *b)
{
    nft_batch_auto struct nft_batch batch;

    imgc_buf_clear(b);
    nft_batch_init(&batch, NFPROTO_UNSPEC, "");
    net_forward_fill(f, "imgc", bridges, n_bridges, &batch);
    describe(&batch, b);
    return b->ptr;
}

static void test_fill(void **state)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEXT_BYTES);
    (void)state;

    /* One of ours in a chain that accepts by now goes, and somebody's own chain is not touched. */
    assert_string_equal(fill(&dropping, 2, &b),
                        "2 filter FORWARD delete 7\n"
                        "10 filter FORWARD delete 9\n"
                        "2 filter FORWARD add imgc0 counted forwarding of imgc\n"
                        "2 filter FORWARD add imgc0 counted forwarding of imgc\n"
                        "2 filter FORWARD add imgc1 counted forwarding of imgc\n"
                        "2 filter FORWARD add imgc1 counted forwarding of imgc\n");
    assert_string_equal(fill(&dropping, 0, &b), "2 filter FORWARD delete 7\n"
                                                "10 filter FORWARD delete 9\n");
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

    assert_string_equal(fill(&open, 2, &b), "");
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
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_fill),
                                        cmocka_unit_test(test_nothing_to_do),
                                        cmocka_unit_test(test_warning) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
