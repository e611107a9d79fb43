/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A registry as people write it for login and logout.
 */
#ifndef IMGC_CMD_REGISTRY_NAME_H
#define IMGC_CMD_REGISTRY_NAME_H

#include "schema/ref.h"

/** "HOST[:PORT]", also as a URL with a path behind it, which is left out; docker.io in each of its
 * names. @text  NULL: docker.io. @ret  REF_INIT; a reference with an empty path; caller frees, on
 * failure too. @return 0; -USAGE; -NOMEM. */
IMGC_CHECK int registry_name_parse(const char *text, struct ref *ret, struct imgc_err *reterr);

#endif
