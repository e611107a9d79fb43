/* SPDX-License-Identifier: Apache-2.0 */
/* imgc df: what the store takes on the disk, and what can be had back. */
#include <stdio.h>

#include "cmd/commands.h"
#include "cmd/describe.h"
#include "cmd/listing.h"
#include "cmd/units.h"
#include "schema/base/clock.h"
#include "schema/json.h"
#include "store/gc.h"
#include "store/image.h"

struct df_options {
    bool verbose;
    const char *format;
};

static const struct option df_options[] = {
    { 'v', "verbose", OPT_FLAG, offsetof(struct df_options, verbose), NULL,
      "one line for each image" },
    { 0, "format", OPT_STRING, offsetof(struct df_options, format), "FORMAT",
      "json, 'table TEMPLATE', or a template for each line" },
    { .name = NULL },
};

/* ---- totals ---- */

struct df_line {
    const char *type;
    uint64_t total, active, bytes, reclaimable;
};

static int add_line(json_t *rows, json_t *exact, const struct df_line *line,
                    struct imgc_err *reterr)
{
    char size[UNITS_TEXT_MAX], amount[UNITS_TEXT_MAX], reclaimable[UNITS_TEXT_MAX + 8];
    uint64_t percent = line->bytes / 100 ? line->reclaimable / (line->bytes / 100) : 0;

    (void)snprintf(reclaimable, sizeof reclaimable, "%s (%u%%)",
                   units_human_size(line->reclaimable, amount),
                   percent > 100 ? 100U : (unsigned)percent);
    json_t *row = json_pack("{s:s, s:I, s:I, s:s, s:s}", "Type", line->type, "Total",
                            (json_int_t)line->total, "Active", (json_int_t)line->active, "Size",
                            units_human_size(line->bytes, size), "Reclaimable", reclaimable);
    json_t *numbers =
        json_pack("{s:s, s:I, s:I, s:I, s:I}", "Type", line->type, "Total", (json_int_t)line->total,
                  "Active", (json_int_t)line->active, "Size", (json_int_t)line->bytes,
                  "Reclaimable", (json_int_t)line->reclaimable);
    if (json_array_append_new(rows, row) < 0 || json_array_append_new(exact, numbers) < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return 0;
}

static int print_totals(struct app *app, struct store *store, const char *format,
                        struct imgc_err *reterr)
{
    static const struct listing_column columns[] = {
        { "Type", "TYPE" },
        { "Total", "TOTAL" },
        { "Active", "ACTIVE" },
        { "Size", "SIZE" },
        { "Reclaimable", "RECLAIMABLE" },
        { NULL, NULL },
    };
    json_auto_free json_t *rows = json_array();
    json_auto_free json_t *exact = json_array();
    struct gc_usage u = { 0 };

    int r = gc_usage(store, &u, reterr);
    if (r < 0) {
        return r;
    }
    const struct df_line lines[] = {
        { "Images", u.images, u.images_used, u.images_bytes, u.images_reclaimable },
        { "Containers", u.containers, u.containers_running, u.containers_bytes,
          u.containers_reclaimable },
        { "Local Volumes", u.volumes, u.volumes_used, u.volumes_bytes, u.volumes_reclaimable },
        { "Downloads", u.downloads, u.downloads_active, u.downloads_bytes,
          u.downloads_reclaimable },
        { "Leftovers", 0, 0, u.leaked_bytes, u.leaked_bytes },
    };
    for (size_t i = 0; r == 0 && i < sizeof lines / sizeof *lines; i++) {
        r = add_line(rows, exact, &lines[i], reterr);
    }
    const struct listing listing = {
        .columns = columns,
        .table = "{{.Type}}\t{{.Total}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
        .format = format,
        .json = exact,
    };
    return r < 0 ? r : listing_print(app, &listing, rows, reterr);
}

/* ---- image by image ---- */

static int add_images(const struct image *image, int64_t now_ns, json_t *rows, json_t *exact,
                      struct imgc_err *reterr)
{
    const struct describe_rows_args args = { .now_ns = now_ns };
    char shared[UNITS_TEXT_MAX], unique[UNITS_TEXT_MAX];
    size_t first = json_array_size(rows);
    json_t *summary = NULL;

    int r = describe_rows(image, &args, rows, reterr);
    if (r == 0) {
        r = describe_summary(image, NULL, &summary, reterr);
    }
    if (r < 0) {
        return r;
    }
    uint64_t rest = image->size > image->unique_size ? image->size - image->unique_size : 0;
    for (size_t i = first; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        (void)json_object_set_new(row, "SharedSize", json_string(units_human_size(rest, shared)));
        (void)json_object_set_new(row, "UniqueSize",
                                  json_string(units_human_size(image->unique_size, unique)));
    }
    return json_array_append_new(exact, summary) < 0
               ? imgc_fail(reterr, IMGC_E_NOMEM, "out of memory")
               : 0;
}

static int print_images(struct app *app, struct store *store, const char *format,
                        struct imgc_err *reterr)
{
    static const struct listing_column columns[] = {
        { "Repository", "REPOSITORY" },
        { "Tag", "TAG" },
        { "ID", "IMAGE ID" },
        { "CreatedSince", "CREATED" },
        { "Size", "SIZE" },
        { "SharedSize", "SHARED SIZE" },
        { "UniqueSize", "UNIQUE SIZE" },
        { "Containers", "CONTAINERS" },
        { NULL, NULL },
    };
    image_list_auto struct image_list list = { .items = NULL };
    json_auto_free json_t *rows = json_array();
    json_auto_free json_t *exact = json_array();
    int64_t now_ns = clock_now_ns();

    int r = image_list(store, &list, reterr);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        r = add_images(&list.items[i], now_ns, rows, exact, reterr);
    }
    const struct listing listing = {
        .columns = columns,
        .table = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t"
                 "{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
        .format = format,
        .json = exact,
    };
    return r < 0 ? r : listing_print(app, &listing, rows, reterr);
}

static int df_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct df_options *o = options;
    struct store *store;
    (void)args;

    int r = app_store(app, &store, reterr);
    if (r < 0) {
        return r;
    }
    return o->verbose ? print_images(app, store, o->format, reterr)
                      : print_totals(app, store, o->format, reterr);
}

const struct command cmd_df = {
    .name = "df",
    .args = "",
    .summary = "show the disk space of images, containers and volumes",
    .help =
        "Active images are those that a container uses, active containers those that run,\n"
        "active volumes those of containers.\n"
        "Downloads are interrupted pulls, of which the next one fetches the rest alone; active\n"
        "ones are under way.\n"
        "Reclaimable is what 'imgc prune -a', 'imgc rm' and 'imgc volume rm' would free. "
        "Leftovers are files\n"
        "that nothing names any more, of killed commands; the next prune takes them.\n"
        "\n"
        "Fields of templates: .Type .Total .Active .Size .Reclaimable\n"
        "\n"
        "  imgc df\n"
        "  imgc df -v --format 'table {{.Repository}}\\t{{.UniqueSize}}'\n",
    .options = df_options,
    .options_size = sizeof(struct df_options),
    .min_args = 0,
    .max_args = 0,
    .ids = IDS_WANTED,
    .run = df_run,
};
