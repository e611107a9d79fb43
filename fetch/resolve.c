/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/resolve.h"

#include <stdlib.h>

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

/* ---- every platform ---- */

/* A list under way: what is @i or later has not been looked at. An index in it makes room for what
 * is in it, so that nothing calls itself. */
struct walk {
    struct resolved *items;
    size_t n;
};

static void walk_done(struct walk *w)
{
    for (size_t i = 0; i < w->n; i++) {
        resolve_done(&w->items[i]);
    }
    free(w->items);
}

void resolve_list_done(struct resolved_list *list)
{
    struct walk w = { list->items, list->n };

    walk_done(&w);
    *list = (struct resolved_list){ .n = 0 };
}

static bool is_listed(const struct walk *w, const struct digest *digest)
{
    for (size_t i = 0; i < w->n; i++) {
        if (digest_eq(&w->items[i].manifest_digest, digest)) {
            return true;
        }
    }
    return false;
}

/* Take in one entry of the index at @at: what is fetched later starts with the way to here. */
static int push(struct walk *w, const struct resolved *at, const struct descriptor *entry,
                struct imgc_err *reterr)
{
    if (w->n == LIMIT_INDEX_IMAGES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "an index of more than %d images",
                         LIMIT_INDEX_IMAGES);
    }
    struct resolved next = *at; /* no manifest: that one is an index */
    int r = note(&next, &entry->digest, reterr);
    if (r < 0) {
        return r;
    }
    next.manifest_digest = entry->digest;
    if (entry->has_platform) {
        next.has_platform = true;
        next.platform = entry->platform;
    }
    w->items[w->n++] = next;
    return 0;
}

static int push_entries(struct walk *w, const struct document *doc, const struct resolved *at,
                        struct imgc_err *reterr)
{
    index_auto struct image_index index = INDEX_INIT;

    int r = index_parse(document_text(doc), known_type(doc), &index, reterr);
    for (size_t i = 0; r == 0 && i < index.n_manifests; i++) {
        const struct descriptor *entry = &index.manifests[i];
        if (index_is_candidate(entry) && !entry->artifact_type[0] &&
            !is_listed(w, &entry->digest)) {
            r = push(w, at, entry, reterr);
        }
    }
    return r;
}

enum { IS_IMAGE = 1 };

/* Read one document. @return 0: it was an index, or an artifact; IS_IMAGE. */
static int look_at(struct walk *w, size_t i, const struct document *doc, struct imgc_err *reterr)
{
    enum media_kind kind = MEDIA_MANIFEST;
    struct resolved *item = &w->items[i];

    int r = manifest_kind(document_text(doc), known_type(doc), &kind, reterr);
    if (r < 0) {
        return r;
    }
    if (kind == MEDIA_INDEX) {
        const struct resolved at = *item;
        return push_entries(w, doc, &at, reterr);
    }
    item->manifest_digest = doc->digest;
    r = manifest_parse(document_text(doc), known_type(doc), &item->manifest, reterr);
    if (r == -(int)IMGC_E_UNSUPPORTED && item->n_documents > 1) {
        return 0; /* beside images, nobody asks for it */
    }
    return r < 0 ? r : IS_IMAGE;
}

static bool is_foreign(const struct resolved *item)
{
    return item->has_platform && strcmp(item->platform.os, "linux") != 0;
}

/* Of @w what is marked in @is_image, without other systems where Linux is there. */
static void sift(struct walk *w, bool *is_image)
{
    bool has_linux = false;
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++) {
        has_linux = has_linux || (is_image[i] && !is_foreign(&w->items[i]));
    }
    for (size_t i = 0; i < w->n; i++) {
        if (is_image[i] && !(has_linux && is_foreign(&w->items[i]))) {
            struct resolved kept = w->items[i];
            w->items[i] = (struct resolved)RESOLVED_INIT;
            w->items[n++] = kept;
        } else {
            resolve_done(&w->items[i]);
        }
    }
    w->n = n;
}

int resolve_images(const struct document_source *from, const struct ref *ref,
                   struct resolved_list *ret, struct imgc_err *reterr)
{
    document_auto struct document doc = DOCUMENT_INIT(LIMIT_MANIFEST_BYTES);
    imgc_auto(walk_done) struct walk w = { calloc(LIMIT_INDEX_IMAGES, sizeof *w.items), 1 };
    bool is_image[LIMIT_INDEX_IMAGES] = { false };

    if (!w.items) {
        w.n = 0;
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = resolve_document(from, ref, NULL, &doc, &w.items[0], reterr);
    for (size_t i = 0; r >= 0 && i < w.n; i++) {
        if (i > 0) {
            r = document_by_digest(from, &w.items[i].manifest_digest, UINT64_MAX, true, &doc,
                                   reterr);
        }
        r = r < 0 ? r : look_at(&w, i, &doc, reterr);
        is_image[i] = r == IS_IMAGE;
    }
    if (r < 0) {
        return r;
    }
    sift(&w, is_image);
    if (w.n == 0) {
        return imgc_fail(reterr, IMGC_E_PLATFORM, "the index has no image");
    }
    *ret = (struct resolved_list){ imgc_take(w.items), w.n };
    w.n = 0;
    return 0;
}
