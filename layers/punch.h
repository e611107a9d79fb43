/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Punching: take the data of files out of layers' tars where directories have it too, and put it
 * back. What is where stands in store/punched.h and layers/punch_map.h; this does it.
 *
 * Only whole blocks of the file system inside a file's data are punched, and only after they were
 * compared with the file. Headers, padding, what a later entry of the layer replaced, and what an
 * ordinary user may not read back stay in the tar.
 */
#ifndef IMGC_LAYERS_PUNCH_H
#define IMGC_LAYERS_PUNCH_H

#include "schema/digest.h"
#include "store/store.h"

/** Punch what can be punched in all of the store: a chore of the background process. A layer that
 * is in use by somebody else at this moment is left for the next time. May be killed at any
 * instruction. Does nothing where the file system cannot make holes. @return 0; -SYS; -NOSPACE; the
 * first failure, after all layers were tried. */
IMGC_CHECK int punch_all(struct store *s, struct imgc_err *reterr);

/** Make the tar of @diff_id whole again, and prove it against its DiffID. The layer must be held by
 * a lease or by an image. Quick where it is whole.
 * @return 0; -STORE (the layer is missing or damaged); -NOSPACE; -SYS. */
IMGC_CHECK int punch_restore(struct store *s, const struct digest *diff_id,
                             struct imgc_err *reterr);

#endif
