/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/archive_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/index.h"
#include "schema/limits.h"
#include "schema/manifest.h"

void archive_layout_done(struct archive_layout *l)
{
    free(l->items);
    l->items = NULL;
    l->n = 0;
}

void archive_layout_path(const struct digest *digest, char out[ARCHIVE_LAYOUT_BLOB_MAX])
{
    char hex[DIGEST_HEX_MAX];

    (void)snprintf(out, ARCHIVE_LAYOUT_BLOB_MAX, "blobs/%s/%s", digest_alg_name(digest->alg),
                   digest_hex(digest, hex));
}

static struct imgc_str text_of(const struct imgc_buf *b)
{
    return (struct imgc_str){ b->ptr ? b->ptr : "", b->len };
}

/* Add the manifest @d, if it is one and there. */
static int add_manifest(struct archive_file *a, const struct descriptor *d, struct imgc_buf *text,
                        struct archive_layout *l, struct imgc_err *reterr)
{
    manifest_auto struct manifest m = MANIFEST_INIT;
    char path[ARCHIVE_LAYOUT_BLOB_MAX];
    struct imgc_err ignored;

    imgc_buf_clear(text);
    archive_layout_path(&d->digest, path);
    int r = archive_read(a, path, text, reterr);
    if (r == 0 && manifest_parse(text_of(text), IMGC_STR(""), &m, &ignored) == 0) {
        l->items[l->n] = (struct archive_layout_item){ .config = m.config.digest,
                                                       .manifest = d->digest,
                                                       .place = l->n };
        l->n++;
    }
    return r < 0 ? r : 0;
}

static int by_config(const void *left, const void *right)
{
    const struct archive_layout_item *x = left, *y = right;

    return x->config.alg != y->config.alg
               ? (x->config.alg < y->config.alg ? -1 : 1)
               : memcmp(x->config.bytes, y->config.bytes, sizeof x->config.bytes);
}

static int by_config_and_place(const void *left, const void *right)
{
    const struct archive_layout_item *x = left, *y = right;
    int order = by_config(left, right);

    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* Of several with one config the first stays. */
static void sort(struct archive_layout *l)
{
    size_t kept = 0;

    if (l->n > 1) {
        qsort(l->items, l->n, sizeof *l->items, by_config_and_place);
    }
    for (size_t i = 0; i < l->n; i++) {
        if (kept == 0 || by_config(&l->items[kept - 1], &l->items[i]) != 0) {
            l->items[kept++] = l->items[i];
        }
    }
    l->n = kept;
}

int archive_layout_read(struct archive_file *a, struct archive_layout *ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES);
    index_auto struct image_index index = INDEX_INIT;
    struct imgc_err unused;

    int r = archive_read(a, ARCHIVE_LAYOUT_INDEX, &text, reterr);
    /* docker wrote "manifests": null for a while; its own document suffices. */
    if (r != 0 || index_parse(text_of(&text), IMGC_STR(""), &index, &unused) < 0 ||
        index.n_manifests == 0) {
        return r < 0 ? r : 0;
    }
    ret->items = calloc(index.n_manifests, sizeof *ret->items);
    if (!ret->items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; r == 0 && i < index.n_manifests; i++) {
        r = add_manifest(a, &index.manifests[i], &text, ret, reterr);
    }
    sort(ret);
    return r;
}

const struct digest *archive_layout_find(const struct archive_layout *l,
                                         const struct digest *config)
{
    const struct archive_layout_item key = { .config = *config };
    const struct archive_layout_item *found =
        l->n ? bsearch(&key, l->items, l->n, sizeof *l->items, by_config) : NULL;

    return found ? &found->manifest : NULL;
}
