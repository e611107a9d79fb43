/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Absolute paths of configs and options, cleaned as text. What they mean inside an image's root is
 * another matter (runtime/rootpath.h).
 */
#ifndef IMGC_SCHEMA_BASE_PATH_H
#define IMGC_SCHEMA_BASE_PATH_H

#include "schema/base/err.h"
#include "schema/base/str.h"

/**
 * Clean @path: single slashes, no "." component, ".." taken off with what stands before it, as
 * docker does. @base is put in front where @path is not absolute.
 *
 * @ret  caller frees. @return 0; -LIMIT (PATH_MAX); -USAGE (a NUL byte); -NOMEM.
 */
IMGC_CHECK int path_clean(struct imgc_str base, struct imgc_str path, char **ret,
                          struct imgc_err *reterr);

#endif
