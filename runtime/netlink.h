/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Netlink sockets, and messages built in a fixed buffer: what libnl does, for the dozen requests
 * that imgc makes, without a library to load at each start. Every length is checked where it is
 * added (CVE-2021-43784 was an unchecked one), and only the kernel is listened to.
 *
 * Source: netlink(7), rtnetlink(7).
 */
#ifndef IMGC_RUNTIME_NETLINK_H
#define IMGC_RUNTIME_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"

struct netlink {
    int fd; /* belongs to the network namespace that it was opened in; -1: none */
    uint32_t sequence;
};

#define NETLINK_INIT \
    {                \
        .fd = -1     \
    }

/** Open a socket in the caller's network namespace. @protocol  NETLINK_ROUTE, NETLINK_NETFILTER.
 * @return 0; -HOST where this host has none; -SYS. */
IMGC_CHECK int netlink_open(int protocol, struct netlink *ret, struct imgc_err *reterr);
void netlink_close(struct netlink *nl); /* idempotent */
#define netlink_auto imgc_auto(netlink_close)

#define NETLINK_MESSAGE_BYTES 1024 /* the largest request here takes about 300 */

struct netlink_message {
    union {
        struct nlmsghdr header;
        char bytes[NETLINK_MESSAGE_BYTES];
    } u;
    bool is_full; /* sticky; told by netlink_ask() and netlink_dump() */
};

/** Begin a request. @body  the fixed part behind the header. */
void netlink_begin(struct netlink_message *m, uint16_t type, uint16_t flags, const void *body,
                   size_t body_len);
void netlink_add(struct netlink_message *m, uint16_t type, const void *data, size_t len);
void netlink_add_u32(struct netlink_message *m, uint16_t type, uint32_t value);
void netlink_add_text(struct netlink_message *m, uint16_t type, const char *z); /* with its NUL */

/** Begin an attribute that holds others, or (@body) a struct and others. Returns where it began,
 * for netlink_end(). */
size_t netlink_nest(struct netlink_message *m, uint16_t type, const void *body, size_t body_len);
void netlink_end(struct netlink_message *m, size_t start);

/** Send @m and wait for the kernel's word. @return 0; -SYS with the kernel's errno in
 * reterr->sys, whose message the caller gives its context. */
IMGC_CHECK int netlink_ask(struct netlink *nl, struct netlink_message *m, struct imgc_err *reterr);

/** Called with each message of an answer; a failure ends the dump. */
typedef int (*netlink_each)(void *arg, const struct nlmsghdr *m, struct imgc_err *reterr);

/** Send @m and hand each message of the answer to @each: of a dump (NLM_F_DUMP), or the one that
 * answers a request for a single object. @return as netlink_ask(), or what @each returns. */
IMGC_CHECK int netlink_dump(struct netlink *nl, struct netlink_message *m, netlink_each each,
                            void *arg, struct imgc_err *reterr);

/** Send @bytes, whole messages for which the kernel takes a transaction (nfnetlink's "batch"), and
 * wait until that is done. They are numbered here. @return 0; -SYS as netlink_ask(), with the
 * number of the message that was refused, from 0 on, in the text. */
IMGC_CHECK int netlink_send_batch(struct netlink *nl, char *bytes, size_t len,
                                  struct imgc_err *reterr);

/** What stands behind the header of a message. */
static inline const char *netlink_body(const struct nlmsghdr *m)
{
    return (const char *)m + NLMSG_HDRLEN;
}

/** The attribute @type in @len bytes of attributes at @attributes, or NULL. @ret_len  of its data.
 * Returns its data. */
const void *netlink_find(const void *attributes, size_t len, uint16_t type, size_t *ret_len);

#endif
