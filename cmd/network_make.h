/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `network create` was asked for, checked against itself, this host and the other networks,
 * and made a row. Nothing is made on the host: that happens when the first container comes.
 */
#ifndef IMGC_CMD_NETWORK_MAKE_H
#define IMGC_CMD_NETWORK_MAKE_H

#include "cmd/options.h"
#include "store/network.h"

struct network_make_args { /* all borrowed */
    const char *name;
    const struct option_list *subnets, *gateways, *ranges, *labels, *options;
    const char *bridge; /* name of the interface; NULL: any */
    bool ipv6, internal, no_dns;
};

/** Make it. @return 0; -USAGE that names the option; -EXISTS (name, interface); -INUSE (a subnet);
 * -HOST; -UNSUPPORTED; -LIMIT. */
IMGC_CHECK int network_make(struct store *s, const struct network_make_args *args,
                            struct imgc_err *reterr);

#endif
