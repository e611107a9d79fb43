/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "runtime/net_nft.h"

#define PORTS 500

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

/* ---- what a batch says, a line for each of its messages ---- */

struct part {
    const char *ptr;
    size_t len;
};

static struct part find(struct part in, uint16_t type)
{
    struct part p = { .len = 0 };

    p.ptr = netlink_find(in.ptr, in.len, type, &p.len);
    return p;
}

static void add_text(struct imgc_buf *b, const char *what, struct part p)
{
    assert_non_null(p.ptr);
    assert_int_equal(p.ptr[p.len - 1], '\0');
    imgc_buf_printf(b, "%s %s", what, p.ptr);
}

static void add_hex(struct imgc_buf *b, struct part p)
{
    p = find(p, NFTA_DATA_VALUE);
    assert_non_null(p.ptr);
    imgc_buf_putc(b, ' ');
    for (size_t i = 0; i < p.len; i++) {
        imgc_buf_printf(b, "%02x", (unsigned char)p.ptr[i]);
    }
}

/* Calls @each with what is in each element of a list. */
static void walk(struct part list, void (*each)(struct imgc_buf *b, struct part p),
                 struct imgc_buf *b)
{
    struct nlattr a;

    while (list.len >= sizeof a) {
        memcpy(&a, list.ptr, sizeof a);
        size_t step = (a.nla_len + (size_t)3) / 4 * 4;
        assert_int_equal(a.nla_type & NLA_TYPE_MASK, NFTA_LIST_ELEM);
        assert_true(a.nla_len >= sizeof a && step <= list.len);
        each(b, (struct part){ list.ptr + sizeof a, a.nla_len - sizeof a });
        list.ptr += step;
        list.len -= step;
    }
    assert_int_equal(list.len, 0);
}

static void add_expression(struct imgc_buf *b, struct part p)
{
    add_text(b, "", find(p, NFTA_EXPR_NAME));
}

static void add_element(struct imgc_buf *b, struct part p)
{
    imgc_buf_puts(b, " {");
    add_hex(b, find(p, NFTA_SET_ELEM_KEY));
    add_hex(b, find(p, NFTA_SET_ELEM_DATA));
    imgc_buf_puts(b, " }");
}

static void describe(struct imgc_buf *b, uint16_t type, struct part p)
{
    switch (type & 0xff) {
    case NFT_MSG_NEWCHAIN:
        add_text(b, "chain", find(p, NFTA_CHAIN_NAME));
        imgc_buf_puts(b, find(p, NFTA_CHAIN_HOOK).ptr ? " hook" : "");
        break;
    case NFT_MSG_NEWSET:
        add_text(b, "map", find(p, NFTA_SET_NAME));
        break;
    case NFT_MSG_NEWSETELEM:
        add_text(b, "elements", find(p, NFTA_SET_ELEM_LIST_SET));
        walk(find(p, NFTA_SET_ELEM_LIST_ELEMENTS), add_element, b);
        break;
    case NFT_MSG_NEWRULE:
        add_text(b, "rule", find(p, NFTA_RULE_CHAIN));
        imgc_buf_putc(b, ':');
        walk(find(p, NFTA_RULE_EXPRESSIONS), add_expression, b);
        break;
    default:
        fail_msg("type %u", type);
    }
    imgc_buf_putc(b, '\n');
}

/* @return how many messages there were. */
static size_t describe_all(const struct nft_batch *batch, struct imgc_buf *b)
{
    size_t at = 0, n = 0, head = NLMSG_LENGTH(sizeof(struct nfgenmsg));

    assert_int_equal(batch->bytes.state, IMGC_BUF_OK);
    while (at < batch->bytes.len) {
        struct nlmsghdr h;
        memcpy(&h, batch->bytes.ptr + at, sizeof h);
        assert_int_equal(h.nlmsg_seq, ++n);
        assert_int_equal(h.nlmsg_type >> 8, NFNL_SUBSYS_NFTABLES);
        assert_true(h.nlmsg_len >= head && h.nlmsg_len <= batch->bytes.len - at);
        assert_int_equal(h.nlmsg_len % NLMSG_ALIGNTO, 0);
        describe(b, h.nlmsg_type,
                 (struct part){ batch->bytes.ptr + at + head, h.nlmsg_len - head });
        at += h.nlmsg_len;
    }
    return n;
}

/* ---- */

static const char golden[] =
    "chain ports\n"
    "chain nat_in hook\n"
    "chain nat_local hook\n"
    "chain nat_out hook\n"
    "chain forward hook\n"
    "map named4\n"
    "elements named4 { c00002011100000000350000 0a57000214e90000 }\n"
    "map named6\n"
    "map any4\n"
    "elements any4 { 060000001f900000 0a57000200500000 } { 06000000005a0000 0a570002005a0000 }\n"
    "map any6\n"
    "elements any6 { 060000001f900000 fd00000000000000000000000000000200500000 }\n"
    "rule ports: meta cmp payload bitwise cmp immediate\n"
    "rule ports: meta cmp payload cmp immediate\n"
    "rule ports: meta cmp payload bitwise cmp immediate\n"
    "rule ports: meta cmp payload meta payload lookup nat\n"
    "rule ports: meta cmp payload meta payload lookup nat\n"
    "rule ports: meta payload lookup nat\n"
    "rule ports: meta payload lookup nat\n"
    "rule nat_in: fib cmp immediate\n"
    "rule nat_local: fib cmp immediate\n"
    "rule nat_out: meta cmp payload bitwise cmp payload bitwise cmp meta cmp masq\n"
    "rule nat_out: meta cmp payload bitwise cmp meta cmp ct bitwise cmp masq\n"
    "rule nat_out: meta cmp payload bitwise cmp payload bitwise cmp meta cmp masq\n"
    "rule nat_out: meta cmp payload bitwise cmp meta cmp ct bitwise cmp masq\n"
    "rule nat_out: meta cmp payload bitwise cmp meta cmp ct bitwise cmp masq\n"
    "rule forward: meta cmp meta cmp immediate\n"
    "rule forward: meta cmp ct bitwise cmp immediate\n"
    "rule forward: meta cmp ct bitwise cmp immediate\n"
    "rule forward: meta cmp immediate\n"
    "rule forward: meta cmp meta cmp immediate\n"
    "rule forward: meta cmp immediate\n"
    "rule forward: meta cmp immediate\n";

/* What the rules say in the end is asked of nft, by tests/e2e/48_network.bats. */
static void test_fill(void **state)
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
    nft_batch_auto struct nft_batch batch;
    struct imgc_err err;
    (void)state;

    /* One of loopback has no rule: it is served where it is. 0.0.0.0 is IPv4 alone. */
    assert_int_equal(net_port_read(imgc_str_of("tcp * 8080 80\nudp 192.0.2.1 53 5353\n"
                                               "tcp 127.0.0.1 81 81\ntcp 0.0.0.0 90 90\n"),
                                   &target.ports, &err),
                     0);
    nft_batch_init(&batch, NFPROTO_INET, rules.table);
    net_nft_fill(&rules, &batch);
    (void)describe_all(&batch, &b);
    assert_string_equal(b.ptr, golden);
    net_port_list_done(&target.ports);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;

    for (const char *p = text; (p = strstr(p, what)); p++) {
        n++;
    }
    return n;
}

/* More than one message takes. */
static void test_many_ports(void **state)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1u << 20), lines = IMGC_BUF_INIT(1u << 20);
    struct net_nft_target target = { .address6 = addr("fd00::2") };
    const struct net_nft_rules rules = { .table = "imgc", .targets = &target, .n_targets = 1 };
    nft_batch_auto struct nft_batch batch;
    struct imgc_err err;
    (void)state;

    for (unsigned i = 1; i <= PORTS; i++) {
        imgc_buf_printf(&lines, "udp 2001:db8::1 %u 80\n", i);
    }
    assert_int_equal(net_port_read((struct imgc_str){ lines.ptr, lines.len }, &target.ports, &err),
                     0);
    nft_batch_init(&batch, NFPROTO_INET, rules.table);
    net_nft_fill(&rules, &batch);
    assert_true(describe_all(&batch, &b) > PORTS / 20);
    assert_int_equal(count(b.ptr, "{ 20010db8000000000000000000000001"), PORTS);
    net_port_list_done(&target.ports);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_fill),
                                        cmocka_unit_test(test_many_ports) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
