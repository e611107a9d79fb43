/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/resolve.h"

#include "schema/index.h"

void resolve_done(struct resolved *r)
{
    manifest_done(&r->manifest);
}

/* The content type decides how a document is read only where it is one that we know: registries
 * also send application/json and text/plain. */
static struct imgc_str known_type(const struct document *d)
{
    struct imgc_str type = imgc_str_of(d->type);

    return media_kind(type) == MEDIA_UNKNOWN ? IMGC_STR("") : type;
}

/* Note a document, refusing one that was met before. */
static int note(struct resolved *ret, const struct digest *digest, struct imgc_err *reterr)
{
    char text[DIGEST_TEXT_MAX];

    for (size_t i = 0; i < ret->n_documents; i++) {
        if (digest_eq(&ret->documents[i], digest)) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "index %s contains itself",
                             digest_text(digest, text));
        }
    }
    if (ret->n_documents == sizeof ret->documents / sizeof *ret->documents) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "indexes are nested deeper than %d",
                         LIMIT_INDEX_DEPTH);
    }
    ret->documents[ret->n_documents++] = *digest;
    return 0;
}

/* Follow one index: *doc is replaced by the entry that suits @want. */
static int descend(const struct document_source *from, const struct platform *want,
                   struct document *doc, struct resolved *ret, struct imgc_err *reterr)
{
    index_auto struct image_index index = INDEX_INIT;
    const struct descriptor *entry = NULL;

    int r = index_parse(document_text(doc), known_type(doc), &index, reterr);
    if (r < 0) {
        return r;
    }
    r = index_choose(&index, want, &entry, reterr);
    if (r < 0) {
        return r;
    }
    r = note(ret, &entry->digest, reterr);
    if (r < 0) {
        return r;
    }
    if (entry->has_platform) {
        ret->has_platform = true;
        ret->platform = entry->platform;
    }
    return document_by_digest(from, &entry->digest, entry->size, true, doc, reterr);
}

int resolve_document(const struct document_source *from, const struct ref *ref,
                     const struct platform *want, struct document *doc, struct resolved *ret,
                     struct imgc_err *reterr)
{
    enum media_kind kind = MEDIA_INDEX;

    int r = digest_is_set(&ref->digest)
                ? document_by_digest(from, &ref->digest, UINT64_MAX, true, doc, reterr)
                : document_by_tag(from, ref->tag, doc, reterr);
    if (r == 0) {
        ret->top = doc->digest;
        r = note(ret, &doc->digest, reterr);
    }
    while (r == 0 && want && kind == MEDIA_INDEX) {
        r = manifest_kind(document_text(doc), known_type(doc), &kind, reterr);
        if (r == 0 && kind == MEDIA_INDEX) {
            r = descend(from, want, doc, ret, reterr);
        }
    }
    if (r < 0) {
        return r;
    }
    ret->manifest_digest = doc->digest;
    return 0;
}

int resolve_image(const struct document_source *from, const struct ref *ref,
                  const struct platform *want, struct resolved *ret, struct imgc_err *reterr)
{
    document_auto struct document doc = DOCUMENT_INIT(LIMIT_MANIFEST_BYTES);

    int r = resolve_document(from, ref, want, &doc, ret, reterr);
    if (r < 0) {
        return r;
    }
    return manifest_parse(document_text(&doc), known_type(&doc), &ret->manifest, reterr);
}
