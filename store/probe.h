/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found about this host by trying, remembered: it holds for one boot, one kernel and the
 * file system that the store is on, and is tried again on another.
 */
#ifndef IMGC_STORE_PROBE_H
#define IMGC_STORE_PROBE_H

#include "store/store.h"

enum { PROBE_UNKNOWN = 1 };

/** @ret_outcome  "" where @name works, else why not; caller frees. @return 0; PROBE_UNKNOWN. */
IMGC_CHECK int probe_find(struct store *s, const char *name, char **ret_outcome,
                          struct imgc_err *reterr);

IMGC_CHECK int probe_put(struct store *s, const char *name, const char *outcome,
                         struct imgc_err *reterr);

#endif
