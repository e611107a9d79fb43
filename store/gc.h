/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Garbage collection: what no image and no live lease refers to goes; what dead processes left
 * (leases, staging directories, --rm containers, files without rows) is swept.
 */
#ifndef IMGC_STORE_GC_H
#define IMGC_STORE_GC_H

#include "schema/digest.h"
#include "store/store.h"

struct gc_report {
    uint64_t layers, blobs, views; /* how many went, or would go */
    uint64_t bytes;                /* disk bytes freed, or that would be freed; exact (st_blocks) */
};

/** Remove content that nothing refers to. @dry_run  count only. */
IMGC_CHECK int gc_collect(struct store *s, bool dry_run, struct gc_report *ret,
                          struct imgc_err *reterr);

/** What gc_collect() would free if the @n images @ids were removed before. Changes nothing. */
IMGC_CHECK int gc_estimate(struct store *s, const struct digest *ids, size_t n,
                           struct gc_report *ret, struct imgc_err *reterr);

/** Sweep what dead processes left. Quick where there is nothing; called by every command that
 * writes. */
IMGC_CHECK int gc_sweep(struct store *s, struct gc_report *ret, struct imgc_err *reterr);

/** Totals for `df`, from the index in one transaction. */
struct gc_usage {
    uint64_t images, images_used, images_bytes, images_reclaimable;
    uint64_t containers, containers_running, containers_bytes, containers_reclaimable;
    uint64_t leaked_bytes; /* files that no row names */
};
IMGC_CHECK int gc_usage(struct store *s, struct gc_usage *ret, struct imgc_err *reterr);

#endif
