/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which IDs of the host are those of which container, so that a container that asks for IDs of its
 * own gets some that no other one has. A row lives as long as its container.
 */
#ifndef IMGC_STORE_ID_RANGE_H
#define IMGC_STORE_ID_RANGE_H

#include "store/container.h"

enum id_range_kind { ID_RANGE_UID, ID_RANGE_GID };

struct id_range {
    uint32_t start, count;
};

/* What is wanted of id_range_take(). */
struct id_range_wish {
    const char *container_id;
    enum id_range_kind kind;
    const struct id_range *from; /* the first of them that has room gives them */
    size_t n;
    uint32_t count;
};

/**
 * Take consecutive free IDs, the lowest that there are.
 *
 * @return 0; -LIMIT (there are not so many free ones in one piece); -NOTFOUND (no such container).
 */
IMGC_CHECK int id_range_take(struct store *s, const struct id_range_wish *wish, uint32_t *ret_start,
                             struct imgc_err *reterr);

/** Write down that a container uses @range, which others may use, too. @return 0; -NOTFOUND. */
IMGC_CHECK int id_range_note(struct store *s, const char *container_id, enum id_range_kind kind,
                             struct id_range range, struct imgc_err *reterr);

#endif
