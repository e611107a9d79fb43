/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs: manifests, indexes and configs, the bytes as received. Small (LIMIT_MANIFEST_BYTES), so
 * they go in and out in one piece.
 */
#ifndef IMGC_STORE_BLOB_H
#define IMGC_STORE_BLOB_H

#include "schema/base/buf.h"
#include "schema/digest.h"
#include "store/lease.h"

enum { BLOB_MISSING = 1 };

/** Check @bytes against @digest, publish them, and hold them with @lease. Idempotent.
 * @return 0; -DIGEST; -SYS; -NOSPACE; -STORE. */
IMGC_CHECK int blob_put(struct store *s, struct lease *lease, const struct digest *digest,
                        struct imgc_str bytes, struct imgc_err *reterr);

/** Hold an existing blob with @lease. @return 0; BLOB_MISSING. */
IMGC_CHECK int blob_hold(struct store *s, struct lease *lease, const struct digest *digest,
                         struct imgc_err *reterr);

/** Append the blob's bytes to @ret after checking its digest: what a reader gets is what the name
 * says. @return 0; BLOB_MISSING (no row); -DIGEST (damaged on disk); -STORE (row but no file). */
IMGC_CHECK int blob_get(struct store *s, const struct digest *digest, struct imgc_buf *ret,
                        struct imgc_err *reterr);

/** One blob as listed; for verify, df and gc reports. */
struct blob_info {
    struct digest digest;
    uint64_t size; /* bytes */
};

/** Call @fn for each blob. A negative result ends the walk and is returned. */
IMGC_CHECK int blob_each(struct store *s,
                         int (*fn)(const struct blob_info *info, void *arg,
                                   struct imgc_err *reterr),
                         void *arg, struct imgc_err *reterr);

#endif
