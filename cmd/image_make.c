/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/image_make.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/acquire.h"
#include "layers/rootfs.h"
#include "runtime/spec.h"
#include "schema/base/clock.h"
#include "schema/manifest.h"
#include "store/blob.h"
#include "store/image.h"
#include "store/layer.h"

int image_make_change(struct image_config *c, const struct option_list *changes,
                      struct imgc_err *reterr)
{
    int ignored;

    for (size_t i = 0; i < changes->n; i++) {
        int r = config_change(c, imgc_str_of(changes->items[i]), reterr);
        if (r < 0) {
            return r;
        }
    }
    if (changes->n > 0 && c->stop_signal &&
        !spec_parse_signal(imgc_str_of(c->stop_signal), &ignored)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "STOPSIGNAL: '%s' is no signal", c->stop_signal);
    }
    return 0;
}

/* Store @take_text (freed here) as a blob; tell its digest and size. */
static int put_document(const struct image_make_args *a, char *take_text, struct descriptor *ret,
                        struct imgc_err *reterr)
{
    imgc_autofree char *text = take_text;
    struct imgc_str s = imgc_str_of(text);

    int r = digest_of(DIGEST_SHA256, s.ptr, s.len, &ret->digest, reterr);
    if (r < 0) {
        return r;
    }
    ret->size = s.len;
    return blob_put(a->app->store, a->lease, &ret->digest, s, reterr);
}

static void set_media_type(struct descriptor *d, enum media_kind kind, const char *type)
{
    d->kind = kind;
    (void)snprintf(d->media_type, sizeof d->media_type, "%s", type); /* our own constants fit */
}

static int put_config(const struct image_make_args *a, struct descriptor *ret,
                      struct imgc_err *reterr)
{
    char *text = NULL;

    int r = a->before.len ? config_write_after(a->config, a->before, &text, reterr)
                          : config_write(a->config, &text, reterr);
    set_media_type(ret, MEDIA_CONFIG, MEDIA_OCI_CONFIG);
    return r < 0 ? r : put_document(a, text, ret, reterr);
}

/* The layers are the tars themselves. */
static int list_layers(const struct image_make_args *a, struct descriptor *layers,
                       struct imgc_err *reterr)
{
    for (size_t i = 0; i < a->config->n_diff_ids; i++) {
        struct layer_info info;
        int r = layer_find(a->app->store, a->lease, &a->config->diff_ids[i], &info, reterr);
        if (r != 0) {
            return r < 0 ? r : imgc_fail(reterr, IMGC_E_STORE, "a layer was removed meanwhile");
        }
        set_media_type(&layers[i], MEDIA_LAYER, MEDIA_OCI_LAYER);
        layers[i].digest = info.diff_id;
        layers[i].size = info.tar_size;
    }
    return 0;
}

static int put_manifest(const struct image_make_args *a, const struct descriptor *config,
                        struct descriptor *ret, struct imgc_err *reterr)
{
    size_t n = a->config->n_diff_ids;
    imgc_autofree struct descriptor *layers = calloc(n ? n : 1, sizeof *layers);
    const struct manifest m = { .config = *config, .layers = layers, .n_layers = n };
    char *text = NULL;

    if (!layers) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = list_layers(a, layers, reterr);
    r = r < 0 ? r : manifest_write(&m, &text, reterr);
    return r < 0 ? r : put_document(a, text, ret, reterr);
}

static int build_views(const struct image_make_args *a, struct imgc_err *reterr)
{
    struct rootfs_report report = { .fallback = "" };
    const struct rootfs_args args = { .store = a->app->store,
                                      .lease = a->lease,
                                      .diff_ids = a->config->diff_ids,
                                      .n_diff_ids = a->config->n_diff_ids,
                                      .form = a->app->settings.form };

    int r = rootfs_build(&args, &report, reterr);
    if (r == 0) {
        acquire_tell_skipped(a->app, &report.written);
        acquire_tell_form(a->app, &report);
    }
    return r < 0 ? r : 0;
}

static int add_image(const struct image_make_args *a, const struct digest *id,
                     const struct digest *manifest, struct imgc_err *reterr)
{
    const struct image_config *c = a->config;
    const struct digest blobs[] = { *id, *manifest };
    int64_t created_ns = 0;

    (void)clock_parse_rfc3339(imgc_str_of(c->created), &created_ns);
    const struct image_add add = { .id = *id,
                                   .manifest = *manifest,
                                   .top = *manifest,
                                   .blobs = blobs,
                                   .n_blobs = 2,
                                   .diff_ids = c->diff_ids,
                                   .n_diff_ids = c->n_diff_ids,
                                   .platform = c->platform,
                                   .created_ns = created_ns,
                                   .ref = a->ref };
    int r = image_add(a->app->store, a->lease, &add, reterr);
    return r < 0 ? r : 0;
}

int image_make(const struct image_make_args *args, struct digest *ret_id, struct imgc_err *reterr)
{
    struct descriptor config = { .size = 0 }, manifest = { .size = 0 };

    int r = build_views(args, reterr);
    r = r < 0 ? r : put_config(args, &config, reterr);
    r = r < 0 ? r : put_manifest(args, &config, &manifest, reterr);
    r = r < 0 ? r : add_image(args, &config.digest, &manifest.digest, reterr);
    if (r == 0) {
        *ret_id = config.digest;
    }
    return r;
}
