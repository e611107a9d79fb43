/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/document.h"

#include "store/blob.h"

void document_done(struct document *d)
{
    imgc_buf_done(&d->text);
}

struct imgc_str document_text(const struct document *d)
{
    return (struct imgc_str){ d->text.ptr, d->text.len };
}

static int keep(const struct document_source *from, const struct digest *digest,
                const struct document *d, struct imgc_err *reterr)
{
    return from->store ? blob_put(from->store, from->lease, digest, document_text(d), reterr) : 0;
}

int document_by_tag(const struct document_source *from, const char *tag, struct document *ret,
                    struct imgc_err *reterr)
{
    const struct registry_item item = { .is_manifest = true,
                                        .tag = tag,
                                        .max_bytes = ret->text.max };

    imgc_buf_clear(&ret->text);
    int r = registry_get(from->registry, &item, &ret->text, ret->type, reterr);
    if (r == 0) {
        /* Not what Docker-Content-Digest claims: what came. */
        r = digest_of(DIGEST_SHA256, ret->text.ptr, ret->text.len, &ret->digest, reterr);
    }
    if (r < 0) {
        return r;
    }
    return keep(from, &ret->digest, ret, reterr);
}

/* @return 0; BLOB_MISSING, also for a damaged copy: it is fetched again. */
static int from_store(const struct document_source *from, const struct digest *digest,
                      struct document *ret, struct imgc_err *reterr)
{
    int r = !from->store ? BLOB_MISSING : blob_hold(from->store, from->lease, digest, reterr);
    if (r != 0) {
        return r;
    }
    imgc_buf_clear(&ret->text);
    r = blob_get(from->store, digest, &ret->text, reterr);
    if (r == -(int)IMGC_E_DIGEST || r == -(int)IMGC_E_STORE) {
        return BLOB_MISSING;
    }
    ret->type[0] = '\0';
    return r;
}

static int from_registry(const struct document_source *from, const struct digest *digest,
                         bool is_manifest, struct document *ret, struct imgc_err *reterr)
{
    const struct registry_item item = { .is_manifest = is_manifest,
                                        .digest = digest,
                                        .max_bytes = ret->text.max };

    imgc_buf_clear(&ret->text);
    int r = registry_get(from->registry, &item, &ret->text, ret->type, reterr);
    if (r < 0) {
        return r;
    }
    return keep(from, digest, ret, reterr);
}

int document_by_digest(const struct document_source *from, const struct digest *digest,
                       uint64_t size, bool is_manifest, struct document *ret,
                       struct imgc_err *reterr)
{
    char text[DIGEST_TEXT_MAX];

    if (size != UINT64_MAX && size > ret->text.max) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "%s has %llu bytes, more than %zu",
                         digest_text(digest, text), (unsigned long long)size, ret->text.max);
    }
    int r = from_store(from, digest, ret, reterr);
    if (r == BLOB_MISSING) {
        r = from_registry(from, digest, is_manifest, ret, reterr);
    }
    if (r < 0) {
        return r;
    }
    ret->digest = *digest;
    if (size != UINT64_MAX && size != ret->text.len) {
        return imgc_fail(reterr, IMGC_E_DIGEST, "%s has %zu bytes, its descriptor says %llu",
                         digest_text(digest, text), ret->text.len, (unsigned long long)size);
    }
    return 0;
}
