/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A spec as text, kept with a container (containers/<id>/config.json) until it is started, again or
 * by another process. A field that is added to struct spec gets its row in spec_json.c, which a
 * lint holds: what has no row would silently be forgotten between `create` and `start`.
 */
#ifndef IMGC_RUNTIME_SPEC_JSON_H
#define IMGC_RUNTIME_SPEC_JSON_H

#include "runtime/spec.h"

/** @ret  caller frees. @return 0; -LIMIT (LIMIT_SPEC_BYTES); -NOMEM. */
IMGC_CHECK int spec_json_write(const struct spec *spec, char **ret, struct imgc_err *reterr);

/** The spec that was written. Strict: what a newer imgc wrote and this one does not know is
 * refused, because a container must not run without a restriction that it was made with.
 * @ret  caller frees with spec_done(). @return 0; -DOCUMENT; -LIMIT; -NOMEM. */
IMGC_CHECK int spec_json_parse(struct imgc_str text, struct spec *ret, struct imgc_err *reterr);

#endif
