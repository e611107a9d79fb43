/* SPDX-License-Identifier: Apache-2.0 */
/* imgc mount: images' root file systems on the host, read-only. */
#include "cmd/acquire.h"
#include "cmd/commands.h"
#include "cmd/describe.h"
#include "cmd/listing.h"
#include "cmd/mounting.h"
#include "cmd/sweep.h"
#include "runtime/image_mount.h"
#include "schema/json.h"
#include "store/mounted.h"

struct mount_options {
    bool all;
    const char *format;
};

static const struct option mount_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct mount_options, all), NULL, "mount all images" },
    { 0, "format", OPT_STRING, offsetof(struct mount_options, format), "json",
      "print a JSON document instead" },
    { .name = NULL },
};

struct mount_run {
    struct app *app;
    const struct mount_options *options;
    bool path_only; /* one image: scripts take the line as it is */
    json_t *rows;
};

static json_t *names_of(const struct image *image)
{
    json_t *names = json_array();

    for (char **tag = image->tags; names && tag && *tag; tag++) {
        (void)json_array_append_new(names, json_string(describe_familiar(*tag)));
    }
    return names;
}

static int tell(struct mount_run *m, const struct image *image, const char *path,
                struct imgc_err *reterr)
{
    char id[DESCRIBE_ID_MAX], hex[DIGEST_HEX_MAX];
    bool is_named = image->tags && image->tags[0];

    if (listing_is_json(m->options->format)) {
        json_t *row = json_pack("{s:s, s:o, s:s}", "id", digest_hex(&image->id, hex),
                                "Repositories", names_of(image), "mountpoint", path);
        return json_array_append_new(m->rows, row) < 0
                   ? imgc_fail(reterr, IMGC_E_USAGE, "the path '%s' is not UTF-8", path)
                   : 0;
    }
    if (m->path_only) {
        output_print(&m->app->out, "%s\n", path);
    } else {
        output_print(&m->app->out, "%s\t%s\n",
                     is_named ? describe_familiar(image->tags[0])
                              : describe_id(&image->id, false, id),
                     path);
    }
    return 0;
}

static int mount_one(struct mount_run *m, const struct image *image, struct imgc_err *reterr)
{
    imgc_autofree char *path = NULL;

    int r = mounting_mount(m->app, image, &path, reterr);
    return r < 0 ? r : tell(m, image, path, reterr);
}

static int mount_all(struct mount_run *m, struct imgc_err *reterr)
{
    image_list_auto struct image_list list = { .items = NULL };

    int r = image_list(m->app->store, &list, reterr);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        r = mount_one(m, &list.items[i], reterr);
    }
    return r;
}

static int mount_named(struct mount_run *m, struct args args, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < args.n; i++) {
        image_auto struct image image = { .tags = NULL };
        r = acquire_local(m->app, args.v[i], &image, reterr);
        r = r < 0 ? r : mount_one(m, &image, reterr);
        if (r < 0) {
            (void)imgc_context(reterr, "mount %s", args.v[i]);
        }
    }
    return r;
}

static int list_mounted(struct mount_run *m, struct imgc_err *reterr)
{
    mounted_list_auto struct mounted_list list = { .items = NULL };

    int r = mounted_list(m->app->store, &list, reterr);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        image_auto struct image image = { .tags = NULL };
        if (!image_mount_is(list.items[i].path)) {
            continue; /* somebody else took it off */
        }
        r = image_find_id(m->app->store, &list.items[i].image_id, &image, reterr);
        r = r != 0 ? r : tell(m, &image, list.items[i].path, reterr);
        r = r == IMAGE_MISSING ? 0 : r;
    }
    return r;
}

static int mount_run(struct app *app, const void *options, struct args args,
                     struct imgc_err *reterr)
{
    json_auto_free json_t *rows = json_array();
    struct mount_run m = { .app = app, .options = options, .rows = rows };
    struct store *store;

    m.path_only = args.n == 1;
    if (m.options->all && args.n > 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "mount takes images, or --all");
    }
    if (m.options->format && !listing_is_json(m.options->format)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "mount --format is json, not '%s'",
                         m.options->format);
    }
    int r = app_store(app, &store, reterr);
    if (r == 0 && !m.options->all && args.n == 0) {
        r = list_mounted(&m, reterr);
    } else if (r == 0) {
        r = sweep_dead(app, NULL, reterr);
        r = r < 0 ? r : m.options->all ? mount_all(&m, reterr) : mount_named(&m, args, reterr);
    }
    return r < 0 || !m.options->format ? r : listing_json(app, rows, reterr);
}

const struct command cmd_mount = {
    .name = "mount",
    .args = "[IMAGE...]",
    .summary = "mount images' root file systems read-only",
    .help =
        "Prints where the image is mounted; of several, a line with name and path each. One that\n"
        "is mounted already stays where it is. Without IMAGE the mounted ones are listed. A\n"
        "mounted image is in use until 'imgc umount' or the next boot. The mount has no devices\n"
        "and no set-user-id programs. Needs root.\n"
        "\n"
        "  ls \"$(imgc mount debian:bookworm)\"\n"
        "  imgc mount --format json\n",
    .options = mount_options,
    .options_size = sizeof(struct mount_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .run = mount_run,
};
