/* SPDX-License-Identifier: Apache-2.0 */
/* imgc pull: fetch images from their registries into the store. */
#include "cmd/acquire.h"
#include "cmd/commands.h"
#include "cmd/sweep.h"

struct pull_options {
    bool quiet;
    const char *platform;
    struct registry_options registry;
};

static const struct option pull_options[] = {
    { 'q', "quiet", OPT_FLAG, offsetof(struct pull_options, quiet), NULL,
      "print the image ID only, no progress" },
    { 0, "platform", OPT_STRING, offsetof(struct pull_options, platform), "OS/ARCH[/VARIANT]",
      "choose this platform instead of the host's" },
    REGISTRY_ACCESS_AUTH_ROWS(offsetof(struct pull_options, registry)),
    REGISTRY_ACCESS_TLS_ROWS(offsetof(struct pull_options, registry)),
    { .name = NULL },
};

static int pull_one(struct app *app, struct lease *lease, const struct pull_options *o,
                    const char *name, struct imgc_err *reterr)
{
    image_auto struct image image = { .tags = NULL };
    char hex[DIGEST_HEX_MAX];
    const struct acquire_args acquire = { .name = name,
                                          .policy = ACQUIRE_ALWAYS,
                                          .platform = o->platform,
                                          .registry = &o->registry,
                                          .quiet = o->quiet };

    int r = acquire_pull(app, lease, &acquire, &image, reterr);
    if (r < 0) {
        return r;
    }
    output_print(&app->out, "%s\n", digest_hex(&image.id, hex));
    return 0;
}

/* Pull all that can be pulled: one name that is wrong does not stop the others. The last failure is
 * left to the caller to tell, the ones before it are told here. */
static int pull_each(struct app *app, struct lease *lease, const struct pull_options *o,
                     struct args args, struct imgc_err *reterr)
{
    int result = 0;

    for (size_t i = 0; i < args.n; i++) {
        struct imgc_err err;
        int r = pull_one(app, lease, o, args.v[i], &err);
        if (r >= 0) {
            continue;
        }
        if (result < 0) {
            output_error(&app->out, reterr);
        }
        *reterr = err;
        result = r;
        if (err.code == IMGC_E_INTERRUPTED || err.code == IMGC_E_NOSPACE) {
            break; /* the others would end in the same way */
        }
    }
    return result;
}

static int pull_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct pull_options *o = options;
    struct store *store;

    int r = app_store(app, &store, reterr);
    if (r < 0) {
        return r;
    }
    r = sweep_dead(app, NULL, reterr);
    if (r < 0) {
        return r;
    }
    lease_auto struct lease *lease = NULL;
    r = lease_begin(store, &lease, reterr);
    if (r < 0) {
        return r;
    }
    return pull_each(app, lease, o, args, reterr);
}

const struct command cmd_pull = {
    .name = "pull",
    .args = "IMAGE...",
    .summary = "fetch images from their registries",
    .help =
        "Names are resolved as docker does: debian:bookworm is docker.io/library/debian:bookworm;\n"
        "where there is a registries.conf, it may name other places and mirrors ('imgc info').\n"
        "NAME@sha256:... pulls exactly that content, whatever the tag says.\n"
        "A second pull of an unchanged image asks for its manifest only. Of several images those\n"
        "that can be had are pulled; the status is 1 when one failed.\n"
        "\n"
        "  imgc pull debian:bookworm\n"
        "  imgc pull --platform linux/arm64 alpine\n"
        "  imgc pull localhost:5000/app@sha256:...\n",
    .options = pull_options,
    .options_size = sizeof(struct pull_options),
    .min_args = 1,
    .max_args = SIZE_MAX,
    .ids = IDS_WANTED,
    .run = pull_run,
};
