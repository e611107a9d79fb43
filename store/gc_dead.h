/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For gc.c: what dead processes left: leases, staging directories, --rm containers.
 */
#ifndef IMGC_STORE_GC_DEAD_H
#define IMGC_STORE_GC_DEAD_H

#include "schema/base/cleanup.h"
#include "store/gc.h"

struct gc_dead {
    char (*leases)[20]; /* ids of leases whose owner is dead */
    size_t n_leases;
    char (*stray)[256]; /* entries of tmp/ that no live lease owns; a dead one's are among them */
    size_t n_stray;
    char (*containers)[68]; /* ids of --rm containers that neither run nor have an owner */
    size_t n_containers;
    bool has_trash; /* tmp/trash/ is there */
};

void gc_dead_done(struct gc_dead *d);
#define gc_dead_auto imgc_auto(gc_dead_done)

/** Look for all of them. */
IMGC_CHECK int gc_dead_find(struct store *s, struct gc_dead *ret, struct imgc_err *reterr);

/** Inside a write transaction: delete the rows of the dead leases. */
IMGC_CHECK int gc_dead_drop_leases(struct store *s, const struct gc_dead *d,
                                   struct imgc_err *reterr);

/** Add the disk bytes of the stray entries of tmp/. */
IMGC_CHECK int gc_dead_stray_bytes(struct store *s, uint64_t *bytes, struct imgc_err *reterr);

#endif
