/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether bytes begin a tar. Source: POSIX.1-2017 pax, "ustar Interchange Format"; the checksum is
 * the same in all tar formats since v7.
 */
#ifndef IMGC_LAYERS_TAR_PROBE_H
#define IMGC_LAYERS_TAR_PROBE_H

#include <stdbool.h>
#include <stddef.h>

enum { TAR_PROBE_BYTES = 512 };

/** Whether @block, of TAR_PROBE_BYTES, is a header with a valid checksum or all zeros. */
bool tar_probe_is_header(const void *block);

#endif
