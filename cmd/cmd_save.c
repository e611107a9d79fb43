/* SPDX-License-Identifier: Apache-2.0 */
/* imgc save: images as an archive or an OCI layout that others read. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/acquire.h"
#include "cmd/archive_progress.h"
#include "cmd/commands.h"
#include "cmd/lookup.h"
#include "cmd/out_file.h"
#include "fetch/archive_save.h"
#include "schema/base/fd.h"

struct save_options {
    const char *output, *format, *progress;
    bool quiet;
};

static const struct option save_options[] = {
    { 'o', "output", OPT_STRING, offsetof(struct save_options, output), "FILE|DIR",
      "write there (default: standard output)" },
    { 0, "format", OPT_STRING, offsetof(struct save_options, format), "FORMAT",
      "docker-archive (default), oci-archive or oci-dir" },
    { 'q', "quiet", OPT_FLAG, offsetof(struct save_options, quiet), NULL, "no progress" },
    { 0, "progress", OPT_STRING, offsetof(struct save_options, progress), "FORM",
      ARCHIVE_PROGRESS_HELP },
    { .name = NULL },
};

struct save_list {
    struct image *images;
    struct archive_save_image *items;
    char ***names; /* of each item */
    size_t n;
};

static void save_list_done(struct save_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        image_done(&l->images[i]);
        (void)json_strings_free(l->names[i]);
    }
    free(l->images);
    free((void *)l->names);
    free(l->items);
}
#define save_list_auto imgc_auto(save_list_done)

/* ---- which images ---- */

/* The name that @word is; an ID has none. */
static int add_name(struct app *app, const char *word, const struct image *image, char ***names,
                    struct imgc_err *reterr)
{
    ref_auto struct ref ref = REF_INIT;
    size_t n = 0;

    int r = lookup_ref(app->store, word, image, &ref, reterr);
    if (r < 0 || r == LOOKUP_IS_ID || digest_is_set(&ref.digest)) {
        return r < 0 ? r : 0;
    }
    while (*names && (*names)[n]) {
        n++;
    }
    char **grown = reallocarray((void *)*names, n + 2, sizeof *grown);
    if (!grown) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    grown[n] = grown[n + 1] = NULL;
    *names = grown;
    return ref_text(&ref, &grown[n], reterr);
}

static int add_image(struct app *app, const char *word, struct save_list *l,
                     struct imgc_err *reterr)
{
    image_auto struct image image = { .tags = NULL };
    size_t i = 0;

    int r = acquire_local(app, word, &image, reterr);
    if (r < 0) {
        return r;
    }
    while (i < l->n && !digest_eq(&l->images[i].id, &image.id)) {
        i++;
    }
    if (i == l->n) {
        l->images[l->n++] = image;
        image = (struct image){ .tags = NULL };
    }
    return add_name(app, word, &l->images[i], &l->names[i], reterr);
}

static int find_images(struct app *app, struct args args, struct save_list *l,
                       struct imgc_err *reterr)
{
    int r = 0;

    l->images = calloc(args.n, sizeof *l->images);
    l->items = calloc(args.n, sizeof *l->items);
    l->names = (char ***)calloc(args.n, sizeof *l->names);
    if (!l->images || !l->items || !l->names) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; r == 0 && i < args.n; i++) {
        r = add_image(app, args.v[i], l, reterr);
    }
    for (size_t i = 0; i < l->n; i++) {
        l->items[i] = (struct archive_save_image){ &l->images[i], l->names[i] };
    }
    return r;
}

/* ---- where to ---- */

static bool on_interrupted(void *arg)
{
    (void)arg;
    return app_interrupted();
}

/* What goes where, once that is open. */
struct saving {
    struct app *app;
    const struct save_list *list;
    enum archive_format format;
    struct archive_progress progress;
};

static void on_image(void *arg, const struct image *image)
{
    (void)image;
    archive_progress_image(&((struct saving *)arg)->progress);
}

static void on_layer(void *arg, const struct pull_layer *layer)
{
    archive_progress_layer(&((struct saving *)arg)->progress, layer);
}

static void on_wrote(void *arg, size_t len)
{
    archive_progress_bytes(&((struct saving *)arg)->progress, len);
}

static int save_to(void *arg, int fd, struct imgc_err *reterr)
{
    struct saving *s = arg;
    archive_out_auto struct archive_out *out = NULL;
    lease_auto struct lease *lease = NULL;
    const struct archive_out_args to = {
        .fd = fd, .interrupted = on_interrupted, .wrote = on_wrote, .arg = s
    };

    int r = lease_begin(s->app->store, &lease, reterr);
    r = r < 0 ? r : archive_out_new(&to, &out, reterr);
    if (r < 0) {
        return r;
    }
    const struct archive_save_args args = { .store = s->app->store,
                                            .lease = lease,
                                            .images = s->list->items,
                                            .n_images = s->list->n,
                                            .format = s->format,
                                            .out = out,
                                            .interrupted = on_interrupted,
                                            .image = on_image,
                                            .layer = on_layer,
                                            .arg = s };
    r = archive_save(&args, reterr);
    archive_progress_image(&s->progress);
    return r;
}

static int save_to_directory(struct saving *saving, const char *path, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    if (mkdir(path, 0777) < 0) {
        return errno == EEXIST ? imgc_fail(reterr, IMGC_E_EXISTS,
                                           "'%s' exists; name a directory that does not", path)
                               : imgc_fail_sys(reterr, errno, "create directory '%s'", path);
    }
    int r = fd_open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, reterr);
    r = r < 0 ? r : save_to(saving, fd, reterr);
    struct imgc_err err;
    if (r < 0 && fd_remove_tree(AT_FDCWD, path, NULL, &err) < 0) {
        output_warn(&saving->app->out, "%s", err.msg);
    }
    return r;
}

static int save_somewhere(struct app *app, const struct save_options *o, const struct save_list *l,
                          struct imgc_err *reterr)
{
    const char *format = o->format ? o->format : "docker-archive";
    bool is_docker = strcmp(format, "docker-archive") == 0;
    struct saving saving = { .app = app,
                             .list = l,
                             .format = is_docker ? ARCHIVE_DOCKER : ARCHIVE_OCI };

    int r = archive_progress_begin(&saving.progress, &app->out, "saving",
                                   o->quiet ? "none" : o->progress, reterr);
    if (r < 0) {
        return r;
    }
    if (strcmp(format, "oci-dir") == 0) {
        return o->output ? save_to_directory(&saving, o->output, reterr)
                         : imgc_fail(reterr, IMGC_E_USAGE,
                                     "--format oci-dir: name the directory with --output");
    }
    if (!is_docker && strcmp(format, "oci-archive") != 0) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--format '%s': docker-archive, oci-archive or oci-dir", format);
    }
    const struct out_file_args to = {
        .out = &app->out, .path = o->output, .write = save_to, .arg = &saving
    };
    return out_file_write(&to, reterr);
}

static int save_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct save_options *o = options;
    save_list_auto struct save_list list = { .n = 0 };
    struct store *store;

    int r = app_store(app, &store, reterr);
    r = r < 0 ? r : find_images(app, args, &list, reterr);
    r = r < 0 ? r : save_somewhere(app, o, &list, reterr);
    return r < 0 ? imgc_context(reterr, "save %s", args.v[0]) : 0;
}

const struct command cmd_save = {
    .name = "save",
    .args = "[-o FILE|DIR] IMAGE...",
    .summary = "write images as an archive (docker-archive, oci-archive, OCI layout)",
    .help =
        "For 'imgc load', 'docker load', 'podman load', skopeo and the rest. A docker-archive is\n"
        "an OCI archive, too. Layers are plain tars: pipe through gzip or zstd to make it small.\n"
        "The same images give the same bytes.\n"
        "\n"
        "  imgc save -o app.tar app:1.2\n"
        "  imgc save app | zstd | ssh host imgc load\n"
        "  imgc save --format oci-dir -o layout app\n",
    .options = save_options,
    .options_size = sizeof(struct save_options),
    .min_args = 1,
    .max_args = SIZE_MAX,
    .ids = IDS_WANTED,
    .run = save_run,
};
