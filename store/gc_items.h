/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For gc.c: lists of what goes, orphans on disk, and who is dead.
 */
#ifndef IMGC_STORE_GC_ITEMS_H
#define IMGC_STORE_GC_ITEMS_H

#include "store/gc.h"
#include "store/place.h"

struct gc_items {
    struct place *items;
    size_t n, room;
};

void gc_items_done(struct gc_items *list);
#define gc_items_auto imgc_auto(gc_items_done)

IMGC_CHECK int gc_items_add(struct gc_items *list, const struct place *place,
                            struct imgc_err *reterr);

/** Files and directories in the places of blobs, layers, views (both forms) and containers that no
 * row names, but for what is in the trash. Those that another process is publishing at this moment
 * may be among them: look again under the write lock. */
IMGC_CHECK int gc_items_orphans(struct store *s, struct gc_items *ret, struct imgc_err *reterr);

/** Sum of the disk bytes of @list. */
IMGC_CHECK int gc_items_bytes(struct store *s, const struct gc_items *list, uint64_t *bytes,
                              struct imgc_err *reterr);

/** Call @fn with the name of each entry of the directory @path under the root. */
IMGC_CHECK int gc_items_list_dir(struct store *s, const char *path,
                                 int (*fn)(void *arg, const char *name, struct imgc_err *reterr),
                                 void *arg, struct imgc_err *reterr);

#endif
