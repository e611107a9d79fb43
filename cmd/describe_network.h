/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's networks in the shape of docker's `inspect`: NetworkSettings, with what it has
 * while it runs, and PortBindings, what was asked for.
 */
#ifndef IMGC_CMD_DESCRIBE_NETWORK_H
#define IMGC_CMD_DESCRIBE_NETWORK_H

#include <jansson.h>

#include "runtime/spec.h"
#include "store/container.h"

/** NetworkSettings. @mode  NetworkMode. @ret new reference. @return 0; -NOMEM; -SYS. */
IMGC_CHECK int describe_network(struct store *s, const struct container *c, const struct spec *spec,
                                const char *mode, json_t **ret, struct imgc_err *reterr);

/** {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]} of the ports that were asked for. New
 * reference. */
json_t *describe_network_bindings(const struct net_want *w);

/** "back,front": the networks that it is on, or will be when it is started; @mode for others. */
IMGC_CHECK int describe_network_names(const struct spec *spec, const char *mode, struct imgc_buf *b,
                                      struct imgc_err *reterr);

#endif
