/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container was made with, in the shape of docker's `inspect`: Config, HostConfig, Mounts,
 * NetworkSettings.
 */
#ifndef IMGC_CMD_DESCRIBE_SPEC_H
#define IMGC_CMD_DESCRIBE_SPEC_H

#include <jansson.h>

#include "store/container.h"

/** Add it to @doc of describe_container(). Containers that were never made ready have no spec: then
 * @doc stays as it is. @return 0; -NOMEM; -DOCUMENT; -LIMIT; -SYS. */
IMGC_CHECK int describe_spec(struct store *s, const struct container *c, json_t *doc,
                             struct imgc_err *reterr);

#endif
