/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest of an image some of whose layers go out in another compression than they came in:
 * the one that it has, with these layers' descriptors exchanged. Pure.
 *
 * Source: OCI image-spec v1.1, manifest.md; Docker image manifest v2 schema 2.
 */
#ifndef IMGC_FETCH_PUSH_MANIFEST_H
#define IMGC_FETCH_PUSH_MANIFEST_H

#include "layers/encoder.h"
#include "schema/descriptor.h"

/* One layer as it is at the registry. */
struct push_manifest_layer {
    bool is_changed; /* else what the manifest says stays, annotations too */
    struct digest digest;
    uint64_t size;
    enum encoder_kind encoding;
};

/** The encoding that a media type of a layer names. */
enum encoder_kind push_manifest_encoding(const char *media_type);

/** The media type of a changed layer, in OCI's spelling. */
const char *push_manifest_oci_type(enum encoder_kind encoding);

/**
 * A Docker manifest stays one unless a layer is zstd, for which Docker has no type: then it becomes
 * an OCI manifest. Where no layer is changed, @text itself is the result.
 *
 * @text      the manifest that manifest_parse() took, with @n layers.
 * @ret       caller frees. @ret_type what it is; static.
 * @return    0; -DOCUMENT; -NOMEM.
 */
IMGC_CHECK int push_manifest_write(struct imgc_str text, const struct push_manifest_layer *layers,
                                   size_t n, char **ret, const char **ret_type,
                                   struct imgc_err *reterr);

#endif
