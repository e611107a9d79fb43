/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source of entries: what tree_apply() reads a layer from.
 */
#ifndef IMGC_LAYERS_SOURCE_H
#define IMGC_LAYERS_SOURCE_H

#include "layers/entry.h"

enum { SOURCE_END = 1 };

struct source {
    /** Fill @ret with the next entry (the caller frees it with entry_done()).
     * @return 0; SOURCE_END; -LAYER, -LIMIT, -SYS, -NOMEM. */
    int (*next)(struct source *src, struct entry *ret, struct imgc_err *reterr);
};

#endif
