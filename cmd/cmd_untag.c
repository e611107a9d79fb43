/* SPDX-License-Identifier: Apache-2.0 */
/* imgc untag: take names from an image; the image itself stays. */
#include "cmd/commands.h"
#include "cmd/lookup.h"

/* The images that are meant: of a name those of all platforms. */
struct untag {
    struct store *store;
    struct image image; /* what IMAGE was found as */
    struct ref ref;     /* where IMAGE is a name of it */
    struct digest *ids; /* then: all that have it; NULL: the image alone */
    size_t n_ids;
};

static void untag_done(struct untag *u)
{
    image_done(&u->image);
    ref_done(&u->ref);
    free(u->ids);
}

static int untag_find(struct untag *u, const char *name, struct imgc_err *reterr)
{
    int r = lookup_image(u->store, name, &u->image, reterr);
    if (r < 0) {
        return r;
    }
    r = lookup_ref(u->store, name, &u->image, &u->ref, reterr);
    if (r == 0) {
        r = image_list_named(u->store, &u->ref, &u->ids, &u->n_ids, reterr);
    }
    return r < 0 ? r : 0;
}

static int untag_text(struct untag *u, const char *name, struct imgc_err *reterr)
{
    bool is_found = false;
    ref_auto struct ref ref = REF_INIT;

    int r = ref_parse(imgc_str_of(name), &ref, reterr);
    if (r == 0) {
        r = ref_default_tag(&ref, reterr);
    }
    for (size_t i = 0; r >= 0 && i < (u->ids ? u->n_ids : 1); i++) {
        r = image_untag(u->store, &ref, u->ids ? &u->ids[i] : &u->image.id, reterr);
        is_found = is_found || r == 0;
    }
    if (r >= 0 && !is_found) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "the image has no name %s", name);
    }
    return r < 0 ? r : 0;
}

/* IMAGE alone: the name that it is called by; by an ID all its tags. */
static int untag_image(struct untag *u, struct imgc_err *reterr)
{
    int r = 0;

    if (u->ids) {
        r = image_untag(u->store, &u->ref, NULL, reterr);
        return r < 0 ? r : 0; /* gone meanwhile: as wanted */
    }
    for (char **tag = u->image.tags; r >= 0 && *tag; tag++) {
        r = untag_text(u, *tag, reterr);
    }
    return r;
}

static int untag_run(struct app *app, const void *options, struct args args,
                     struct imgc_err *reterr)
{
    imgc_auto(untag_done) struct untag u = { .ref = REF_INIT };
    (void)options;

    int r = app_store(app, &u.store, reterr);
    if (r == 0) {
        r = untag_find(&u, args.v[0], reterr);
    }
    if (r == 0 && args.n == 1) {
        r = untag_image(&u, reterr);
    }
    for (size_t i = 1; r == 0 && i < args.n; i++) {
        r = untag_text(&u, args.v[i], reterr);
    }
    return r;
}

const struct command cmd_untag = {
    .name = "untag",
    .args = "IMAGE [NAME[:TAG]...]",
    .summary = "take names from an image",
    .help =
        "Without NAME the name goes that IMAGE is called by, and all tags where it is an ID. As a\n"
        "name IMAGE means the images of all its platforms, as an ID that one. The image stays,\n"
        "perhaps as <none>, until it is removed or pruned.\n"
        "\n"
        "  imgc untag debian:bookworm\n"
        "  imgc untag debian:bookworm registry.example/base:1\n",
    .min_args = 1,
    .max_args = SIZE_MAX,
    .run = untag_run,
};
