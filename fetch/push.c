/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/push.h"

#include <stdlib.h>

#include "fetch/push_manifest.h"
#include "fetch/upload.h"
#include "layers/rootfs_stack.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "store/blob.h"
#include "store/layer_blob.h"

struct pushing {
    const struct push_args *args;
    struct imgc_buf text; /* the manifest that the image has */
    struct manifest manifest;
    struct push_manifest_layer *layers;
    struct pull_layer state; /* of the layer that is looked at */
    uint64_t sent;
};

static void pushing_done(struct pushing *p)
{
    imgc_buf_done(&p->text);
    manifest_done(&p->manifest);
    free(p->layers);
}

static void tell(struct pushing *p, enum pull_stage stage)
{
    const struct push_events *e = p->args->events;

    p->state.stage = stage;
    if (e && e->layer) {
        e->layer(e->arg, &p->state);
    }
}

static int get_document(const struct push_args *a, const struct digest *digest,
                        struct imgc_buf *ret, struct imgc_err *reterr)
{
    char name[DIGEST_TEXT_MAX];
    int r = blob_hold(a->store, a->lease, digest, reterr);

    r = r != 0 ? r : blob_get(a->store, digest, ret, reterr);
    return r == BLOB_MISSING
               ? imgc_fail(reterr, IMGC_E_STORE, "document %s is missing: pull the image again",
                           digest_text(digest, name))
               : r;
}

/* ---- layers that the registry has ---- */

/* Whether the registry has the blob, be it in another repository. @return 0; UPLOAD_MISSING. */
static int find_blob(const struct pushing *p, const struct digest *digest, struct imgc_err *reterr)
{
    int r = upload_find(p->args->there, digest, reterr);

    for (const char *const *from = p->args->mount_from; r == UPLOAD_MISSING && from && *from;
         from++) {
        r = upload_mount(p->args->there, digest, *from, reterr);
    }
    return r;
}

static bool is_wanted(const struct pushing *p, enum encoder_kind encoding)
{
    return !p->args->has_encoder || encoding == p->args->encoder;
}

/* As the manifest says it. @return 0; UPLOAD_MISSING. */
static int find_original(struct pushing *p, size_t i, struct imgc_err *reterr)
{
    const struct descriptor *d = &p->manifest.layers[i];
    enum encoder_kind encoding = push_manifest_encoding(d->media_type);

    if (!is_wanted(p, encoding)) {
        return UPLOAD_MISSING;
    }
    return find_blob(p, &d->digest, reterr);
}

/* As another blob that is known to be this layer: what an earlier push has made of it. */
static int find_known(struct pushing *p, size_t i, struct imgc_err *reterr)
{
    imgc_autofree struct layer_blob *blobs = NULL;
    size_t n = 0;
    int r = layer_blob_list(p->args->store, &p->args->image->diff_ids[i], &blobs, &n, reterr);

    if (r < 0) {
        return r;
    }
    r = UPLOAD_MISSING;
    for (size_t j = 0; r == UPLOAD_MISSING && j < n; j++) {
        enum encoder_kind encoding = push_manifest_encoding(blobs[j].media_type);
        if (encoding != p->args->encoder || blobs[j].size == 0 || blobs[j].media_type[0] == '\0' ||
            digest_eq(&blobs[j].digest, &p->manifest.layers[i].digest)) {
            continue;
        }
        r = find_blob(p, &blobs[j].digest, reterr);
        p->layers[i] = (struct push_manifest_layer){ .is_changed = true,
                                                     .digest = blobs[j].digest,
                                                     .size = blobs[j].size,
                                                     .encoding = encoding };
    }
    return r;
}

/* ---- layers that are sent ---- */

static void on_progress(void *arg, uint64_t done, unsigned n_retries)
{
    struct pushing *p = arg;

    p->state.done = done;
    p->state.n_retries = n_retries;
    tell(p, PULL_DOWNLOADING);
}

/* Remember what it went out as, so that the next push need not make it again to know. */
static int note_sent(const struct pushing *p, size_t i, struct imgc_err *reterr)
{
    const struct push_manifest_layer *layer = &p->layers[i];
    const struct layer_commit commit = { .diff_id = &p->args->image->diff_ids[i],
                                         .blob = &layer->digest,
                                         .blob_size = layer->size,
                                         .media_type = push_manifest_oci_type(layer->encoding) };

    return layer_blob_add(p->args->store, &commit, reterr);
}

static int send_layer(struct pushing *p, size_t i, struct imgc_err *reterr)
{
    const struct digest *diff_id = &p->args->image->diff_ids[i];
    punched_auto struct punched_layer files = PUNCHED_LAYER_INIT;
    tar_data_auto struct tar_data data = TAR_DATA_FD(-1);
    struct push_manifest_layer *layer = &p->layers[i];
    struct upload_layer up = { .tar = &data,
                               .tar_size = p->state.size,
                               .diff_id = diff_id,
                               .encoder = p->args->encoder,
                               .level = p->args->level,
                               .progress = on_progress,
                               .arg = p };

    *layer = (struct push_manifest_layer){ .is_changed = true, .encoding = p->args->encoder };
    int r = rootfs_stack_open_layer(p->args->store, diff_id, &files, &data, reterr);
    r = r < 0 ? r : upload_layer(p->args->there, &up, &layer->digest, &layer->size, reterr);
    if (r < 0) {
        return r;
    }
    p->sent += layer->size;
    if (digest_eq(&layer->digest, &p->manifest.layers[i].digest)) {
        layer->is_changed = false; /* the same bytes came out, or it is the tar itself */
    }
    return note_sent(p, i, reterr);
}

static int push_layer(struct pushing *p, size_t i, struct imgc_err *reterr)
{
    const struct image *image = p->args->image;
    struct layer_info info;

    int r = layer_find(p->args->store, p->args->lease, &image->diff_ids[i], &info, reterr);
    if (r != 0) {
        return r < 0 ? r : rootfs_stack_missing(&image->diff_ids[i], reterr);
    }
    p->state = (struct pull_layer){ .index = i,
                                    .n_layers = image->n_diff_ids,
                                    .digest = image->diff_ids[i],
                                    .size = info.tar_size };
    r = find_original(p, i, reterr);
    r = r == UPLOAD_MISSING ? find_known(p, i, reterr) : r;
    if (r == 0) {
        tell(p, PULL_EXISTS);
        return 0;
    }
    r = r < 0 ? r : send_layer(p, i, reterr);
    if (r == 0) {
        p->state.done = p->state.size;
        tell(p, PULL_DONE);
    }
    return r;
}

/* ---- the image ---- */

static int load(struct pushing *p, struct imgc_err *reterr)
{
    const struct image *image = p->args->image;

    int r = get_document(p->args, &image->manifest, &p->text, reterr);
    r = r < 0 ? r
              : manifest_parse((struct imgc_str){ p->text.ptr, p->text.len }, IMGC_STR(""),
                               &p->manifest, reterr);
    if (r == 0 && p->manifest.n_layers != image->n_diff_ids) {
        r = imgc_fail(reterr, IMGC_E_STORE, "its manifest has %zu layers, its config %zu",
                      p->manifest.n_layers, image->n_diff_ids);
    }
    if (r < 0) {
        return r;
    }
    p->layers = calloc(image->n_diff_ids ? image->n_diff_ids : 1, sizeof *p->layers);
    return p->layers ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
}

static int push_config(const struct pushing *p, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(LIMIT_CONFIG_BYTES);
    const struct digest *id = &p->args->image->id;

    int r = find_blob(p, id, reterr);
    if (r != UPLOAD_MISSING) {
        return r;
    }
    r = get_document(p->args, id, &text, reterr);
    return r < 0 ? r
                 : upload_text(p->args->there, id, (struct imgc_str){ text.ptr, text.len }, reterr);
}

static int push_manifest(struct pushing *p, struct push_result *ret, struct imgc_err *reterr)
{
    imgc_autofree char *text = NULL;
    const char *type;
    bool is_new = false;

    int r = push_manifest_write((struct imgc_str){ p->text.ptr, p->text.len }, p->layers,
                                p->manifest.n_layers, &text, &type, reterr);
    if (r < 0) {
        return r;
    }
    struct imgc_str bytes = imgc_str_of(text);
    r = upload_manifest(p->args->there, p->args->reference, type, bytes, &is_new, reterr);
    r = r < 0 ? r : digest_of(DIGEST_SHA256, bytes.ptr, bytes.len, &ret->digest, reterr);
    ret->size = bytes.len;
    ret->sent = p->sent;
    ret->is_unchanged = !is_new;
    return r;
}

int push_image(const struct push_args *args, struct push_result *ret, struct imgc_err *reterr)
{
    imgc_auto(pushing_done) struct pushing p = { .args = args,
                                                 .text = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES),
                                                 .manifest = MANIFEST_INIT };

    int r = load(&p, reterr);
    for (size_t i = 0; r == 0 && i < args->image->n_diff_ids; i++) {
        r = push_layer(&p, i, reterr);
        if (r < 0) {
            (void)imgc_context(reterr, "layer %zu of %zu", i + 1, args->image->n_diff_ids);
        }
    }
    r = r < 0 ? r : push_config(&p, reterr);
    return r < 0 ? r : push_manifest(&p, ret, reterr);
}
