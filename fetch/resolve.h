/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a reference to the manifest of one platform, through indexes that may be nested. What the
 * store has is not asked for again: for a tag that has not moved, the registry sees one request.
 *
 * Source: OCI image-spec v1.1, image-index.md.
 */
#ifndef IMGC_FETCH_RESOLVE_H
#define IMGC_FETCH_RESOLVE_H

#include "fetch/document.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/ref.h"

struct resolved {
    struct digest top; /* what the reference stands for */
    struct digest manifest_digest;
    struct manifest manifest;
    bool has_platform; /* an index named the platform of the manifest */
    struct platform platform;
    struct digest documents[LIMIT_INDEX_DEPTH + 1]; /* all indexes on the way, and the manifest */
    size_t n_documents;
};

#define RESOLVED_INIT             \
    {                             \
        .manifest = MANIFEST_INIT \
    }
void resolve_done(struct resolved *r);
#define resolve_auto imgc_auto(resolve_done)

/**
 * Without reading the manifest itself: @ret's is left empty.
 *
 * @want  NULL: what @ref stands for itself, be it an index.
 * @doc   initialised by the caller: becomes that document, or the manifest of the platform.
 * @return as resolve_image().
 */
IMGC_CHECK int resolve_document(const struct document_source *from, const struct ref *ref,
                                const struct platform *want, struct document *doc,
                                struct resolved *ret, struct imgc_err *reterr);

/**
 * @ref   tag or digest set; a digest wins.
 * @ret   initialised by the caller, who ends it with resolve_done().
 * @return 0; -PLATFORM with the platforms that there are; -LIMIT and -DOCUMENT for indexes nested
 *         too deep or in a circle; as document_by_tag() and the parsers.
 */
IMGC_CHECK int resolve_image(const struct document_source *from, const struct ref *ref,
                             const struct platform *want, struct resolved *ret,
                             struct imgc_err *reterr);

struct resolved_list {
    struct resolved *items;
    size_t n;
};
void resolve_list_done(struct resolved_list *list);
#define resolve_list_auto imgc_auto(resolve_list_done)

/**
 * The same for every platform: the images for Linux that lie below @ref, each manifest once, in the
 * order of the index. Where @ref is no index, the one image that it is. Attestations and artifacts
 * are left out, and images for other systems than Linux where there are any for Linux.
 *
 * @ret   caller ends it with resolve_list_done(); at least one item.
 * @return 0; -PLATFORM where nothing is an image; -LIMIT for over LIMIT_INDEX_IMAGES; as
 *         resolve_image().
 */
IMGC_CHECK int resolve_images(const struct document_source *from, const struct ref *ref,
                              struct resolved_list *ret, struct imgc_err *reterr);

#endif
