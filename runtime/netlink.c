/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/netlink.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#include "schema/base/fd.h"

#define ANSWER_BYTES 32768 /* netlink(7): what the kernel fills at most in one go */
#define ATTRIBUTE_HEADER sizeof(struct nlattr) /* NLA_HDRLEN, unsigned; aligned as it is */

int netlink_open(int protocol, struct netlink *ret, struct imgc_err *reterr)
{
    struct sockaddr_nl own = { .nl_family = AF_NETLINK };
    int on = 1;
    imgc_autoclose int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

    if (fd < 0) {
        return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT
                   ? imgc_fail(reterr, IMGC_E_HOST, "this host's kernel lacks %s",
                               protocol == NETLINK_NETFILTER ? "nftables" : "netlink")
                   : imgc_fail_sys(reterr, errno, "open a netlink socket");
    }
    if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0) {
        return imgc_fail_sys(reterr, errno, "bind a netlink socket");
    }
    /* An acknowledgement without the request in it, and dumps that are filtered as asked. */
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    *ret = (struct netlink){ .fd = imgc_take_fd(fd) };
    return 0;
}

void netlink_close(struct netlink *nl)
{
    imgc_closep(&nl->fd);
}

/* Room for @len more bytes, zeroed and padded; NULL: full. */
static void *grow(struct netlink_message *m, size_t len)
{
    size_t used = m->u.header.nlmsg_len;
    size_t padded = NLMSG_ALIGN(len);

    if (m->is_full || len > sizeof m->u || padded > sizeof m->u - used) {
        m->is_full = true;
        return NULL;
    }
    m->u.header.nlmsg_len = (uint32_t)(used + padded);
    return memset(m->u.bytes + used, 0, padded);
}

void netlink_begin(struct netlink_message *m, uint16_t type, uint16_t flags, const void *body,
                   size_t body_len)
{
    *m = (struct netlink_message){ .u.header = { .nlmsg_len = NLMSG_HDRLEN,
                                                 .nlmsg_type = type,
                                                 .nlmsg_flags =
                                                     (uint16_t)(NLM_F_REQUEST | flags) } };
    void *p = grow(m, body_len);
    if (p && body_len > 0) {
        memcpy(p, body, body_len);
    }
}

void netlink_add(struct netlink_message *m, uint16_t type, const void *data, size_t len)
{
    struct nlattr a = { .nla_len = (uint16_t)(ATTRIBUTE_HEADER + len), .nla_type = type };
    char *p = len < sizeof m->u ? grow(m, ATTRIBUTE_HEADER + len) : NULL;

    m->is_full = m->is_full || !p;
    if (p) {
        memcpy(p, &a, sizeof a);
        if (len > 0) {
            memcpy(p + ATTRIBUTE_HEADER, data, len);
        }
    }
}

void netlink_add_u32(struct netlink_message *m, uint16_t type, uint32_t value)
{
    netlink_add(m, type, &value, sizeof value);
}

void netlink_add_text(struct netlink_message *m, uint16_t type, const char *z)
{
    netlink_add(m, type, z, strlen(z) + 1);
}

size_t netlink_nest(struct netlink_message *m, uint16_t type, const void *body, size_t body_len)
{
    size_t start = m->u.header.nlmsg_len;

    netlink_add(m, type, body, body_len);
    return start;
}

void netlink_end(struct netlink_message *m, size_t start)
{
    struct nlattr a;

    if (!m->is_full) {
        memcpy(&a, m->u.bytes + start, sizeof a);
        a.nla_len = (uint16_t)(m->u.header.nlmsg_len - start); /* below NETLINK_MESSAGE_BYTES */
        memcpy(m->u.bytes + start, &a, sizeof a);
    }
}

static int send_message(struct netlink *nl, struct netlink_message *m, struct imgc_err *reterr)
{
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

    if (m->is_full) {
        return imgc_fail(reterr, IMGC_E_SYS, "a request to the kernel is too long");
    }
    m->u.header.nlmsg_seq = ++nl->sequence;
    if (sendto(nl->fd, m->u.bytes, m->u.header.nlmsg_len, 0, (struct sockaddr *)&kernel,
               sizeof kernel) < 0) {
        return imgc_fail_sys(reterr, errno, "ask the kernel");
    }
    return 0;
}

/* One packet from the kernel; what anybody else sends is dropped. */
static int receive(struct netlink *nl, char *bytes, size_t size, size_t *ret_len,
                   struct imgc_err *reterr)
{
    for (;;) {
        struct sockaddr_nl from = { .nl_family = AF_NETLINK };
        socklen_t from_len = sizeof from;
        ssize_t n = recvfrom(nl->fd, bytes, size, 0, (struct sockaddr *)&from, &from_len);
        if (n < 0 && errno != EINTR) {
            return imgc_fail_sys(reterr, errno, "hear from the kernel");
        }
        if (n >= 0 && from_len == sizeof from && from.nl_pid == 0) {
            *ret_len = (size_t)n;
            return 0;
        }
    }
}

enum { MORE = 1, FINISHED = 2 };

struct reader {
    uint32_t sequence;
    bool is_dump;
    netlink_each each;
    void *arg;
};

static int read_one(const struct reader *reader, const struct nlmsghdr *h, struct imgc_err *reterr)
{
    if (h->nlmsg_seq != reader->sequence) {
        return MORE; /* of an earlier request that was given up */
    }
    if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
        int error = 0;
        if (h->nlmsg_len >= NLMSG_LENGTH(sizeof error)) {
            memcpy(&error, netlink_body(h), sizeof error);
        }
        if (error < 0) {
            return imgc_fail_sys(reterr, -error, "the kernel refuses");
        }
        return FINISHED;
    }
    int r = reader->each ? reader->each(reader->arg, h, reterr) : 0;
    if (r < 0) {
        return r;
    }
    return reader->is_dump || !reader->each ? MORE : FINISHED;
}

static int read_packet(const struct reader *reader, const char *bytes, size_t len,
                       struct imgc_err *reterr)
{
    while (len >= sizeof(struct nlmsghdr)) {
        /* The buffer is aligned, and so is each message in it. */
        const struct nlmsghdr *h = (const void *)bytes;
        if (h->nlmsg_len < sizeof *h || h->nlmsg_len > len) {
            return imgc_fail(reterr, IMGC_E_SYS, "the kernel's answer is cut");
        }
        int r = read_one(reader, h, reterr);
        if (r != MORE) {
            return r;
        }
        size_t step = NLMSG_ALIGN(h->nlmsg_len);
        bytes += step < len ? step : len;
        len -= step < len ? step : len;
    }
    return MORE;
}

static int transact(struct netlink *nl, struct netlink_message *m, struct reader *reader,
                    struct imgc_err *reterr)
{
    union {
        struct nlmsghdr header;
        char bytes[ANSWER_BYTES];
    } answer;

    int r = send_message(nl, m, reterr);
    reader->sequence = nl->sequence;
    while (r >= 0 && r != FINISHED) {
        size_t len = 0;
        r = receive(nl, answer.bytes, sizeof answer.bytes, &len, reterr);
        if (r == 0) {
            r = read_packet(reader, answer.bytes, len, reterr);
        }
    }
    return r < 0 ? r : 0;
}

int netlink_ask(struct netlink *nl, struct netlink_message *m, struct imgc_err *reterr)
{
    struct reader reader = { .each = NULL };

    m->u.header.nlmsg_flags |= NLM_F_ACK;
    return transact(nl, m, &reader, reterr);
}

int netlink_dump(struct netlink *nl, struct netlink_message *m, netlink_each each, void *arg,
                 struct imgc_err *reterr)
{
    struct reader reader = { .is_dump = (m->u.header.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP,
                             .each = each,
                             .arg = arg };

    return transact(nl, m, &reader, reterr);
}

/* Consecutive numbers, by which answers are told apart from those to other requests. */
static uint32_t number(struct netlink *nl, char *bytes, size_t len)
{
    uint32_t first = nl->sequence + 1;

    for (size_t at = 0; at < len;) {
        struct nlmsghdr h;
        memcpy(&h, bytes + at, sizeof h);
        h.nlmsg_seq = ++nl->sequence;
        memcpy(bytes + at, &h, sizeof h);
        at += NLMSG_ALIGN(h.nlmsg_len);
    }
    return first;
}

/* The errors that are there: the kernel has put them in the queue before it returns from the call
 * that sent the batch. None: all is done. */
static int read_refusal(struct netlink *nl, uint32_t first, struct imgc_err *reterr)
{
    for (;;) {
        struct {
            struct nlmsghdr header;
            struct nlmsgerr body;
        } answer;
        ssize_t n = recv(nl->fd, &answer, sizeof answer, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && errno == EAGAIN) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return imgc_fail_sys(reterr, errno, "hear from the kernel");
        }
        if (n < (ssize_t)sizeof answer || answer.header.nlmsg_type != NLMSG_ERROR ||
            answer.header.nlmsg_seq - first > nl->sequence - first || answer.body.error >= 0) {
            continue;
        }
        return imgc_fail_sys(reterr, -answer.body.error, "the kernel refuses request %u",
                             answer.header.nlmsg_seq - first);
    }
}

int netlink_send_batch(struct netlink *nl, char *bytes, size_t len, struct imgc_err *reterr)
{
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    int room = len < INT_MAX / 4 ? (int)len : INT_MAX / 4;
    uint32_t first = number(nl, bytes, len);

    /* All of it in one go: by default sockets take some 200 kB. In a user namespace no more than
     * the host allows everybody. */
    if (len > ANSWER_BYTES &&
        setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0) {
        (void)setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    }
    if (sendto(nl->fd, bytes, len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) {
        return imgc_fail_sys(reterr, errno, "ask the kernel");
    }
    return read_refusal(nl, first, reterr);
}

const void *netlink_find(const void *attributes, size_t len, uint16_t type, size_t *ret_len)
{
    const char *p = attributes;

    while (len >= ATTRIBUTE_HEADER) {
        struct nlattr a;
        memcpy(&a, p, sizeof a);
        if (a.nla_len < ATTRIBUTE_HEADER || a.nla_len > len) {
            return NULL;
        }
        if ((a.nla_type & NLA_TYPE_MASK) == type) {
            *ret_len = a.nla_len - ATTRIBUTE_HEADER;
            return p + ATTRIBUTE_HEADER;
        }
        size_t step = NLA_ALIGN(a.nla_len);
        if (step >= len) {
            return NULL;
        }
        p += step;
        len -= step;
    }
    return NULL;
}
