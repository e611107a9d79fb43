/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of containers: what is one, and made-up ones ("quiet_otter").
 */
#ifndef IMGC_STORE_CONTAINER_NAME_H
#define IMGC_STORE_CONTAINER_NAME_H

#include <stdint.h>

#include "schema/base/err.h"
#include "schema/base/str.h"

#define CONTAINER_NAME_MAX 255 /* bytes; it becomes a host name and a file name */

/** Docker's rule: a letter or digit, then letters, digits, '_', '.', '-'. @return 0; -USAGE. */
IMGC_CHECK int container_name_check(struct imgc_str name, struct imgc_err *reterr);

#define CONTAINER_NAME_MADE_MAX 40
/** The made-up name of @random; with @digits a number that makes it nearly unique. Returns @out. */
const char *container_name_make(uint64_t random, bool digits, char out[CONTAINER_NAME_MADE_MAX]);

#endif
