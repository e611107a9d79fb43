/* SPDX-License-Identifier: Apache-2.0 */
/* imgc tag: give an image more names. */
#include "cmd/commands.h"
#include "cmd/lookup.h"

static int parse_target(const char *name, struct ref *ret, struct imgc_err *reterr)
{
    int r = ref_parse(imgc_str_of(name), ret, reterr);
    if (r < 0) {
        return r;
    }
    if (digest_is_set(&ret->digest)) {
        return imgc_fail(reterr, IMGC_E_REFERENCE,
                         "%s: a tag names no digest; an image's digest is its own", name);
    }
    return ref_default_tag(ret, reterr);
}

/* All names are checked before the first one is given. */
static int check_targets(struct args args, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 1; r == 0 && i < args.n; i++) {
        ref_auto struct ref ref = REF_INIT;
        r = parse_target(args.v[i], &ref, reterr);
    }
    return r;
}

static int tag_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    image_auto struct image image = { .tags = NULL };
    struct store *store;
    (void)options;

    int r = check_targets(args, reterr);
    if (r == 0) {
        r = app_store(app, &store, reterr);
    }
    if (r == 0) {
        r = lookup_image(store, args.v[0], &image, reterr);
    }
    for (size_t i = 1; r == 0 && i < args.n; i++) {
        ref_auto struct ref ref = REF_INIT;
        r = parse_target(args.v[i], &ref, reterr);
        if (r == 0) {
            r = image_tag(store, &image.id, &ref, reterr);
        }
    }
    return r;
}

const struct command cmd_tag = {
    .name = "tag",
    .args = "IMAGE NAME[:TAG]...",
    .summary = "give an image more names",
    .help = "A name that another image has moves here; the other one stays, perhaps without a\n"
            "name. Without TAG it is 'latest'.\n"
            "\n"
            "  imgc tag debian:bookworm registry.example/base:1\n",
    .min_args = 2,
    .max_args = SIZE_MAX,
    .run = tag_run,
};
