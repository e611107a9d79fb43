/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's use of an ordinary user's network (runtime/net_user.h): which program there is,
 * what it publishes, the names inside. Part of network_use.h, which calls this.
 */
#ifndef IMGC_CMD_NETWORK_USER_H
#define IMGC_CMD_NETWORK_USER_H

#include "cmd/app.h"
#include "runtime/net_user.h"
#include "runtime/spec.h"
#include "store/container.h"

struct network_user {
    struct app *app;
    const struct spec *spec; /* borrowed */
    enum net_user_kind kind; /* ANY: not in use */
    bool forwards_dns;
    bool has_lease;
    char container_id[CONTAINER_ID_MAX];
    struct net_user helper;
};

#define NETWORK_USER_INIT                             \
    {                                                 \
        .kind = NET_USER_ANY, .helper = NET_USER_INIT \
    }

enum { NETWORK_USER_NONE = 1 };

/** Before the container is made. @ret_resolv  its resolv.conf.
 * @return 0; NETWORK_USER_NONE: nobody asked, and there is none here, which is told once in each
 * boot; -HOST: it was asked for; -NOMEM. */
IMGC_CHECK int network_user_begin(struct app *app, const struct container *c,
                                  const struct spec *spec, struct network_user *ret,
                                  char **ret_resolv, struct imgc_err *reterr);

/** Give the network namespace its interface, and publish. What nobody asked for may fail, with a
 * warning. @return 0; -EXISTS (a port); -HOST; -USAGE. */
IMGC_CHECK int network_user_attach(struct network_user *u, int netns_fd, struct imgc_err *reterr);

void network_user_end(struct network_user *u);

#endif
