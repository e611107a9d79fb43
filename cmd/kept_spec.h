/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spec of a container, kept beside it as containers/<id>/config.json for whoever starts it
 * again, joins it or tells about it.
 */
#ifndef IMGC_CMD_KEPT_SPEC_H
#define IMGC_CMD_KEPT_SPEC_H

#include "runtime/spec.h"
#include "store/container.h"

/** Write it, anew where it is there: by rename, so that a reader sees one or the other.
 * @synced  it is on the disk before: a power loss cannot take the old one and leave the new one
 * empty (costs what the disk takes). For a container that is of use after one. */
IMGC_CHECK int kept_spec_save(struct store *s, const char *id, const struct spec *spec, bool synced,
                              struct imgc_err *reterr);

/** Read it. @ret  caller frees with spec_done(). @return 0; -NOTFOUND (a container that was never
 * made ready); -DOCUMENT; -LIMIT; -SYS. */
IMGC_CHECK int kept_spec_load(struct store *s, const char *id, struct spec *ret,
                              struct imgc_err *reterr);

#endif
