/* SPDX-License-Identifier: Apache-2.0 */
/* imgc manifest inspect: a manifest or index as a registry has it. */
#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/remote.h"
#include "schema/json.h"

struct manifest_options {
    bool raw;
    struct remote_options remote;
};

static const struct option manifest_options[] = {
    { 0, "raw", OPT_FLAG, offsetof(struct manifest_options, raw), NULL,
      "the bytes as they are, whose sha256 is the digest" },
    REMOTE_PLATFORM_ROW(offsetof(struct manifest_options, remote),
                        "this platform's manifest instead of the index"),
    REMOTE_ACCESS_ROWS(offsetof(struct manifest_options, remote)),
    { .name = NULL },
};

static int manifest_run(struct app *app, const void *options, struct args args,
                        struct imgc_err *reterr)
{
    const struct manifest_options *o = options;
    document_auto struct document doc = DOCUMENT_INIT(LIMIT_MANIFEST_BYTES);
    json_auto_free json_t *json = NULL;

    int r = remote_manifest(app, args.v[0], &o->remote, &doc, reterr);
    if (r == 0 && o->raw) {
        remote_print_raw(app, &doc);
        return 0;
    }
    r = r < 0 ? r : json_parse(document_text(&doc), "manifest", &json, reterr);
    return r < 0 ? imgc_context(reterr, "manifest of %s", args.v[0])
                 : listing_json(app, json, reterr);
}

const struct command cmd_manifest_inspect = {
    .name = "manifest inspect",
    .args = "IMAGE",
    .summary = "show a manifest or index as a registry has it",
    .help = "  imgc manifest inspect debian:bookworm\n"
            "  imgc manifest inspect --platform linux/arm64 debian:bookworm\n"
            "  imgc manifest inspect --raw debian:bookworm | sha256sum\n",
    .options = manifest_options,
    .options_size = sizeof(struct manifest_options),
    .min_args = 1,
    .max_args = 1,
    .run = manifest_run,
};
