/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How registries are reached, for `imgc info`: what is in force of registries.conf, certs.d and the
 * proxies.
 */
#ifndef IMGC_CMD_REGISTRY_INFO_H
#define IMGC_CMD_REGISTRY_INFO_H

#include "schema/json.h"

/** As a JSON object; a registries.conf that cannot be read is "Error" in it. Proxies without their
 * credentials. @ret new reference. @return 0; -NOMEM. */
IMGC_CHECK int registry_info(json_t **ret, struct imgc_err *reterr);

#endif
