/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's use of its network, from before it starts until after it ended: lease, bridge,
 * rules, names. What a spec says of the network is looked up here, each time that the container
 * starts. Cut off at any point (kill -9), the next use of a network puts it right: the lease's
 * owner is dead then.
 */
#ifndef IMGC_CMD_NETWORK_USE_H
#define IMGC_CMD_NETWORK_USE_H

#include "cmd/app.h"
#include "cmd/network_host.h"
#include "cmd/network_user.h"
#include "runtime/launch.h"
#include "runtime/net_publish.h"

/* A container on one network. */
struct network_use_member {
    struct network network;
    struct network_lease lease;
    struct net_bridge bridge;
};

struct network_use {
    struct store *store; /* NULL: nothing was begun */
    char container_id[CONTAINER_ID_MAX];
    struct network_use_member *members; /* in the order of the spec */
    size_t n;
    struct net_publish publish;
    struct netlink netfilter; /* open until the end: closing it earlier would wait (net_nft.h) */
    bool has_lease;
    enum spec_network without; /* what the spec wanted and this host cannot have; NONE: nothing */
    struct network_user user;  /* an ordinary user's */
    char *hosts, *resolv;      /* texts for the container; NULL: nothing */
    struct output *out;        /* borrowed, for warnings */
};

#define NETWORK_USE_INIT                                                    \
    {                                                                       \
        .store = NULL, .netfilter = NETLINK_INIT, .user = NETWORK_USER_INIT \
    }

/**
 * Begin: spec->network and spec->net_want are made true on this host, as far as can be without the
 * container's process. Where nobody asked for a network, and this host cannot have one, the spec
 * becomes one without.
 *
 * @return 0; -NOTFOUND (the network); -USAGE, -EXISTS, -LIMIT (an address, a port); -INUSE (a
 *         subnet); -HOST.
 */
IMGC_CHECK int network_use_begin(struct app *app, struct store *s, const struct container *c,
                                 struct spec *spec, struct network_use *ret,
                                 struct imgc_err *reterr);

/** For launch_args: its texts and, where the container gets an interface, the callback. */
void network_use_launch(const struct network_use *u, struct launch_args *args);

/** Once the container's process exists: @spec is as it was asked for again, for the next start. */
void network_use_started(const struct network_use *u, struct spec *spec);

/** Put the container on its network: launch_args.network, through a function of the caller's. */
IMGC_CHECK int network_use_attach(struct network_use *u, int netns_fd, struct imgc_err *reterr);

/** What a running container needs that comes onto a network later: bridge and lease. Rules, names
 * and network_use_plug() are the caller's. @slot  of the new interface. Called with the lock held.
 * @ret caller frees with network_use_member_done(). @return as network_use_begin(). */
IMGC_CHECK int network_use_join(struct store *s, const struct container *c,
                                const struct net_want_link *want, unsigned slot,
                                struct network_use_member *ret, struct imgc_err *reterr);
void network_use_member_done(struct network_use_member *m);
#define network_use_member_auto imgc_auto(network_use_member_done)

/** The host's end of the interface number @slot of a container. Returns @out. */
const char *network_use_interface(const char *container_id, unsigned slot, char out[IFNAMSIZ]);

/** The container's end: "eth0". Returns @out. */
const char *network_use_inside(unsigned slot, char out[IFNAMSIZ]);

/** Put the container with @netns_fd on the network of @m. @is_way_out4 @is_way_out6  its default
 * routes go there, unless that is internal. */
IMGC_CHECK int network_use_plug(const struct network_use_member *m, int netns_fd, bool is_way_out4,
                                bool is_way_out6, struct imgc_err *reterr);

/** End, however far it came: the lease goes, and what it alone needed goes after the answer. */
void network_use_end(struct network_use *u);
#define network_use_auto imgc_auto(network_use_end)

/** Make this host be as the rows say: the table anew, or gone, bridges that nobody is on down. With
 * the lock held. */
IMGC_CHECK int network_use_settle(struct store *s, struct imgc_err *reterr);

/** Drop the leases of the dead, and what they alone needed. Cheap where there are none.
 * @thorough  look at the host also where there are none: imgc may have been killed between the two.
 */
IMGC_CHECK int network_use_sweep(struct store *s, bool thorough, struct imgc_err *reterr);

#endif
