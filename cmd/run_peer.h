/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other containers whose namespaces a new one joins, found by name when it starts.
 */
#ifndef IMGC_CMD_RUN_PEER_H
#define IMGC_CMD_RUN_PEER_H

#include "runtime/nsjoin.h"
#include "store/store.h"

/** @return 0; -NOTFOUND (none of that name, or it does not run); -AMBIGUOUS; -NOMEM. */
IMGC_CHECK int run_peer_find(struct store *s, const char *name, struct nsjoin_peer *ret,
                             struct imgc_err *reterr);

#endif
