/* SPDX-License-Identifier: Apache-2.0 */
/* imgc push: an image of the store to a registry. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/acquire.h"
#include "cmd/commands.h"
#include "cmd/lookup.h"
#include "cmd/push_mount.h"
#include "cmd/remote.h"
#include "cmd/retry_options.h"
#include "fetch/push.h"
#include "schema/base/fd.h"

struct push_options {
    bool quiet;
    const char *progress, *digest_file, *compression;
    uint64_t level;
    struct registry_options registry;
    struct retry_options retry;
};

static const struct option push_options[] = {
    { 'q', "quiet", OPT_FLAG, offsetof(struct push_options, quiet), NULL,
      "print the name only, no progress" },
    { 0, "progress", OPT_STRING, offsetof(struct push_options, progress), "FORM", PROGRESS_HELP },
    { 0, "digestfile", OPT_STRING, offsetof(struct push_options, digest_file), "FILE",
      "write the manifest's digest there" },
    { 0, "compression", OPT_STRING, offsetof(struct push_options, compression), "FORMAT",
      "have all layers in gzip, zstd or none (default: as they are there, else gzip)" },
    { 0, "compression-level", OPT_UINT, offsetof(struct push_options, level), "N",
      "of layers that are compressed now: gzip 1 to 9 (6), zstd 1 to 19 (3)" },
    REGISTRY_ACCESS_AUTH_ROWS(offsetof(struct push_options, registry)),
    REGISTRY_ACCESS_TLS_ROWS(offsetof(struct push_options, registry)),
    RETRY_OPTIONS_ROWS(offsetof(struct push_options, retry)),
    { .name = NULL },
};

struct push {
    struct app *app;
    const struct push_options *options;
    struct push_args args; /* but the registry */
    struct image image;
    struct ref to; /* where to, in full */
    char *to_text;
    struct push_mount mount;
    struct progress progress;
    struct push_result result;
};

static void push_done(struct push *p)
{
    image_done(&p->image);
    ref_done(&p->to);
    push_mount_done(&p->mount);
    progress_done(&p->progress);
    free(p->to_text);
}

/* ---- what was asked for ---- */

static int parse_compression(struct push *p, struct imgc_err *reterr)
{
    static const struct {
        const char *name;
        enum encoder_kind kind;
        unsigned levels;
    } formats[] = { { "gzip", ENCODER_GZIP, ENCODER_GZIP_LEVELS },
                    { "zstd", ENCODER_ZSTD, ENCODER_ZSTD_LEVELS },
                    { "none", ENCODER_NONE, 0 } };
    const char *name = p->options->compression ? p->options->compression : "gzip";

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(name, formats[i].name) != 0) {
            continue;
        }
        if (p->options->level > formats[i].levels) {
            return imgc_fail(reterr, IMGC_E_USAGE, "--compression-level of %s is 1 to %u, not %llu",
                             name, formats[i].levels, (unsigned long long)p->options->level);
        }
        p->args.encoder = formats[i].kind;
        p->args.has_encoder = p->options->compression != NULL;
        p->args.level = (unsigned)p->options->level;
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "--compression takes gzip, zstd or none, not '%s'",
                     name);
}

/* The name that the image gets there: without one of its own the one that it has here. */
static int find_destination(struct push *p, struct args args, struct imgc_err *reterr)
{
    struct imgc_str name = imgc_str_of(args.n > 1 ? args.v[1] : args.v[0]);
    int r;

    if (args.n > 1) {
        (void)imgc_str_skip(&name, IMGC_STR("docker://"));
        r = ref_parse(name, &p->to, reterr);
        r = r < 0 ? r : ref_default_tag(&p->to, reterr);
    } else {
        r = lookup_ref(p->app->store, args.v[0], &p->image, &p->to, reterr);
    }
    if (r == LOOKUP_IS_ID || (r == 0 && digest_is_set(&p->to.digest))) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'%s' is no name with a tag: say what to push it as",
                         args.v[args.n - 1]);
    }
    return r < 0 ? r : ref_text(&p->to, &p->to_text, reterr);
}

/* ---- the push ---- */

static void on_layer(void *arg, const struct pull_layer *layer)
{
    progress_layer(&((struct push *)arg)->progress, layer);
}

static void on_tick(void *arg)
{
    progress_draw(&((struct push *)arg)->progress);
}

static int push_there(const struct remote_place *place, void *arg, struct imgc_err *reterr)
{
    struct push *p = arg;

    p->args.there = place->registry;
    p->args.reference = place->there->tag;
    return push_image(&p->args, &p->result, reterr);
}

static int push_it(struct push *p, struct imgc_err *reterr)
{
    lease_auto struct lease *lease = NULL;
    const struct push_events events = { .layer = on_layer, .arg = p };
    struct retry_policy retry;
    struct remote_args remote = { .name = p->to_text,
                                  .is_push = true,
                                  .registry = &p->options->registry,
                                  .tick = on_tick,
                                  .tick_arg = p };

    int r = retry_options_parse(&p->options->retry, &retry, reterr);
    if (r == 0) {
        remote.retry = &retry;
    }
    r = r < 0 ? r : push_mount_find(&p->image, &p->to, &p->mount, reterr);
    r = r < 0 ? r : lease_begin(p->app->store, &lease, reterr);
    if (r < 0) {
        return r;
    }
    remote.read_too = (const char *const *)p->mount.paths;
    p->args.mount_from = remote.read_too;
    p->args.store = p->app->store;
    p->args.lease = lease;
    p->args.image = &p->image;
    p->args.events = &events;
    r = remote_each(p->app, &remote, push_there, p, reterr);
    progress_flush(&p->progress);
    return r;
}

/* ---- the answer ---- */

static int write_digest(const struct push *p, const char *digest, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    const char *path = p->options->digest_file;

    if (!path) {
        return 0;
    }
    int r = fd_open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0666, &fd, reterr);
    return r < 0 ? r : fd_write_all(fd, digest, strlen(digest), reterr);
}

static int answer(struct push *p, struct imgc_err *reterr)
{
    char digest[DIGEST_TEXT_MAX];
    const struct progress_end end = { .name = p->to_text,
                                      .id = &p->image.id,
                                      .bytes = p->result.sent,
                                      .is_unchanged = p->result.is_unchanged };

    (void)digest_text(&p->result.digest, digest);
    progress_end(&p->progress, &end);
    if (p->options->quiet) {
        output_print(&p->app->out, "%s\n", p->to_text);
    } else {
        output_print(&p->app->out, "%s: digest: %s size: %llu\n", p->to.tag, digest,
                     (unsigned long long)p->result.size);
    }
    return write_digest(p, digest, reterr);
}

static int push_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    imgc_auto(push_done) struct push p = { .app = app, .options = options, .to = REF_INIT };
    enum progress_form form;
    struct store *store;

    int r = progress_parse(p.options->progress, &form, reterr);
    progress_init(&p.progress, &app->out, r < 0 || p.options->quiet ? PROGRESS_NONE : form);
    p.progress.is_push = true;
    p.progress.verb = "uploading";
    r = r < 0 ? r : parse_compression(&p, reterr);
    r = r < 0 ? r : app_store(app, &store, reterr);
    r = r < 0 ? r : acquire_local(app, args.v[0], &p.image, reterr);
    r = r < 0 ? r : find_destination(&p, args, reterr);
    r = r < 0 ? r : push_it(&p, reterr);
    r = r < 0 ? r : answer(&p, reterr);
    return r < 0 ? imgc_context(reterr, "push %s", args.v[args.n - 1]) : 0;
}

const struct command cmd_push = {
    .name = "push",
    .args = "IMAGE [NAME]",
    .summary = "send an image to a registry",
    .help =
        "Without NAME the image goes where its own name says. What the registry has already, in\n"
        "this repository or in another one that the image is known from, is not sent, and where\n"
        "that is so for all layers the manifest is the one that the image came with, byte for\n"
        "byte. Other layers are compressed anew: the image keeps its ID and gets another digest.\n"
        "The push prints the tag, the digest and the size of the manifest.\n"
        "\n"
        "  imgc push app:1.2 registry.example/team/app:1.2\n"
        "  imgc push -q --compression zstd registry.example/team/app\n"
        "  imgc push --digestfile digest.txt app localhost:5000/app\n",
    .options = push_options,
    .options_size = sizeof(struct push_options),
    .min_args = 1,
    .max_args = 2,
    .ids = IDS_WANTED,
    .run = push_run,
};
