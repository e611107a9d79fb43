/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For gc.c and gc_usage.c: delete the rows of what nothing needs any more.
 */
#ifndef IMGC_STORE_GC_ROWS_H
#define IMGC_STORE_GC_ROWS_H

#include "store/gc.h"
#include "store/place.h"

/** Inside a write transaction: delete the rows of views, layers and blobs that no image and no
 * lease refers to, put them into the trash and count them. */
IMGC_CHECK int gc_rows_delete(struct store *s, struct gc_report *report, struct imgc_err *reterr);

/** The same, but only for what one image had: cheap, however many images there are. Find it before
 * the image's row goes, and delete it afterwards. */
struct gc_rows_image {
    struct digest *diff_ids, *blobs;
    struct digest *stack; /* the ChainID of all its layers, where it has any */
    size_t n_diff_ids, n_blobs, n_stack;
};
void gc_rows_image_done(struct gc_rows_image *image);
#define gc_rows_image_auto imgc_auto(gc_rows_image_done)
/** @image  empty before; may be filled in part on failure. */
IMGC_CHECK int gc_rows_find(struct store *s, const struct digest *image_id,
                            struct gc_rows_image *image, struct imgc_err *reterr);
IMGC_CHECK int gc_rows_delete_of(struct store *s, const struct gc_rows_image *image,
                                 struct gc_report *report, struct imgc_err *reterr);

#endif
