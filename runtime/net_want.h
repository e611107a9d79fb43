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

struct net_want {
    bool is_asked;  /* --network was given: what cannot be is an error, not left out */
    char *network;  /* the network's name; NULL: the default one */
    char **aliases; /* more names that others of the network find it by */
    char **ports;   /* as with -p */
    char **expose;  /* ports that -P publishes: the image's and those of --expose */
    bool publish_all;
    char *ip4, *ip6, *mac;               /* NULL: any */
    char **servers, **search, **options; /* of resolv.conf; NULL: the host's */
    char **hosts;                        /* NAME:ADDRESS, or NAME:host-gateway */
};

void net_want_done(struct net_want *w);
#define net_want_auto imgc_auto(net_want_done)

/** Append a copy of @s to the NULL-terminated *list (NULL: an empty one). @return 0; -NOMEM. */
IMGC_CHECK int net_want_append(char ***list, struct imgc_str s, struct imgc_err *reterr);

#endif
