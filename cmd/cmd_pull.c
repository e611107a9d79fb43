/* SPDX-License-Identifier: Apache-2.0 */
/* imgc pull: fetch images from their registries into the store. */
#include "cmd/acquire.h"
#include "cmd/commands.h"
#include "cmd/retry_options.h"
#include "cmd/sweep.h"

struct pull_options {
    bool quiet, all_platforms;
    const char *platform, *progress;
    struct registry_options registry;
    struct retry_options retry;
    uint64_t max_parallel;
};

static const struct option pull_options[] = {
    { 'q', "quiet", OPT_FLAG, offsetof(struct pull_options, quiet), NULL,
      "print the image ID only, no progress" },
    { 0, "platform", OPT_STRING, offsetof(struct pull_options, platform), "OS/ARCH[/VARIANT]",
      "choose this platform instead of the host's" },
    { 0, "all-platforms", OPT_FLAG, offsetof(struct pull_options, all_platforms), NULL,
      "the images of all platforms that there are for Linux" },
    { 0, "progress", OPT_STRING, offsetof(struct pull_options, progress), "FORM", PROGRESS_HELP },
    REGISTRY_ACCESS_AUTH_ROWS(offsetof(struct pull_options, registry)),
    REGISTRY_ACCESS_TLS_ROWS(offsetof(struct pull_options, registry)),
    RETRY_OPTIONS_ROWS(offsetof(struct pull_options, retry)),
    { 0, "max-parallel", OPT_UINT, offsetof(struct pull_options, max_parallel), "N",
      "transfers at once (default 6)" },
    { .name = NULL },
};

/* Everything that is said once for all images. */
struct pull {
    const struct pull_options *options;
    enum progress_form progress;
    struct lease *lease;
    struct retry_policy retry;
    bool has_retry;
};

#define PARALLEL_LIMIT 64

static int check_options(struct pull *p, struct imgc_err *reterr)
{
    const struct pull_options *o = p->options;

    if (o->max_parallel > PARALLEL_LIMIT) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--max-parallel is 1 to %d, not %llu",
                         PARALLEL_LIMIT, (unsigned long long)o->max_parallel);
    }
    int r = retry_options_parse(&o->retry, &p->retry, reterr);
    p->has_retry = r == 0;
    return r < 0 ? r : 0;
}

static int pull_one(struct app *app, const struct pull *p, const char *name,
                    struct imgc_err *reterr)
{
    const struct pull_options *o = p->options;
    image_auto struct image image = { .tags = NULL };
    char hex[DIGEST_HEX_MAX];
    const struct acquire_args acquire = { .name = name,
                                          .policy = ACQUIRE_ALWAYS,
                                          .platform = o->platform,
                                          .all_platforms = o->all_platforms,
                                          .registry = &o->registry,
                                          .quiet = o->quiet,
                                          .progress = p->progress,
                                          .parallel = (unsigned)o->max_parallel,
                                          .retry = p->has_retry ? &p->retry : NULL };

    int r = acquire_pull(app, p->lease, &acquire, &image, reterr);
    if (r < 0) {
        return r;
    }
    output_print(&app->out, "%s\n", digest_hex(&image.id, hex));
    return 0;
}

/* Pull all that can be pulled: one name that is wrong does not stop the others. The last failure is
 * left to the caller to tell, the ones before it are told here. */
static int pull_each(struct app *app, const struct pull *p, struct args args,
                     struct imgc_err *reterr)
{
    int result = 0;

    for (size_t i = 0; i < args.n; i++) {
        struct imgc_err err;
        int r = pull_one(app, p, args.v[i], &err);
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
    struct pull p = { .options = options };
    struct store *store;

    if (p.options->platform && p.options->all_platforms) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--platform and --all-platforms exclude each other");
    }
    int r = progress_parse(p.options->progress, &p.progress, reterr);
    r = r < 0 ? r : check_options(&p, reterr);
    if (r < 0) {
        return r;
    }
    r = app_store(app, &store, reterr);
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
    p.lease = lease;
    return pull_each(app, &p, args, reterr);
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
        "Images of several platforms can have one name, where one index has them: what is run is\n"
        "this host's, or the one that --platform says; 'imgc images --all' shows them.\n"
        "What came of a layer before an interruption, a kill or a reboot is kept: the next pull\n"
        "fetches the rest. It shows in 'imgc df', and goes with 'imgc prune' or after 7 days.\n"
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
