/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image manifests, OCI and Docker v2 schema 2. The bytes are kept as received; this is a reading.
 *
 * Source: OCI image-spec v1.1, manifest.md; Docker image manifest v2 schema 2.
 */
#ifndef IMGC_SCHEMA_MANIFEST_H
#define IMGC_SCHEMA_MANIFEST_H

#include "schema/descriptor.h"

struct manifest {
    struct descriptor config;
    struct descriptor *layers; /* bottom first; n_layers of them; n_layers may be 0 */
    size_t n_layers;
};

void manifest_done(struct manifest *m);
#define MANIFEST_INIT                 \
    {                                 \
        .layers = NULL, .n_layers = 0 \
    }
#define manifest_auto imgc_auto(manifest_done)

/**
 * Read a manifest. Refuses a document that has both layers and manifests (CVE-2021-41190), a
 * "mediaType" that differs from @content_type (when both are there and the latter is a type of
 * ours: "text/plain" says nothing), more than LIMIT_LAYERS layers, schema 1 in words, and artifacts
 * ("is an artifact (type X), not an image").
 *
 * @content_type  of the HTTP answer or the descriptor; may be empty.
 * @return 0; -DOCUMENT; -LIMIT; -UNSUPPORTED for schema 1 and artifacts.
 */
IMGC_CHECK int manifest_parse(struct imgc_str text, struct imgc_str content_type,
                              struct manifest *ret, struct imgc_err *reterr);

/** Serialise a new OCI manifest of @m. @ret caller frees. */
IMGC_CHECK int manifest_write(const struct manifest *m, char **ret, struct imgc_err *reterr);

/** Which kind of document this is: the content type decides where it is known, else "mediaType",
 * else the fields. @return 0 with MEDIA_MANIFEST, MEDIA_INDEX or MEDIA_SCHEMA1; -DOCUMENT. */
IMGC_CHECK int manifest_kind(struct imgc_str text, struct imgc_str content_type,
                             enum media_kind *ret, struct imgc_err *reterr);

/** What manifests and indexes have in common (for schema/index.c): parse @text, refuse it unless it
 * is of kind @want and of no other, and read a list of descriptors.
 * @ret new reference; new array, NULL for an empty list. */
IMGC_CHECK int manifest_document(struct imgc_str text, struct imgc_str content_type,
                                 enum media_kind want, json_t **ret, struct imgc_err *reterr);
IMGC_CHECK int manifest_descriptors(const json_t *list, size_t max, struct descriptor **ret,
                                    size_t *ret_n, struct imgc_err *reterr);

#endif
