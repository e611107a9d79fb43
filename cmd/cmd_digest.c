/* SPDX-License-Identifier: Apache-2.0 */
/* imgc digest: what a tag stands for now. */
#include "cmd/commands.h"
#include "cmd/remote.h"

struct digest_options {
    struct remote_options remote;
};

static const struct option digest_options[] = {
    REMOTE_PLATFORM_ROW(offsetof(struct digest_options, remote),
                        "of this platform's manifest instead of the index"),
    REMOTE_ACCESS_ROWS(offsetof(struct digest_options, remote)),
    { .name = NULL },
};

static int digest_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    const struct digest_options *o = options;
    document_auto struct document doc = DOCUMENT_INIT(LIMIT_MANIFEST_BYTES);
    char text[DIGEST_TEXT_MAX];

    int r = remote_manifest(app, args.v[0], &o->remote, &doc, reterr);
    if (r < 0) {
        return imgc_context(reterr, "digest of %s", args.v[0]);
    }
    output_print(&app->out, "%s\n", digest_text(&doc.digest, text));
    return 0;
}

const struct command cmd_digest = {
    .name = "digest",
    .args = "IMAGE",
    .summary = "show the digest that a registry has for a tag",
    .help = "It is computed of what the registry sends, not believed. Of an image for several\n"
            "platforms it is the index's, with --platform that of one image.\n"
            "\n"
            "  imgc digest debian:bookworm\n"
            "  imgc pull debian@$(imgc digest debian:bookworm)\n",
    .options = digest_options,
    .options_size = sizeof(struct digest_options),
    .min_args = 1,
    .max_args = 1,
    .run = digest_run,
};
