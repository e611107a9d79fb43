/* SPDX-License-Identifier: Apache-2.0 */
/* imgc verify: hash again what is in the store and say what is bad. */
#include <stdlib.h>

#include "cmd/acquire.h"
#include "cmd/commands.h"
#include "layers/rootfs.h"
#include "schema/limits.h"
#include "store/blob.h"
#include "store/layer.h"

struct verify_options {
    bool quiet;
};

static const struct option verify_options[] = {
    { 'q', "quiet", OPT_FLAG, offsetof(struct verify_options, quiet), NULL,
      "print only what is bad" },
    { .name = NULL },
};

struct verify {
    struct app *app;
    bool quiet;
    size_t checked, bad;
    size_t bad_content; /* of the bad: cannot be made again from what is here */
};

enum finding { CONTENT, VIEW }; /* a view is a cache of content */

/* Print one finding; @r is the check's result, and a failed check does not stop the others. */
static void tell(struct verify *v, enum finding what, const char *kind, const struct digest *d,
                 int r, const struct imgc_err *err)
{
    char text[DIGEST_TEXT_MAX];

    v->checked++;
    if (r < 0) {
        v->bad++;
        v->bad_content += what == CONTENT ? 1 : 0;
        output_print(&v->app->out, "%s %s: BAD: %s\n", kind, digest_text(d, text), err->msg);
    } else if (!v->quiet) {
        output_print(&v->app->out, "%s %s: ok\n", kind, digest_text(d, text));
    }
}

static int check_blob(const struct blob_info *info, void *arg, struct imgc_err *reterr)
{
    struct verify *v = arg;
    struct imgc_err err = { .code = IMGC_OK };
    imgc_autobuf struct imgc_buf bytes = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES);

    int r = blob_get(v->app->store, &info->digest, &bytes, &err);
    if (r == BLOB_MISSING) {
        return 0; /* removed meanwhile */
    }
    tell(v, CONTENT, "blob", &info->digest, r, &err);
    return app_interrupted() ? imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted") : 0;
}

static int check_layer(const struct layer_info *info, void *arg, struct imgc_err *reterr)
{
    struct verify *v = arg;
    struct imgc_err err = { .code = IMGC_OK };

    int r = rootfs_verify_layer(v->app->store, &info->diff_id, &err);
    tell(v, CONTENT, "layer", &info->diff_id, r, &err);
    return app_interrupted() ? imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted") : 0;
}

static void check_views(struct verify *v, const struct image *image)
{
    struct imgc_err err = { .code = IMGC_OK };

    int r = rootfs_verify_views(v->app->store, image->diff_ids, image->n_diff_ids, &err);
    tell(v, VIEW, "image", &image->id, r, &err);
}

static int verify_all(struct verify *v, struct imgc_err *reterr)
{
    struct store *store = v->app->store;
    image_list_auto struct image_list images = { .items = NULL };

    int r = blob_each(store, check_blob, v, reterr);
    if (r < 0) {
        return r;
    }
    r = layer_each(store, check_layer, v, reterr);
    if (r < 0) {
        return r;
    }
    r = image_list(store, &images, reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < images.n; i++) {
        check_views(v, &images.items[i]);
    }
    return 0;
}

static int verify_named(struct verify *v, const char *name, struct imgc_err *reterr)
{
    image_auto struct image image = { .tags = NULL };
    int r = acquire_local(v->app, name, &image, reterr);
    if (r < 0) {
        return r;
    }
    struct blob_info blobs[] = { { .digest = image.id }, { .digest = image.manifest } };
    for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++) {
        r = check_blob(&blobs[i], v, reterr);
        if (r < 0) {
            return r;
        }
    }
    for (size_t i = 0; i < image.n_diff_ids; i++) {
        struct layer_info layer = { .diff_id = image.diff_ids[i] };
        r = check_layer(&layer, v, reterr);
        if (r < 0) {
            return r;
        }
    }
    check_views(v, &image);
    return 0;
}

static int summarize(const struct verify *v, struct imgc_err *reterr)
{
    const char *remedy = v->bad_content > 0
                             ? "remove the images that use them and pull again"
                             : "what is not built again by itself needs its image removed and "
                               "pulled again";

    return imgc_fail(reterr, IMGC_E_SYS, "%zu of %zu are bad: %s", v->bad, v->checked, remedy);
}

static int verify_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    const struct verify_options *o = options;
    struct verify v = { .app = app, .quiet = o->quiet };
    struct store *store;

    int r = app_store(app, &store, reterr);
    if (r < 0) {
        return r;
    }
    if (args.n == 0) {
        r = verify_all(&v, reterr);
    }
    for (size_t i = 0; i < args.n && r >= 0; i++) {
        r = verify_named(&v, args.v[i], reterr);
    }
    if (r < 0) {
        return r;
    }
    return v.bad > 0 ? summarize(&v, reterr) : 0;
}

const struct command cmd_verify = {
    .name = "verify",
    .args = "[IMAGE...]",
    .summary = "hash again what is in the store, say what is bad",
    .help =
        "Every manifest and config is hashed against its digest, every layer against its DiffID,\n"
        "and every unpacked layer is compared with its tar. Without IMAGE the whole store.\n"
        "The exit status is 1 when anything is bad.\n"
        "\n"
        "  imgc verify\n"
        "  imgc verify -q debian:bookworm\n",
    .options = verify_options,
    .options_size = sizeof(struct verify_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .ids = IDS_WANTED,
    .run = verify_run,
};
