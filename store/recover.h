/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a power loss: what was not yet synced when the machine stopped is proven or dropped, before
 * anything of the store is used (docs/store-format.md, "Power loss").
 */
#ifndef IMGC_STORE_RECOVER_H
#define IMGC_STORE_RECOVER_H

#include "store/store.h"

/** Hash the blobs and layers that an earlier boot left unsynced: those that are right are marked
 * synced, the others go with the images that need them. Views of that kind go: they are built
 * again. For store_open(); one look at three small indexes where there is nothing. What fails (a
 * full disk) is left: content is proven again before its use (sync_check()). */
IMGC_CHECK int recover_run(struct store *s, struct imgc_err *reterr);

#endif
