/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network of an ordinary user's container: a program of the host, pasta or slirp4netns, holds
 * an interface of the container's on one side and plain sockets of the user's on the other. Here is
 * its life. It is a child of the container's launcher, is killed when that ends, however it ends,
 * and leaves nothing. What its command line says: net_user_args.h.
 *
 * Source: pasta(1); slirp4netns(1).
 */
#ifndef IMGC_RUNTIME_NET_USER_H
#define IMGC_RUNTIME_NET_USER_H

#include "runtime/net_user_args.h"

/** Whether this process cannot make interfaces where it is: its network namespace belongs to
 * another user namespace than its own. */
bool net_user_is_needed(void);

/** Which of them is to be used here: the one that @wanted names, or with NET_USER_ANY pasta before
 * slirp4netns.
 * @return 0; -HOST: it is not installed, or /dev/net/tun is closed; names the remedy. */
IMGC_CHECK int net_user_find(enum net_user_kind wanted, enum net_user_kind *ret,
                             struct imgc_err *reterr);

struct net_user {
    pid_t pid;    /* 0: none */
    int said_fd;  /* what it said on stderr */
    int alive_fd; /* slirp4netns ends when this is closed */
};

#define NET_USER_INIT                 \
    {                                 \
        .said_fd = -1, .alive_fd = -1 \
    }

struct net_user_start {
    struct net_user_args args; /* but for netns_path and ready_path, which are chosen here */
    int netns_fd;              /* borrowed: the container's network namespace */
    const char *dir;           /* a directory of the container's own, for a moment's files */
    const char *mount_dir;     /* any directory that exists, should /run/user not */
};

/** Start it, and return once the interface is there and the ports are bound.
 * @return 0; -HOST with what it said. Context: parent, single-threaded. */
IMGC_CHECK int net_user_begin(const struct net_user_start *start, struct net_user *ret,
                              struct imgc_err *reterr);

/** Kill it. Idempotent. */
void net_user_end(struct net_user *u);
#define net_user_auto imgc_auto(net_user_end)

#endif
