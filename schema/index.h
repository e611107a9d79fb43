/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image indexes and manifest lists: the same image for several platforms.
 *
 * Source: OCI image-spec v1.1, image-index.md.
 */
#ifndef IMGC_SCHEMA_INDEX_H
#define IMGC_SCHEMA_INDEX_H

#include "schema/descriptor.h"

struct image_index {
    struct descriptor *manifests;
    size_t n_manifests;
};

void index_done(struct image_index *index);
#define INDEX_INIT                          \
    {                                       \
        .manifests = NULL, .n_manifests = 0 \
    }
#define index_auto imgc_auto(index_done)

/** As manifest_parse(), for indexes; more than LIMIT_INDEX_ENTRIES is refused. */
IMGC_CHECK int index_parse(struct imgc_str text, struct imgc_str content_type,
                           struct image_index *ret, struct imgc_err *reterr);

/** Whether @d may be an image or another index: no attestation, no content of another kind. */
bool index_is_candidate(const struct descriptor *d);

/**
 * The entry that suits @want best: attestations and unknown/unknown never; an entry without a
 * platform, and a nested index without one, only when nothing else fits; the first of equals.
 *
 * @ret     borrowed from @index.
 * @return  0; -PLATFORM with the platforms that there are.
 */
IMGC_CHECK int index_choose(const struct image_index *index, const struct platform *want,
                            const struct descriptor **ret, struct imgc_err *reterr);

#endif
