/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images that are mounted on the host (imgc mount): an image with a row is in use. A row is written
 * before the mount is made and removed after it is gone, so a crash leaves rows without mounts,
 * never mounts without rows. Whether a mount is there is asked of the kernel, by the caller.
 */
#ifndef IMGC_STORE_MOUNTED_H
#define IMGC_STORE_MOUNTED_H

#include "schema/digest.h"
#include "store/store.h"

struct mounted {
    struct digest image_id;
    char *path; /* absolute */
};

void mounted_done(struct mounted *m);
#define mounted_auto imgc_auto(mounted_done)

enum { MOUNTED_NOT = 1 };

/** Note that the image is mounted on @path, or will be. @return 0; -NOTFOUND: no such image. */
IMGC_CHECK int mounted_add(struct store *s, const struct digest *image_id, const char *path,
                           struct imgc_err *reterr);

/** @return 0; MOUNTED_NOT. */
IMGC_CHECK int mounted_find(struct store *s, const struct digest *image_id, struct mounted *ret,
                            struct imgc_err *reterr);

IMGC_CHECK int mounted_remove(struct store *s, const struct digest *image_id,
                              struct imgc_err *reterr);

struct mounted_list {
    struct mounted *items;
    size_t n;
};
void mounted_list_done(struct mounted_list *list);
#define mounted_list_auto imgc_auto(mounted_list_done)

/** All of this boot, in the order in which they were mounted. */
IMGC_CHECK int mounted_list(struct store *s, struct mounted_list *ret, struct imgc_err *reterr);

/** Forget those of earlier boots. Changes nothing, and takes no lock, where there are none. */
IMGC_CHECK int mounted_sweep(struct store *s, struct imgc_err *reterr);

#endif
