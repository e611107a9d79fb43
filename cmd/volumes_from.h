/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --volumes-from CONTAINER[:ro]: the mounts of another container, as they are when this one is
 * made.
 */
#ifndef IMGC_CMD_VOLUMES_FROM_H
#define IMGC_CMD_VOLUMES_FROM_H

#include "runtime/spec.h"
#include "store/store.h"

/** Add the host paths and volumes of the container that @text names to @spec, but where @spec has a
 * mount of its own. @return 0; -USAGE (another option than ro, rw, z); -NOTFOUND; -AMBIGUOUS; what
 * kept_spec_load() returns. */
IMGC_CHECK int volumes_from_add(struct store *s, const char *text, struct spec *spec,
                                struct imgc_err *reterr);

#endif
