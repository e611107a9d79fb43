/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_forward.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>

#include "runtime/net_iptables.h"
#include "runtime/net_nft.h"

#define MARK "forwarding of " /* and the name of the store's table: the rules' comment */
#define MARK_MAX (sizeof MARK + NET_NFT_TABLE_MAX)
#define TRIES 3 /* others change their tables, too */

/* What stands behind the header of a message, and who it belongs to. */
struct attributes {
    const char *ptr;
    size_t len;
    uint8_t family;
};

static bool open_message(const struct nlmsghdr *h, struct attributes *ret)
{
    const struct nfgenmsg *info = (const void *)netlink_body(h);
    size_t head = NLMSG_ALIGN(sizeof *info);

    if (h->nlmsg_len < NLMSG_LENGTH(head)) {
        return false;
    }
    *ret = (struct attributes){ .ptr = (const char *)info + head,
                                .len = h->nlmsg_len - NLMSG_LENGTH(head),
                                .family = info->nfgen_family };
    return true;
}

static bool get_u32(const void *attributes, size_t len, uint16_t type, uint32_t *ret)
{
    size_t n = 0;
    const void *p = netlink_find(attributes, len, type, &n);

    if (!p || n != sizeof *ret) {
        return false;
    }
    memcpy(ret, p, sizeof *ret);
    *ret = ntohl(*ret);
    return true;
}

/* @return whether it is there and fits. */
static bool get_text(const struct attributes *a, uint16_t type, char ret[NET_FORWARD_NAME])
{
    size_t n = 0;
    const char *p = netlink_find(a->ptr, a->len, type, &n);

    if (!p || n == 0 || n > NET_FORWARD_NAME || p[n - 1] != '\0') {
        return false;
    }
    memcpy(ret, p, n);
    return true;
}

static bool is_forward_hook(const struct attributes *a)
{
    uint32_t number = 0;
    size_t len = 0;
    const void *hook = netlink_find(a->ptr, a->len, NFTA_CHAIN_HOOK, &len);

    return hook && get_u32(hook, len, NFTA_HOOK_HOOKNUM, &number) && number == NF_INET_FORWARD &&
           (a->family == NFPROTO_INET || a->family == NFPROTO_IPV4 || a->family == NFPROTO_IPV6);
}

static int read_chain(void *arg, const struct nlmsghdr *h, struct imgc_err *reterr)
{
    struct net_forward_chain c = { .is_drop = false };
    struct net_forward *f = arg;
    struct attributes a;
    uint32_t policy = NF_ACCEPT;
    (void)reterr;

    if (f->n_chains == NET_FORWARD_CHAINS || !open_message(h, &a) || !is_forward_hook(&a) ||
        !get_text(&a, NFTA_CHAIN_TABLE, c.table) || !get_text(&a, NFTA_CHAIN_NAME, c.name)) {
        return 0;
    }
    c.family = a.family;
    c.is_drop = get_u32(a.ptr, a.len, NFTA_CHAIN_POLICY, &policy) && policy == NF_DROP;
    c.is_shared = c.family != NFPROTO_INET && strcmp(c.table, "filter") == 0 &&
                  strcmp(c.name, "FORWARD") == 0;
    if (c.is_drop || c.is_shared) {
        f->chains[f->n_chains++] = c;
    }
    return 0;
}

/* Wherever it stands: nft keeps a comment beside the rule, iptables in a match of it. */
static bool has_bytes(const struct attributes *a, const char *bytes, size_t len)
{
    return memmem(a->ptr, a->len, bytes, len) != NULL;
}

struct rules {
    struct net_forward *f;
    size_t chain;
    char mark[MARK_MAX];
};

static int read_rule(void *arg, const struct nlmsghdr *h, struct imgc_err *reterr)
{
    struct rules *r = arg;
    struct net_forward *f = r->f;
    struct attributes a;
    uint64_t handle;
    size_t len = 0;
    (void)reterr;

    if (f->n_rules == NET_FORWARD_RULES || !open_message(h, &a) ||
        !has_bytes(&a, r->mark, strlen(r->mark) + 1)) {
        return 0;
    }
    const void *p = netlink_find(a.ptr, a.len, NFTA_RULE_HANDLE, &len);
    if (p && len == sizeof handle) {
        memcpy(&handle, p, sizeof handle);
        f->rules[f->n_rules++] =
            (struct net_forward_rule){ .chain = r->chain, .handle = be64toh(handle) };
    }
    return 0;
}

struct reader {
    netlink_each each;
    void *arg;
};

/* @name  NULL: the rules of all chains of the table. */
static int dump_rules(struct netlink *nl, const struct net_forward_chain *c, const char *name,
                      const struct reader *reader, struct imgc_err *reterr)
{
    const struct nfgenmsg info = { .nfgen_family = c->family, .version = NFNETLINK_V0 };
    struct netlink_message m;

    netlink_begin(&m, (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETRULE, NLM_F_DUMP, &info,
                  sizeof info);
    netlink_add_text(&m, NFTA_RULE_TABLE, c->table);
    if (name) {
        netlink_add_text(&m, NFTA_RULE_CHAIN, name);
    }
    int r = netlink_dump(nl, &m, reader->each, reader->arg, reterr);
    return r < 0 && reterr->sys == ENOENT ? 0 : r; /* gone meanwhile */
}

static int dump_chains(struct netlink *nl, struct net_forward *f, struct imgc_err *reterr)
{
    const struct nfgenmsg info = { .nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0 };
    struct netlink_message m;

    netlink_begin(&m, (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETCHAIN, NLM_F_DUMP, &info,
                  sizeof info);
    return netlink_dump(nl, &m, read_chain, f, reterr);
}

int net_forward_find(struct netlink *nl, const char *table, struct net_forward *ret,
                     struct imgc_err *reterr)
{
    struct rules rules = { .f = ret };
    const struct reader reader = { .each = read_rule, .arg = &rules };

    ret->n_chains = ret->n_rules = 0;
    (void)snprintf(rules.mark, sizeof rules.mark, MARK "%s", table);
    int r = dump_chains(nl, ret, reterr);
    for (size_t i = 0; r == 0 && i < ret->n_chains; i++) {
        if (ret->chains[i].is_shared) {
            rules.chain = i;
            r = dump_rules(nl, &ret->chains[i], ret->chains[i].name, &reader, reterr);
        }
    }
    return r;
}

struct search {
    const char *name;
    bool is_found;
};

static int read_name(void *arg, const struct nlmsghdr *h, struct imgc_err *reterr)
{
    struct search *s = arg;
    struct attributes a;
    (void)reterr;

    s->is_found =
        s->is_found || (open_message(h, &a) && has_bytes(&a, s->name, strlen(s->name) + 1));
    return 0;
}

int net_forward_is_named(struct netlink *nl, const struct net_forward_chain *chain,
                         const char *bridge, bool *ret, struct imgc_err *reterr)
{
    struct search s = { .name = bridge };
    const struct reader reader = { .each = read_name, .arg = &s };

    int r = dump_rules(nl, chain, NULL, &reader, reterr);
    *ret = s.is_found;
    return r;
}

static const char *family_of(const struct net_forward_chain *c)
{
    return c->family == NFPROTO_INET ? "inet" : c->family == NFPROTO_IPV4 ? "ip" : "ip6";
}

/* What follows in the batch is of that chain's table. */
static void turn_to(struct nft_batch *b, const struct net_forward_chain *c)
{
    b->family = c->family;
    b->table = c->table;
}

void net_forward_fill(const struct net_forward *f, const char *table, const char *const *bridges,
                      size_t n_bridges, struct nft_batch *b)
{
    char mark[MARK_MAX];

    (void)snprintf(mark, sizeof mark, MARK "%s", table);
    for (size_t i = 0; i < f->n_rules; i++) {
        const struct net_forward_chain *c = &f->chains[f->rules[i].chain];
        turn_to(b, c);
        nft_batch_delete_rule(b, c->name, f->rules[i].handle);
    }
    for (size_t i = 0; i < f->n_chains; i++) {
        const struct net_forward_chain *c = &f->chains[i];
        for (size_t j = 0; c->is_shared && c->is_drop && j < 2 * n_bridges; j++) {
            turn_to(b, c);
            nft_batch_begin_rule(b, c->name);
            nft_batch_match_interface(b, bridges[j / 2], j % 2 == 0, false);
            nft_batch_count(b);
            nft_batch_verdict(b, NF_ACCEPT, NULL);
            nft_batch_end_rule(b, mark);
        }
    }
}

void net_forward_warning(const struct net_forward *f, const char *bridge, struct imgc_buf *b)
{
    const char *separator = "";
    size_t start = b->len;

    for (size_t i = 0; i < f->n_chains; i++) {
        const struct net_forward_chain *c = &f->chains[i];
        if (!c->is_drop || c->is_shared) {
            continue;
        }
        if (b->len == start) {
            imgc_buf_puts(b,
                          "this host's firewall drops what it forwards, so the container reaches "
                          "nothing outside; to allow it: nft '");
        }
        imgc_buf_printf(b,
                        "%sadd rule %s %s %s iifname %s accept; "
                        "add rule %s %s %s oifname %s accept",
                        separator, family_of(c), c->table, c->name, bridge, family_of(c), c->table,
                        c->name, bridge);
        separator = "; ";
    }
    imgc_buf_puts(b, b->len > start ? "'" : "");
}

static int apply_nft(struct netlink *nl, const char *table, const char *const *bridges,
                     size_t n_bridges, struct imgc_err *reterr)
{
    int r = 0;

    /* A rule that somebody else has removed meanwhile makes the whole batch fail. */
    for (int i = 0; i < TRIES; i++) {
        nft_batch_auto struct nft_batch batch;
        struct net_forward f;
        nft_batch_init(&batch, NFPROTO_UNSPEC, "");
        r = net_forward_find(nl, table, &f, reterr);
        if (r < 0) {
            return r;
        }
        net_forward_fill(&f, table, bridges, n_bridges, &batch);
        r = nft_batch_send(&batch, nl, reterr);
        if (r != -(int)IMGC_E_HOST) {
            return r;
        }
    }
    return r;
}

int net_forward_apply(struct netlink *nl, const char *table, const char *const *bridges,
                      size_t n_bridges, struct imgc_err *reterr)
{
    char comment[MARK_MAX];

    (void)snprintf(comment, sizeof comment, MARK "%s", table);
    int r = apply_nft(nl, table, bridges, n_bridges, reterr);
    return r < 0 ? r : net_iptables_apply(comment, bridges, n_bridges, reterr);
}
