/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Garbage collection: what no image and no live lease refers to goes; what dead processes left
 * (leases, staging directories, --rm containers, files without rows) is swept. Removing is one
 * transaction; the files are the trash's (store/trash.h), and so the background process's.
 */
#ifndef IMGC_STORE_GC_H
#define IMGC_STORE_GC_H

#include "schema/digest.h"
#include "store/store.h"

struct gc_report {
    uint64_t layers, blobs, views; /* how many went, or would go */
    uint64_t downloads;            /* of these, interrupted ones (store/partial.h) */
    uint64_t bytes;                /* disk bytes freed, or that would be freed; exact (st_blocks) */
};

/** Remove one image with all its names and what it alone had, in a time that does not depend on
 * how much else is in the store. @ret may be NULL.
 * @return 0; IMAGE_MISSING; -INUSE where a container uses it or it is mounted. */
IMGC_CHECK int gc_remove(struct store *s, const struct digest *id, struct gc_report *ret,
                         struct imgc_err *reterr);

/** Remove the @n images @ids, but for those that are in use, and everything that nothing
 * refers to, files that no row names too. @ret_removed  for each whether it went; may be NULL. */
IMGC_CHECK int gc_prune(struct store *s, const struct digest *ids, size_t n, bool *ret_removed,
                        struct gc_report *ret, struct imgc_err *reterr);

/** Remove everything that nothing refers to. @dry_run  count only. */
IMGC_CHECK int gc_collect(struct store *s, bool dry_run, struct gc_report *ret,
                          struct imgc_err *reterr);

/** What gc_sweep() and gc_prune() of the @n images @ids would free. Changes nothing. */
IMGC_CHECK int gc_estimate(struct store *s, const struct digest *ids, size_t n,
                           struct gc_report *ret, struct imgc_err *reterr);

/** What would go with all images that are not in use. Changes nothing. */
IMGC_CHECK int gc_reclaimable(struct store *s, struct gc_report *ret, struct imgc_err *reterr);

struct gc_swept {
    uint64_t bytes; /* of staging directories that went; 0 unless measured */
    bool has_work; /* something (also of commands that are dead) waits for the background process */
};

/** Sweep what dead processes left. Quick where there is nothing; called by every command that
 * writes. @measure  count the bytes, which means to look at each file. */
IMGC_CHECK int gc_sweep(struct store *s, bool measure, struct gc_swept *ret,
                        struct imgc_err *reterr);

/** Totals for `df`, from the index in one transaction. */
struct gc_usage {
    uint64_t images, images_used, images_bytes, images_reclaimable;
    uint64_t containers, containers_running, containers_bytes, containers_reclaimable;
    uint64_t volumes, volumes_used, volumes_bytes, volumes_reclaimable;
    uint64_t downloads, downloads_active, downloads_bytes, downloads_reclaimable;
    uint64_t leaked_bytes; /* files that no row names */
};
IMGC_CHECK int gc_usage(struct store *s, struct gc_usage *ret, struct imgc_err *reterr);

#endif
