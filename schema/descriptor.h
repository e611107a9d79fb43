/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors: what a manifest or index says of another piece of content.
 *
 * Source: OCI image-spec v1.1, descriptor.md.
 */
#ifndef IMGC_SCHEMA_DESCRIPTOR_H
#define IMGC_SCHEMA_DESCRIPTOR_H

#include "schema/digest.h"
#include "schema/json.h"
#include "schema/media_type.h"
#include "schema/platform.h"

struct descriptor {
    enum media_kind kind;
    char media_type[256]; /* as written, cut to fit; for messages and for writing */
    struct digest digest;
    uint64_t size; /* bytes */
    bool has_platform;
    struct platform platform; /* with has_platform */
    bool is_attestation;      /* buildkit's: annotation or platform unknown/unknown */
    char ref_name[256];       /* annotation org.opencontainers.image.ref.name, or "" */
    char artifact_type[256];  /* or "" */
};

/** Read one descriptor. @return 0; -DOCUMENT; -DIGEST; -UNSUPPORTED (digest algorithm). */
IMGC_CHECK int descriptor_parse(const json_t *obj, struct descriptor *ret, struct imgc_err *reterr);

/** New JSON object {"mediaType","digest","size"}; @ret new reference. */
IMGC_CHECK int descriptor_json(const struct descriptor *d, json_t **ret, struct imgc_err *reterr);

#endif
