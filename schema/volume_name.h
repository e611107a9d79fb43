/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the name of a volume may be: docker's and podman's rule. A name is one component of a path
 * in the store, so nothing that is good here may be "." or "..", or hold a '/'.
 */
#ifndef IMGC_SCHEMA_VOLUME_NAME_H
#define IMGC_SCHEMA_VOLUME_NAME_H

#include <stdbool.h>

#include "schema/base/str.h"

#define VOLUME_NAME_MAX 256 /* LIMIT_NAME_BYTES and the NUL */

/** Whether @s is [a-zA-Z0-9][a-zA-Z0-9_.-]* of at most LIMIT_NAME_BYTES. */
bool volume_name_is_good(struct imgc_str s);

#endif
