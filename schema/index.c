/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/index.h"

#include <stdlib.h>

#include "schema/limits.h"
#include "schema/manifest.h"

/* Platforms in a message: what is left of IMGC_ERR_MSG_MAX beside the rest of it. */
#define LISTED_BYTES_MAX 300

/* platform_match() is scaled by two, so that an entry without a platform ranks below its least. */
#define SCORE_UNNAMED 1

void index_done(struct image_index *index)
{
    free(index->manifests);
    *index = (struct image_index)INDEX_INIT;
}

int index_parse(struct imgc_str text, struct imgc_str content_type, struct image_index *ret,
                struct imgc_err *reterr)
{
    struct image_index index = INDEX_INIT;
    json_auto_free json_t *doc = NULL;
    const json_t *list;
    int r = manifest_document(text, content_type, MEDIA_INDEX, &doc, reterr);
    if (r < 0) {
        return r;
    }
    r = json_get_array(doc, "manifests", &list, reterr);
    if (r < 0) {
        return r;
    }
    if (!list) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "an index without manifests");
    }
    r = manifest_descriptors(list, LIMIT_INDEX_ENTRIES, &index.manifests, &index.n_manifests,
                             reterr);
    if (r < 0) {
        return imgc_context(reterr, "index");
    }
    *ret = index;
    return 0;
}

/* Attestations describe another entry; an unknown type is none that can hold an image. */
bool index_is_candidate(const struct descriptor *d)
{
    return !d->is_attestation && (d->kind == MEDIA_MANIFEST || d->kind == MEDIA_INDEX ||
                                  (d->kind == MEDIA_UNKNOWN && d->media_type[0] == '\0'));
}

static int score(const struct descriptor *d, const struct platform *want)
{
    if (!index_is_candidate(d)) {
        return 0;
    }
    if (d->has_platform) {
        return 2 * platform_match(want, &d->platform);
    }
    /* An artifact that is attached to the index must not stand in for a missing platform. */
    return d->artifact_type[0] ? 0 : SCORE_UNNAMED;
}

static bool listed_before(const struct image_index *index, size_t i)
{
    char own[PLATFORM_TEXT_MAX], other[PLATFORM_TEXT_MAX];
    (void)platform_text(&index->manifests[i].platform, own);

    for (size_t j = 0; j < i; j++) {
        const struct descriptor *d = &index->manifests[j];
        if (index_is_candidate(d) && d->has_platform &&
            strcmp(platform_text(&d->platform, other), own) == 0) {
            return true;
        }
    }
    return false;
}

static int none_suits(const struct image_index *index, const struct platform *want,
                      struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf list = IMGC_BUF_INIT(LISTED_BYTES_MAX);
    char text[PLATFORM_TEXT_MAX];

    for (size_t i = 0; i < index->n_manifests && list.state == IMGC_BUF_OK; i++) {
        const struct descriptor *d = &index->manifests[i];
        if (index_is_candidate(d) && d->has_platform && !listed_before(index, i)) {
            imgc_buf_printf(&list, "%s%s", list.len ? ", " : "", platform_text(&d->platform, text));
        }
    }
    return imgc_fail(reterr, IMGC_E_PLATFORM, "no image for %s; there %s%s%s",
                     platform_text(want, text), list.len ? "are: " : "are none",
                     list.len ? list.ptr : "", list.state == IMGC_BUF_OK ? "" : ", ...");
}

int index_choose(const struct image_index *index, const struct platform *want,
                 const struct descriptor **ret, struct imgc_err *reterr)
{
    const struct descriptor *best = NULL;
    int best_score = 0;

    for (size_t i = 0; i < index->n_manifests; i++) {
        int s = score(&index->manifests[i], want);
        if (s > best_score) {
            best = &index->manifests[i];
            best_score = s;
        }
    }
    if (!best) {
        return none_suits(index, want, reterr);
    }
    *ret = best;
    return 0;
}
