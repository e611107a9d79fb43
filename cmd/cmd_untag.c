/* SPDX-License-Identifier: Apache-2.0 */
/* imgc untag: take names from an image; the image itself stays. */
#include "cmd/commands.h"
#include "cmd/lookup.h"

static int untag_text(struct store *s, struct imgc_str name, const struct image *image,
                      struct imgc_err *reterr)
{
    ref_auto struct ref ref = REF_INIT;
    struct digest id, top;

    int r = ref_parse(name, &ref, reterr);
    if (r == 0) {
        r = ref_default_tag(&ref, reterr);
    }
    if (r == 0) {
        r = image_resolve(s, &ref, &id, &top, reterr);
    }
    if (r == IMAGE_MISSING || (r == 0 && !digest_eq(&id, &image->id))) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "the image has no name " IMGC_STR_FMT,
                         IMGC_STR_ARG(name));
    }
    if (r == 0) {
        r = image_untag(s, &ref, reterr);
    }
    return r < 0 ? r : 0; /* gone meanwhile: as wanted */
}

/* IMAGE alone: the name that it is called by; by an ID all its tags. */
static int untag_image(struct store *s, const char *name, const struct image *image,
                       struct imgc_err *reterr)
{
    ref_auto struct ref ref = REF_INIT;

    int r = lookup_ref(s, name, image, &ref, reterr);
    if (r == 0) {
        return untag_text(s, imgc_str_of(name), image, reterr);
    }
    for (char **tag = image->tags; r >= 0 && tag && *tag; tag++) {
        r = untag_text(s, imgc_str_of(*tag), image, reterr);
    }
    return r < 0 ? r : 0;
}

static int untag_run(struct app *app, const void *options, struct args args,
                     struct imgc_err *reterr)
{
    image_auto struct image image = { .tags = NULL };
    struct store *store;
    (void)options;

    int r = app_store(app, &store, reterr);
    if (r == 0) {
        r = lookup_image(store, args.v[0], &image, reterr);
    }
    if (r == 0 && args.n == 1) {
        r = untag_image(store, args.v[0], &image, reterr);
    }
    for (size_t i = 1; r == 0 && i < args.n; i++) {
        r = untag_text(store, imgc_str_of(args.v[i]), &image, reterr);
    }
    return r;
}

const struct command cmd_untag = {
    .name = "untag",
    .args = "IMAGE [NAME[:TAG]...]",
    .summary = "take names from an image",
    .help =
        "Without NAME the name goes that IMAGE is called by, and all tags where it is an ID. The\n"
        "image stays, perhaps as <none>, until it is removed or pruned.\n"
        "\n"
        "  imgc untag debian:bookworm\n"
        "  imgc untag debian:bookworm registry.example/base:1\n",
    .min_args = 1,
    .max_args = SIZE_MAX,
    .run = untag_run,
};
