/* SPDX-License-Identifier: Apache-2.0 */
/* imgc inspect: all that is known of images and containers, as JSON. */
#include "cmd/commands.h"
#include "cmd/describe.h"
#include "cmd/describe_spec.h"
#include "cmd/listing.h"
#include "cmd/lookup.h"
#include "cmd/remote_image.h"
#include "schema/json.h"

struct inspect_options {
    const char *format, *type;
    bool is_remote, raw, config;
    struct remote_options remote;
};

static const struct option inspect_options[] = {
    { 'f', "format", OPT_STRING, offsetof(struct inspect_options, format), "FORMAT",
      "a template for each object, or json" },
    { 0, "type", OPT_STRING, offsetof(struct inspect_options, type), "KIND",
      "only image, or only container (default: a container, else an image)" },
    { 0, "remote", OPT_FLAG, offsetof(struct inspect_options, is_remote), NULL,
      "one image as its registry has it, without fetching it" },
    { 0, "raw", OPT_FLAG, offsetof(struct inspect_options, raw), NULL,
      "with --remote: the manifest or index, byte for byte" },
    { 0, "config", OPT_FLAG, offsetof(struct inspect_options, config), NULL,
      "with --remote: the image's config" },
    REMOTE_PLATFORM_ROW(offsetof(struct inspect_options, remote),
                        "with --remote: this platform's image"),
    REMOTE_ACCESS_ROWS(offsetof(struct inspect_options, remote)),
    { .name = NULL },
};

struct inspect {
    struct store *store;
    bool containers, images; /* what to look for */
    const char *kind;        /* for messages */
};

enum { INSPECT_MISSING = 1 };

static int describe_named_container(struct store *s, const char *name, json_t **ret,
                                    struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };

    int r = container_find(s, imgc_str_of(name), &c, reterr);
    if (r != 0) {
        return r < 0 ? r : INSPECT_MISSING;
    }
    r = describe_container(&c, ret, reterr);
    return r < 0 ? r : describe_spec(s, &c, *ret, reterr);
}

static int describe_named_image(struct store *s, const char *name, json_t **ret,
                                struct imgc_err *reterr)
{
    image_auto struct image image = { .tags = NULL };

    int r = lookup_find(s, name, &image, reterr);
    if (r == IMAGE_MISSING || r == -IMGC_E_REFERENCE) {
        return INSPECT_MISSING;
    }
    return r < 0 ? r : describe_image(s, &image, ret, reterr);
}

static int describe_named(const struct inspect *in, const char *name, json_t **ret,
                          struct imgc_err *reterr)
{
    int r = INSPECT_MISSING;

    if (in->containers) {
        r = describe_named_container(in->store, name, ret, reterr);
    }
    if (r == INSPECT_MISSING && in->images) {
        r = describe_named_image(in->store, name, ret, reterr);
    }
    if (r == INSPECT_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such %s: \"%s\"", in->kind, name);
    }
    return r;
}

static int parse_type(const char *type, struct inspect *in, struct imgc_err *reterr)
{
    if (!type || strcmp(type, "all") == 0) {
        in->containers = in->images = true;
        in->kind = "object";
        return 0;
    }
    in->containers = strcmp(type, "container") == 0;
    in->images = strcmp(type, "image") == 0;
    in->kind = type;
    if (!in->containers && !in->images) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--type is image or container, not '%s'", type);
    }
    return 0;
}

static int print_documents(struct app *app, const char *format, json_t *docs,
                           struct imgc_err *reterr)
{
    int r = 0;

    if (!format || listing_is_json(format)) {
        return listing_json(app, docs, reterr);
    }
    for (size_t i = 0; r == 0 && i < json_array_size(docs); i++) {
        r = listing_document(app, format, json_array_get(docs, i), describe_maps, reterr);
    }
    return r;
}

/* Every name is tried; what was found is printed before the first failure is returned, the others
 * are told at once. */
static int inspect_names(struct app *app, const struct inspect *in, const char *format,
                         struct args args, struct imgc_err *reterr)
{
    json_auto_free json_t *docs = json_array();
    struct imgc_err err, print_err;
    int failed = 0;

    for (size_t i = 0; i < args.n; i++) {
        json_t *doc = NULL;
        int r = docs ? describe_named(in, args.v[i], &doc, &err)
                     : imgc_fail(&err, IMGC_E_NOMEM, "out of memory");
        if (r == 0 && json_array_append_new(docs, doc) < 0) {
            r = imgc_fail(&err, IMGC_E_NOMEM, "out of memory");
        }
        if (r < 0 && failed < 0) {
            output_error(&app->out, &err);
        } else if (r < 0) {
            failed = r;
            *reterr = err;
        }
    }
    int r = print_documents(app, format, docs, &print_err);
    if (r < 0 && failed == 0) {
        *reterr = print_err;
        return r;
    }
    return failed;
}

static int inspect_remote(struct app *app, const struct inspect_options *o, const char *name,
                          struct imgc_err *reterr)
{
    const struct remote_image_args args = {
        .name = name, .options = &o->remote, .raw = o->raw, .config = o->config, .format = o->format
    };

    int r = remote_image_print(app, &args, reterr);
    return r < 0 ? imgc_context(reterr, "inspect %s", name) : 0;
}

static int check_remote(const struct inspect_options *o, const struct inspect *in, struct args args,
                        struct imgc_err *reterr)
{
    if (!o->is_remote && (o->raw || o->config || o->remote.platform)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--%s needs --remote",
                         o->raw      ? "raw"
                         : o->config ? "config"
                                     : "platform");
    }
    if (o->is_remote && (args.n != 1 || !in->images)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--remote is for one image");
    }
    if (o->raw && o->format) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--raw and --format exclude each other");
    }
    return 0;
}

static int inspect_run(struct app *app, const void *options, struct args args,
                       struct imgc_err *reterr)
{
    const struct inspect_options *o = options;
    struct inspect in = { .store = NULL };

    int r = parse_type(o->type, &in, reterr);
    r = r < 0 ? r : check_remote(o, &in, args, reterr);
    if (r == 0 && o->is_remote) {
        return inspect_remote(app, o, args.v[0], reterr);
    }
    if (r == 0) {
        r = app_store(app, &in.store, reterr);
    }
    return r < 0 ? r : inspect_names(app, &in, o->format, args, reterr);
}

const struct command cmd_inspect = {
    .name = "inspect",
    .args = "NAME...",
    .summary = "show all that is known of images and containers",
    .help =
        "A NAME is looked for among the containers first, then among the images. Without --format\n"
        "a JSON array is printed, with what was found if some is missing (then the status is 1).\n"
        "With --remote an object is printed, with the fields of 'skopeo inspect': Name Digest "
        "Created\n"
        "Labels Architecture Variant Os Env Layers LayersData.\n"
        "\n"
        "  imgc inspect debian:bookworm\n"
        "  imgc inspect -f '{{json .Config.Env}}' debian\n"
        "  imgc inspect -f '{{range .RootFS.Layers}}{{println .}}{{end}}' debian\n"
        "  imgc inspect --remote -f '{{.Created}}' debian\n"
        "  imgc inspect --type container -f '{{.State.Status}}' job\n",
    .options = inspect_options,
    .options_size = sizeof(struct inspect_options),
    .min_args = 1,
    .max_args = SIZE_MAX,
    .run = inspect_run,
};
