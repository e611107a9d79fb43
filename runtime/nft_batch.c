/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/nft_batch.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define REGISTER_BYTES 4u
#define ADDRESS_BYTES 16u /* of the longer ones */
#define TYPE_BITS 6       /* of a part's type, in that of a key of several */

/* Where a packet's address and port stand. */
enum { IPV4_SOURCE = 12, IPV4_DESTINATION = 16, IPV6_SOURCE = 8, IPV6_DESTINATION = 24, PORT = 2 };

/* What nft keeps of its own in the kernel, which is shown as "comment". */
enum { USER_TABLE_COMMENT = 0, USER_RULE_COMMENT = 0 };

void nft_batch_init(struct nft_batch *b, uint8_t family, const char *table)
{
    *b = (struct nft_batch){ .family = family, .table = table };
    imgc_buf_init(&b->bytes, NFT_BATCH_BYTES);
}

void nft_batch_done(struct nft_batch *b)
{
    imgc_buf_done(&b->bytes);
}

static void add_be32(struct netlink_message *m, uint16_t type, uint32_t value)
{
    netlink_add_u32(m, type, htonl(value));
}

static size_t nest(struct netlink_message *m, uint16_t type)
{
    return netlink_nest(m, (uint16_t)(type | NLA_F_NESTED), NULL, 0);
}

static void begin(struct nft_batch *b, uint16_t type, uint16_t flags)
{
    const struct nfgenmsg info = { .nfgen_family = b->family, .version = NFNETLINK_V0 };

    netlink_begin(&b->m, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, &info, sizeof info);
}

/* As netlink_begin() pads, a message ends where the next may begin. */
static void end(struct nft_batch *b)
{
    b->m.u.header.nlmsg_seq = ++b->n;
    if (b->m.is_full) {
        b->bytes.state = IMGC_BUF_FULL;
        return;
    }
    imgc_buf_add(&b->bytes, b->m.u.bytes, b->m.u.header.nlmsg_len);
}

/* "user data" of nft's: type, length, text with its NUL. */
static void add_comment(struct netlink_message *m, uint16_t type, uint8_t kind, const char *comment)
{
    uint8_t bytes[2 + NFT_BATCH_COMMENT_MAX] = { kind };
    size_t len = strlen(comment) + 1;

    assert(len <= NFT_BATCH_COMMENT_MAX);
    bytes[1] = (uint8_t)len;
    memcpy(bytes + 2, comment, len);
    netlink_add(m, type, bytes, 2 + len);
}

void nft_batch_add_table(struct nft_batch *b, const char *comment)
{
    begin(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    netlink_add_text(&b->m, NFTA_TABLE_NAME, b->table);
    add_be32(&b->m, NFTA_TABLE_FLAGS, 0);
    if (comment) {
        add_comment(&b->m, NFTA_TABLE_USERDATA, USER_TABLE_COMMENT, comment);
    }
    end(b);
}

const char *nft_batch_comment(const void *attributes, size_t len)
{
    size_t n = 0, own;
    const uint8_t *p = netlink_find(attributes, len, NFTA_TABLE_USERDATA, &n);

    if (!p || n < 2 || p[0] != USER_TABLE_COMMENT) {
        return NULL;
    }
    own = p[1];
    return own > 0 && own <= n - 2 && p[2 + own - 1] == '\0' ? (const char *)p + 2 : NULL;
}

void nft_batch_delete_table(struct nft_batch *b)
{
    begin(b, NFT_MSG_DELTABLE, 0);
    netlink_add_text(&b->m, NFTA_TABLE_NAME, b->table);
    end(b);
}

void nft_batch_add_chain(struct nft_batch *b, const char *name, const struct nft_batch_hook *hook)
{
    begin(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    netlink_add_text(&b->m, NFTA_CHAIN_TABLE, b->table);
    netlink_add_text(&b->m, NFTA_CHAIN_NAME, name);
    if (hook) {
        netlink_add_text(&b->m, NFTA_CHAIN_TYPE, hook->type);
        add_be32(&b->m, NFTA_CHAIN_POLICY, NF_ACCEPT);
        size_t start = nest(&b->m, NFTA_CHAIN_HOOK);
        add_be32(&b->m, NFTA_HOOK_HOOKNUM, hook->number);
        add_be32(&b->m, NFTA_HOOK_PRIORITY, (uint32_t)hook->priority);
        netlink_end(&b->m, start);
    }
    end(b);
}

/* ---- maps ---- */

static uint32_t type_of(const enum nft_batch_type parts[NFT_BATCH_PARTS])
{
    uint32_t type = 0;

    for (size_t i = 0; i < NFT_BATCH_PARTS && parts[i] != 0; i++) {
        type = type << TYPE_BITS | (uint32_t)parts[i];
    }
    return type;
}

/* In whole registers. */
static uint32_t bytes_of(const enum nft_batch_type parts[NFT_BATCH_PARTS])
{
    uint32_t bytes = 0;

    for (size_t i = 0; i < NFT_BATCH_PARTS && parts[i] != 0; i++) {
        bytes += parts[i] == NFT_BATCH_IPV6_ADDR ? 4 * REGISTER_BYTES : REGISTER_BYTES;
    }
    return bytes;
}

void nft_batch_add_map(struct nft_batch *b, const struct nft_batch_map *map)
{
    begin(b, NFT_MSG_NEWSET, NLM_F_CREATE);
    netlink_add_text(&b->m, NFTA_SET_TABLE, b->table);
    netlink_add_text(&b->m, NFTA_SET_NAME, map->name);
    add_be32(&b->m, NFTA_SET_FLAGS, NFT_SET_MAP);
    add_be32(&b->m, NFTA_SET_KEY_TYPE, type_of(map->key));
    add_be32(&b->m, NFTA_SET_KEY_LEN, bytes_of(map->key));
    add_be32(&b->m, NFTA_SET_DATA_TYPE, type_of(map->data));
    add_be32(&b->m, NFTA_SET_DATA_LEN, bytes_of(map->data));
    add_be32(&b->m, NFTA_SET_ID, map->id);
    end(b);
}

void nft_batch_begin_elements(struct nft_batch *b, const struct nft_batch_map *map)
{
    begin(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
    netlink_add_text(&b->m, NFTA_SET_ELEM_LIST_TABLE, b->table);
    netlink_add_text(&b->m, NFTA_SET_ELEM_LIST_SET, map->name);
    add_be32(&b->m, NFTA_SET_ELEM_LIST_SET_ID, map->id);
    b->list = nest(&b->m, NFTA_SET_ELEM_LIST_ELEMENTS);
}

static void add_value(struct netlink_message *m, uint16_t type, const void *value, size_t len)
{
    size_t start = nest(m, type);

    netlink_add(m, NFTA_DATA_VALUE, value, len);
    netlink_end(m, start);
}

void nft_batch_element(struct nft_batch *b, const struct nft_batch_map *map, const void *key,
                       size_t key_len, const void *data, size_t data_len)
{
    size_t room = key_len + data_len + 8 * sizeof(struct nlattr);

    assert(key_len == bytes_of(map->key) && data_len == bytes_of(map->data));
    if (b->m.u.header.nlmsg_len + room > sizeof b->m.u) { /* go on in another message */
        nft_batch_end_elements(b);
        nft_batch_begin_elements(b, map);
    }
    size_t start = nest(&b->m, NFTA_LIST_ELEM);
    add_value(&b->m, NFTA_SET_ELEM_KEY, key, key_len);
    add_value(&b->m, NFTA_SET_ELEM_DATA, data, data_len);
    netlink_end(&b->m, start);
}

void nft_batch_end_elements(struct nft_batch *b)
{
    netlink_end(&b->m, b->list);
    end(b);
}

/* ---- rules ---- */

void nft_batch_begin_rule(struct nft_batch *b, const char *chain)
{
    begin(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    netlink_add_text(&b->m, NFTA_RULE_TABLE, b->table);
    netlink_add_text(&b->m, NFTA_RULE_CHAIN, chain);
    b->list = nest(&b->m, NFTA_RULE_EXPRESSIONS);
}

void nft_batch_end_rule(struct nft_batch *b, const char *comment)
{
    netlink_end(&b->m, b->list);
    if (comment) {
        add_comment(&b->m, NFTA_RULE_USERDATA, USER_RULE_COMMENT, comment);
    }
    end(b);
}

void nft_batch_delete_rule(struct nft_batch *b, const char *chain, uint64_t handle)
{
    const uint64_t be = htobe64(handle);

    begin(b, NFT_MSG_DELRULE, 0);
    netlink_add_text(&b->m, NFTA_RULE_TABLE, b->table);
    netlink_add_text(&b->m, NFTA_RULE_CHAIN, chain);
    netlink_add(&b->m, NFTA_RULE_HANDLE, &be, sizeof be);
    end(b);
}

/* @return for end_expression(). */
static size_t begin_expression(struct nft_batch *b, const char *name)
{
    size_t start = nest(&b->m, NFTA_LIST_ELEM);

    netlink_add_text(&b->m, NFTA_EXPR_NAME, name);
    b->nest = nest(&b->m, NFTA_EXPR_DATA);
    return start;
}

static void end_expression(struct nft_batch *b, size_t start)
{
    netlink_end(&b->m, b->nest);
    netlink_end(&b->m, start);
}

static uint32_t reg(size_t i)
{
    return NFT_REG32_00 + (uint32_t)i;
}

/* Of meta, ct and fib the first attributes are where to and what. */
static void load(struct nft_batch *b, const char *what, uint32_t key, size_t to)
{
    _Static_assert((int)NFTA_META_DREG == (int)NFTA_CT_DREG, "alike");
    _Static_assert((int)NFTA_META_KEY == (int)NFTA_CT_KEY, "alike");
    size_t start = begin_expression(b, what);

    add_be32(&b->m, NFTA_META_DREG, reg(to));
    add_be32(&b->m, NFTA_META_KEY, key);
    end_expression(b, start);
}

static void load_payload(struct nft_batch *b, enum nft_payload_bases base, uint32_t offset,
                         size_t len, size_t to)
{
    size_t start = begin_expression(b, "payload");

    add_be32(&b->m, NFTA_PAYLOAD_DREG, reg(to));
    add_be32(&b->m, NFTA_PAYLOAD_BASE, base);
    add_be32(&b->m, NFTA_PAYLOAD_OFFSET, offset);
    add_be32(&b->m, NFTA_PAYLOAD_LEN, (uint32_t)len);
    end_expression(b, start);
}

/* Of what the first registers hold. */
static void compare(struct nft_batch *b, enum nft_cmp_ops op, const void *value, size_t len)
{
    size_t start = begin_expression(b, "cmp");

    add_be32(&b->m, NFTA_CMP_SREG, reg(0));
    add_be32(&b->m, NFTA_CMP_OP, op);
    add_value(&b->m, NFTA_CMP_DATA, value, len);
    end_expression(b, start);
}

static void mask(struct nft_batch *b, const void *bits, size_t len)
{
    static const uint8_t zero[ADDRESS_BYTES];
    size_t start = begin_expression(b, "bitwise");

    add_be32(&b->m, NFTA_BITWISE_SREG, reg(0));
    add_be32(&b->m, NFTA_BITWISE_DREG, reg(0));
    add_be32(&b->m, NFTA_BITWISE_LEN, (uint32_t)len);
    add_value(&b->m, NFTA_BITWISE_MASK, bits, len);
    add_value(&b->m, NFTA_BITWISE_XOR, zero, len);
    end_expression(b, start);
}

void nft_batch_match_family(struct nft_batch *b, int family)
{
    const uint8_t value = (uint8_t)family;

    load(b, "meta", NFT_META_NFPROTO, 0);
    compare(b, NFT_CMP_EQ, &value, sizeof value);
}

static uint32_t address_offset(int family, bool is_source)
{
    if (family == AF_INET) {
        return is_source ? IPV4_SOURCE : IPV4_DESTINATION;
    }
    return is_source ? IPV6_SOURCE : IPV6_DESTINATION;
}

void nft_batch_match_net(struct nft_batch *b, const struct ip_net *net, bool is_source, bool is_not)
{
    size_t len = ip_bytes(net->addr.family);
    uint8_t bits[ADDRESS_BYTES] = { 0 };

    for (unsigned i = 0; i < net->prefix; i++) {
        bits[i / 8] = (uint8_t)(bits[i / 8] | 0x80u >> i % 8);
    }
    load_payload(b, NFT_PAYLOAD_NETWORK_HEADER, address_offset(net->addr.family, is_source), len,
                 0);
    if (net->prefix < 8 * len) {
        mask(b, bits, len);
    }
    compare(b, is_not ? NFT_CMP_NEQ : NFT_CMP_EQ, net->addr.bytes, len);
}

void nft_batch_match_interface(struct nft_batch *b, const char *interface, bool is_in, bool is_not)
{
    char name[IFNAMSIZ] = "";

    (void)snprintf(name, sizeof name, "%s", interface);
    load(b, "meta", is_in ? NFT_META_IIFNAME : NFT_META_OIFNAME, 0);
    compare(b, is_not ? NFT_CMP_NEQ : NFT_CMP_EQ, name, sizeof name);
}

void nft_batch_match_local(struct nft_batch *b)
{
    const uint32_t local = RTN_LOCAL;
    size_t start = begin_expression(b, "fib");

    add_be32(&b->m, NFTA_FIB_DREG, reg(0));
    add_be32(&b->m, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    add_be32(&b->m, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
    end_expression(b, start);
    compare(b, NFT_CMP_EQ, &local, sizeof local);
}

static void match_bits(struct nft_batch *b, enum nft_ct_keys key, uint32_t bits)
{
    const uint32_t zero = 0;

    load(b, "ct", key, 0);
    mask(b, &bits, sizeof bits);
    compare(b, NFT_CMP_NEQ, &zero, sizeof zero);
}

void nft_batch_match_state(struct nft_batch *b, uint32_t bits)
{
    match_bits(b, NFT_CT_STATE, bits);
}

void nft_batch_match_status(struct nft_batch *b, uint32_t bits)
{
    match_bits(b, NFT_CT_STATUS, bits);
}

void nft_batch_count(struct nft_batch *b)
{
    end_expression(b, begin_expression(b, "counter"));
}

void nft_batch_verdict(struct nft_batch *b, int verdict, const char *chain)
{
    size_t start = begin_expression(b, "immediate");

    add_be32(&b->m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    size_t data = nest(&b->m, NFTA_IMMEDIATE_DATA);
    size_t inner = nest(&b->m, NFTA_DATA_VERDICT);
    add_be32(&b->m, NFTA_VERDICT_CODE, (uint32_t)verdict);
    if (chain) {
        netlink_add_text(&b->m, NFTA_VERDICT_CHAIN, chain);
    }
    netlink_end(&b->m, inner);
    netlink_end(&b->m, data);
    end_expression(b, start);
}

void nft_batch_masquerade(struct nft_batch *b)
{
    end_expression(b, begin_expression(b, "masq"));
}

static void look_up(struct nft_batch *b, const struct nft_batch_map *map)
{
    size_t start = begin_expression(b, "lookup");

    netlink_add_text(&b->m, NFTA_LOOKUP_SET, map->name);
    add_be32(&b->m, NFTA_LOOKUP_SREG, reg(0));
    add_be32(&b->m, NFTA_LOOKUP_DREG, reg(0));
    add_be32(&b->m, NFTA_LOOKUP_SET_ID, map->id);
    end_expression(b, start);
}

void nft_batch_dnat(struct nft_batch *b, const struct nft_batch_map *map, int family,
                    bool with_address)
{
    size_t bytes = ip_bytes(family), i = 0;

    if (with_address) {
        load_payload(b, NFT_PAYLOAD_NETWORK_HEADER, address_offset(family, false), bytes, 0);
        i = bytes / REGISTER_BYTES;
    }
    load(b, "meta", NFT_META_L4PROTO, i);
    load_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, PORT, sizeof(uint16_t), i + 1);
    look_up(b, map);
    size_t start = begin_expression(b, "nat");
    add_be32(&b->m, NFTA_NAT_TYPE, NFT_NAT_DNAT);
    add_be32(&b->m, NFTA_NAT_FAMILY, family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
    add_be32(&b->m, NFTA_NAT_REG_ADDR_MIN, reg(0));
    add_be32(&b->m, NFTA_NAT_REG_PROTO_MIN, reg(bytes / REGISTER_BYTES));
    end_expression(b, start);
}

/* ---- the transaction ---- */

static void add_frame(uint16_t type, struct imgc_buf *b)
{
    const struct nfgenmsg info = { .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };
    struct netlink_message m;

    netlink_begin(&m, type, 0, &info, sizeof info);
    imgc_buf_add(b, m.u.bytes, m.u.header.nlmsg_len);
}

int nft_batch_send(struct nft_batch *b, struct netlink *nl, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf all = IMGC_BUF_INIT(NFT_BATCH_BYTES);
    struct imgc_str text;

    if (b->n == 0) {
        return 0;
    }
    int r = imgc_buf_finish(&b->bytes, &text, reterr);
    if (r < 0) {
        return r;
    }
    add_frame(NFNL_MSG_BATCH_BEGIN, &all);
    imgc_buf_str(&all, text);
    add_frame(NFNL_MSG_BATCH_END, &all);
    r = imgc_buf_finish(&all, &text, reterr);
    r = r < 0 ? r : netlink_send_batch(nl, all.ptr, all.len, reterr);
    if (r < 0 && reterr->sys != 0) {
        reterr->code = IMGC_E_HOST;
        return imgc_context(reterr, "nftables");
    }
    return r;
}
