/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions of nftables, as the kernel takes them: tables, chains, maps, and rules put together
 * from the few expressions that imgc's rules are made of. The program nft would say the same, but
 * its start takes longer than all the rest of a container's network. What is made here is in the
 * words that nft itself uses, so that `nft list` shows it as it would show its own.
 *
 * Everything is appended to a buffer, whose failure is sticky and told by nft_batch_send().
 *
 * Source: linux/netfilter/nf_tables.h; linux/netfilter/nfnetlink.h ("batch").
 */
#ifndef IMGC_RUNTIME_NFT_BATCH_H
#define IMGC_RUNTIME_NFT_BATCH_H

#include "runtime/netlink.h"
#include "schema/base/buf.h"
#include "schema/ip.h"

#define NFT_BATCH_BYTES (16u << 20) /* some 60 000 ports */
#define NFT_BATCH_COMMENT_MAX 64    /* with its NUL */

struct nft_batch {
    struct imgc_buf bytes; /* whole messages */
    uint32_t n;            /* of them: the n-th has this sequence number */
    uint8_t family;        /* of what follows: NFPROTO_ */
    const char *table;     /* likewise; borrowed */
    struct netlink_message m;
    size_t nest, list; /* where the open parts of a rule, or of elements, began */
};

/** Everything that follows is of this table. */
void nft_batch_init(struct nft_batch *b, uint8_t family, const char *table);
void nft_batch_done(struct nft_batch *b);
#define nft_batch_auto imgc_auto(nft_batch_done)

/** Add the table, unless it is there. @comment  what `nft list` shows of it, or NULL. */
void nft_batch_add_table(struct nft_batch *b, const char *comment);
void nft_batch_delete_table(struct nft_batch *b);

/** The comment of a table whose attributes the kernel sent, or NULL. Borrowed from @attributes. */
const char *nft_batch_comment(const void *attributes, size_t len);

/* Where the kernel calls a chain. */
struct nft_batch_hook {
    const char *type; /* "nat", "filter" */
    unsigned number;  /* NF_INET_ */
    int priority;
};

/** @hook  NULL: it is jumped to. Its policy is to accept. */
void nft_batch_add_chain(struct nft_batch *b, const char *name, const struct nft_batch_hook *hook);

/* Types of keys and data, by nft's numbers. */
enum nft_batch_type {
    NFT_BATCH_IPV4_ADDR = 7,
    NFT_BATCH_IPV6_ADDR = 8,
    NFT_BATCH_INET_PROTO = 12,
    NFT_BATCH_INET_SERVICE = 13,
};
#define NFT_BATCH_PARTS 4 /* of a key or data; the unused ones are 0 */

struct nft_batch_map {
    const char *name;
    uint32_t id; /* the map's own number in this transaction */
    enum nft_batch_type key[NFT_BATCH_PARTS], data[NFT_BATCH_PARTS];
};

void nft_batch_add_map(struct nft_batch *b, const struct nft_batch_map *map);

/** Add elements: any number of nft_batch_element() between the two. @key @data  whole registers, of
 * 4 bytes each. */
void nft_batch_begin_elements(struct nft_batch *b, const struct nft_batch_map *map);
void nft_batch_element(struct nft_batch *b, const struct nft_batch_map *map, const void *key,
                       size_t key_len, const void *data, size_t data_len);
void nft_batch_end_elements(struct nft_batch *b);

/** A rule, at the end of @chain: expressions between the two. @comment  or NULL. */
void nft_batch_begin_rule(struct nft_batch *b, const char *chain);
void nft_batch_end_rule(struct nft_batch *b, const char *comment);
void nft_batch_delete_rule(struct nft_batch *b, const char *chain, uint64_t handle);

/* ---- what a packet must be; @is_not turns it round ---- */

/** Of this family (NFPROTO_): only where the table has several. */
void nft_batch_match_family(struct nft_batch *b, int family);
/** From (@is_source) or to an address of @net. The family has to be known. */
void nft_batch_match_net(struct nft_batch *b, const struct ip_net *net, bool is_source,
                         bool is_not);
/** Came in (@is_in) or goes out over @interface. */
void nft_batch_match_interface(struct nft_batch *b, const char *interface, bool is_in, bool is_not);
/** Sent to an address of this host. */
void nft_batch_match_local(struct nft_batch *b);
/** Its connection's state (NF_CT_STATE_BIT) or status (IPS_) has one of @bits. */
void nft_batch_match_state(struct nft_batch *b, uint32_t bits);
void nft_batch_match_status(struct nft_batch *b, uint32_t bits);

/* ---- what becomes of it ---- */

void nft_batch_count(struct nft_batch *b);
/** NF_ACCEPT, NF_DROP, NFT_RETURN, or with @chain NFT_JUMP. */
void nft_batch_verdict(struct nft_batch *b, int verdict, const char *chain);
void nft_batch_masquerade(struct nft_batch *b);
/** To the address and port that @map has for its protocol and port and, @with_address, before those
 * its address. @family  of the address. */
void nft_batch_dnat(struct nft_batch *b, const struct nft_batch_map *map, int family,
                    bool with_address);

/** Send all of it as one transaction, and wait until it is done: all or nothing. An empty one does
 * nothing. @nl  NETLINK_NETFILTER. @return 0; -HOST where the kernel refuses, with its errno in
 * reterr->sys; -LIMIT; -NOMEM; -SYS. */
IMGC_CHECK int nft_batch_send(struct nft_batch *b, struct netlink *nl, struct imgc_err *reterr);

#endif
