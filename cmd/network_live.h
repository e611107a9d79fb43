/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to the networks of containers that run: onto one more, off one, and putting back what
 * somebody has removed from under them. What their specs say is the caller's.
 */
#ifndef IMGC_CMD_NETWORK_LIVE_H
#define IMGC_CMD_NETWORK_LIVE_H

#include "cmd/network_use.h"

/** Put a running container onto a network. @return as network_use_begin(); -EXISTS where it is on
 * it. After a failure nothing is left of it. */
IMGC_CHECK int network_live_connect(struct store *s, const struct container *c,
                                    const struct net_want_link *want, struct imgc_err *reterr);

/** Take it off @n. @return 0; -NOTFOUND where it is not on it. */
IMGC_CHECK int network_live_disconnect(struct store *s, const struct container *c,
                                       const struct network *n, struct imgc_err *reterr);

/** After a container got another name: the others on its networks find it by that, and no longer by
 * the old one. */
IMGC_CHECK int network_live_renamed(struct store *s, const char *container_id,
                                    struct imgc_err *reterr);

/** Put back bridges, interfaces, rules and names of the container @c, or of all (NULL): idempotent.
 */
IMGC_CHECK int network_live_reload(struct store *s, const struct container *c,
                                   struct imgc_err *reterr);

#endif
