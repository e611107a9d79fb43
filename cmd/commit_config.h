/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container was told when it was made becomes part of the image that is made of it: as
 * docker's and podman's commit do, so that the image runs as the container did.
 */
#ifndef IMGC_CMD_COMMIT_CONFIG_H
#define IMGC_CMD_COMMIT_CONFIG_H

#include "runtime/spec.h"
#include "schema/config.h"

/**
 * Give @c, the config of the container's image, the entrypoint, command, environment, directory and
 * user of @spec; its exposed and published ports and @labels (a JSON object of strings, or NULL)
 * come to those that it has. What every container gets by itself (PATH, HOSTNAME, TERM, what tells
 * systemd where it is) stays out.
 * @return 0; -DOCUMENT; -LIMIT; -NOMEM.
 */
IMGC_CHECK int commit_config_apply(const struct spec *spec, const char *labels,
                                   struct image_config *c, struct imgc_err *reterr);

#endif
