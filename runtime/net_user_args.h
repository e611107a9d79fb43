/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of a program that makes an ordinary user's network (net_user.h), and the words
 * behind "--network pasta:" and "--network slirp4netns:". Pure.
 *
 * Without words to the contrary nothing of the container reaches what listens on the host's
 * loopback alone, and nothing comes in but by published ports.
 *
 * Source: pasta(1); slirp4netns(1); podman-run(1), "--network".
 */
#ifndef IMGC_RUNTIME_NET_USER_ARGS_H
#define IMGC_RUNTIME_NET_USER_ARGS_H

#include "runtime/net_port.h"

enum net_user_kind { NET_USER_ANY, NET_USER_PASTA, NET_USER_SLIRP };

/* Where a container of each finds a name server that asks the host's. */
#define NET_USER_PASTA_DNS "169.254.1.1"
#define NET_USER_SLIRP_DNS "10.0.2.3"

#define NET_USER_INTERFACE "eth0"
#define NET_USER_SLIRP_GUEST "10.0.2.100"

/** "pasta", "slirp4netns"; of ANY pasta. */
const char *net_user_name(enum net_user_kind kind);

/** The kind that a word of --network means, without what follows its ':'; ANY: none of them. */
enum net_user_kind net_user_kind_of(struct imgc_str word);

/** Split "A,B,..." behind the ':' and check each. @ret  NULL-terminated, caller frees with
 * json_strings_free(). @return 0; -USAGE that names the word; -NOMEM. */
IMGC_CHECK int net_user_options(enum net_user_kind kind, struct imgc_str text, char ***ret,
                                struct imgc_err *reterr);

struct net_user_args {
    enum net_user_kind kind;           /* not ANY */
    char *const *options;              /* checked; NULL: none */
    const struct net_port_list *ports; /* each with its port of the host */
    bool forwards_dns;                 /* pasta: serve NET_USER_PASTA_DNS */
    const char *netns_path;
    const char *ready_path;  /* pasta: told there */
    int ready_fd, alive_fd;  /* slirp4netns */
    const char *socket_path; /* slirp4netns: where ports are asked for; NULL: none are */
};

/** Append the words, each with its NUL. @return 0; -NOMEM; -LIMIT. */
IMGC_CHECK int net_user_args(const struct net_user_args *args, struct imgc_buf *b,
                             struct imgc_err *reterr);

#endif
