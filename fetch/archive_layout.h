/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI layout that archives of docker are, too, since docker 25: which manifest belongs to which
 * image. Each is read once, however many images there are.
 */
#ifndef IMGC_FETCH_ARCHIVE_LAYOUT_H
#define IMGC_FETCH_ARCHIVE_LAYOUT_H

#include "fetch/archive.h"
#include "schema/digest.h"

#define ARCHIVE_LAYOUT_INDEX "index.json"
#define ARCHIVE_LAYOUT_BLOB_MAX (sizeof "blobs/sha512/" + DIGEST_HEX_MAX)

/* One manifest of the index that is there and can be read. */
struct archive_layout_item {
    struct digest config, manifest;
    size_t place; /* in the index */
};

struct archive_layout {
    struct archive_layout_item *items; /* sorted by config */
    size_t n;
};

#define ARCHIVE_LAYOUT_INIT \
    {                       \
        .n = 0              \
    }
void archive_layout_done(struct archive_layout *l);
#define archive_layout_auto imgc_auto(archive_layout_done)

/** Where a blob is. */
void archive_layout_path(const struct digest *digest, char out[ARCHIVE_LAYOUT_BLOB_MAX]);

/** Read it. Without an index, or with one that is none, nothing is in it. @ret  initialized.
 * @return 0; as archive_read(). */
IMGC_CHECK int archive_layout_read(struct archive_file *a, struct archive_layout *ret,
                                   struct imgc_err *reterr);

/** The manifest whose config is @config, the first that the index names; NULL: none. */
const struct digest *archive_layout_find(const struct archive_layout *l,
                                         const struct digest *config);

#endif
