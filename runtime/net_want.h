/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container wants of its network, as it was asked for: the part of the spec (spec.h) that
 * --network, -p, --dns and their like fill. Plain data. What the words mean, which network has that
 * name and which address is free, is found out when the container starts.
 */
#ifndef IMGC_RUNTIME_NET_WANT_H
#define IMGC_RUNTIME_NET_WANT_H

#include <stdbool.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

#define NET_WANT_NETWORKS_MAX 16

/* One more network. */
struct net_want_link {
    char *network;
    char **aliases;        /* more names that others of the network find it by */
    char *ip4, *ip6, *mac; /* NULL: any */
};

struct net_want {
    bool is_asked; /* --network was given: what cannot be is an error, not left out */
    char *network; /* the network's name; NULL: the default one */
    char *helper; /* of an ordinary user's network, "pasta" or "slirp4netns"; NULL: what is there */
    char **helper_options; /* net_user_options() */
    char **aliases;        /* more names that others of the network find it by */
    char **ports;          /* as with -p */
    char **expose;         /* ports that -P publishes: the image's and those of --expose */
    bool publish_all;
    char *ip4, *ip6, *mac;               /* NULL: any */
    char **servers, **search, **options; /* of resolv.conf; NULL: the host's */
    char **hosts;                        /* NAME:ADDRESS, or NAME:host-gateway */
    struct net_want_link *more; /* networks beside the first, which the fields above are about */
    size_t n_more;
};

void net_want_done(struct net_want *w);
#define net_want_auto imgc_auto(net_want_done)

void net_want_link_done(struct net_want_link *l);
#define net_want_link_auto imgc_auto(net_want_link_done)

/** Network number @i, the first being 0; what it points to is borrowed. Its name is NULL for the
 * default network. */
struct net_want_link net_want_get(const struct net_want *w, size_t i);

/** Add a network behind the others. @take_link  emptied with 0. @return 0; -LIMIT; -NOMEM. */
IMGC_CHECK int net_want_add(struct net_want *w, struct net_want_link *take_link,
                            struct imgc_err *reterr);

/** Take network number @i away; the one behind it takes its place. Not the last one. */
void net_want_remove(struct net_want *w, size_t i);

/** Append a copy of @s to the NULL-terminated *list (NULL: an empty one). @return 0; -NOMEM. */
IMGC_CHECK int net_want_append(char ***list, struct imgc_str s, struct imgc_err *reterr);

#endif
