/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The repositories of a registry that may have an image's layers already: those of its names there.
 */
#ifndef IMGC_CMD_PUSH_MOUNT_H
#define IMGC_CMD_PUSH_MOUNT_H

#include "store/image.h"

#define PUSH_MOUNT_MAX 3 /* each costs a request for each layer that is in none of them */

struct push_mount {
    char *paths[PUSH_MOUNT_MAX + 1]; /* NULL-terminated */
    size_t n;
};

void push_mount_done(struct push_mount *m);

/** @to  where the image is to go: not one of them. @ret zeroed. @return 0; -NOMEM; -REFERENCE. */
IMGC_CHECK int push_mount_find(const struct image *image, const struct ref *to,
                               struct push_mount *ret, struct imgc_err *reterr);

#endif
