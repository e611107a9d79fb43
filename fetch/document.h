/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests, indexes and configs on their way into the store: from the store where it has them,
 * else from the registry; checked, published and held by the lease either way. Without a store they
 * come from the registry, checked, and are kept nowhere.
 */
#ifndef IMGC_FETCH_DOCUMENT_H
#define IMGC_FETCH_DOCUMENT_H

#include "fetch/registry.h"
#include "schema/descriptor.h"
#include "store/lease.h"

struct document_source {
    struct store *store; /* all borrowed; NULL: none, and no lease */
    struct lease *lease;
    struct registry *registry;
};

struct document {
    struct imgc_buf text;
    struct digest digest;
    char type[REGISTRY_TYPE_MAX]; /* as the registry says it, "" where it comes from the store */
};

#define DOCUMENT_INIT(max_bytes)           \
    {                                      \
        .text = IMGC_BUF_INIT((max_bytes)) \
    }
void document_done(struct document *d);
#define document_auto imgc_auto(document_done)

/** What a tag stands for now: always asks the registry. @ret replaced. @return as registry_get()
 * and blob_put(). */
IMGC_CHECK int document_by_tag(const struct document_source *from, const char *tag,
                               struct document *ret, struct imgc_err *reterr);

/** A document by its digest. @size bytes as the descriptor says, or UINT64_MAX.
 * @return as document_by_tag(); -LIMIT for a size over @ret's cap; -DIGEST for another size. */
IMGC_CHECK int document_by_digest(const struct document_source *from, const struct digest *digest,
                                  uint64_t size, bool is_manifest, struct document *ret,
                                  struct imgc_err *reterr);

/** The text, valid until @d changes. */
struct imgc_str document_text(const struct document *d);

#endif
