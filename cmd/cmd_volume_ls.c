/* SPDX-License-Identifier: Apache-2.0 */
/* imgc volume ls, inspect: what volumes there are. */
#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/volume_text.h"
#include "schema/json.h"

/* ---- ls ---- */

struct ls_options {
    bool quiet, no_heading;
    const char *format;
    struct option_list filters;
};

static const struct option ls_options[] = {
    { 'q', "quiet", OPT_FLAG, offsetof(struct ls_options, quiet), NULL, "print names only" },
    { 'f', "filter", OPT_LIST, offsetof(struct ls_options, filters), "K=V",
      "name, label, label!, dangling, driver, until" },
    { 'n', "noheading", OPT_FLAG, offsetof(struct ls_options, no_heading), NULL,
      "print no headings" },
    { 0, "format", OPT_STRING, offsetof(struct ls_options, format), "FORMAT",
      "json, 'table TEMPLATE', or a template for each line" },
    { .name = NULL },
};

static int collect(struct app *app, const struct option_list *filters, json_t *rows,
                   struct imgc_err *reterr)
{
    volume_list_auto struct volume_list list = { .n = 0 };

    int r = volume_list(app->store, &list, reterr);
    for (size_t i = 0; i < list.n && r == 0; i++) {
        json_t *doc = NULL;
        if (!volume_text_match(filters, &list.items[i])) {
            continue;
        }
        r = volume_text_document(app, &list.items[i], &doc, reterr);
        if (r == 0 && json_array_append_new(rows, doc) < 0) {
            r = imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    return r;
}

static int ls_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    static const struct listing_column columns[] = {
        { "Driver", "DRIVER" },         { "Name", "VOLUME NAME" },
        { "Mountpoint", "MOUNTPOINT" }, { "CreatedAt", "CREATED AT" },
        { "Labels", "LABELS" },         { "Scope", "SCOPE" },
        { "Options", "OPTIONS" },       { "Anonymous", "ANONYMOUS" },
        { "Containers", "CONTAINERS" }, { NULL, NULL },
    };
    const struct ls_options *o = options;
    json_auto_free json_t *rows = json_array();
    struct store *store;
    (void)args;

    int r = volume_text_check(&o->filters, reterr);
    r = r < 0 ? r : app_store(app, &store, reterr);
    r = r < 0 ? r : collect(app, &o->filters, rows, reterr);
    if (r < 0) {
        return r;
    }
    const struct listing listing = {
        .columns = columns,
        .table = "{{.Driver}}\t{{.Name}}",
        .format = o->quiet ? "{{.Name}}" : o->format,
        .no_heading = o->no_heading,
        .maps = volume_text_maps,
    };
    return listing_print(app, &listing, rows, reterr);
}

const struct command cmd_volume_ls = {
    .name = "volume ls",
    .args = "",
    .summary = "list volumes",
    .help = "dangling=true are those that no container uses.\n"
            "\n"
            "  imgc volume ls -q --filter dangling=true\n"
            "  imgc volume ls --format 'table {{.Name}}\\t{{.Mountpoint}}'\n",
    .options = ls_options,
    .options_size = sizeof(struct ls_options),
    .min_args = 0,
    .max_args = 0,
    .run = ls_run,
};

/* ---- inspect ---- */

struct inspect_options {
    const char *format;
    bool all;
};

static const struct option inspect_options[] = {
    { 'f', "format", OPT_STRING, offsetof(struct inspect_options, format), "FORMAT",
      "json, or a template for each" },
    { 'a', "all", OPT_FLAG, offsetof(struct inspect_options, all), NULL, "all volumes" },
    { .name = NULL },
};

static int add_named(struct app *app, const char *name, json_t *docs, struct imgc_err *reterr)
{
    volume_auto struct volume v = { .name = NULL };
    json_t *doc = NULL;

    int r = volume_find(app->store, name, &v, reterr);
    if (r == VOLUME_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such volume: %s", name);
    }
    r = r < 0 ? r : volume_text_document(app, &v, &doc, reterr);
    return r == 0 && json_array_append_new(docs, doc) < 0
               ? imgc_fail(reterr, IMGC_E_NOMEM, "out of memory")
               : r;
}

static int print_documents(struct app *app, const char *format, json_t *docs,
                           struct imgc_err *reterr)
{
    int r = 0;

    if (!format || listing_is_json(format)) {
        return listing_json(app, docs, reterr);
    }
    for (size_t i = 0; r == 0 && i < json_array_size(docs); i++) {
        r = listing_document(app, format, json_array_get(docs, i), volume_text_maps, reterr);
    }
    return r;
}

static int inspect_run(struct app *app, const void *options, struct args args,
                       struct imgc_err *reterr)
{
    static const struct option_list none = { .n = 0 };
    const struct inspect_options *o = options;
    json_auto_free json_t *docs = json_array();
    struct imgc_err err;
    struct store *store;
    int failed = 0;

    if (o->all == (args.n > 0)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "volume inspect takes volumes, or --all");
    }
    int r = app_store(app, &store, reterr);
    r = r < 0 || !o->all ? r : collect(app, &none, docs, reterr);
    for (size_t i = 0; i < args.n && r == 0 && failed == 0; i++) {
        failed = add_named(app, args.v[i], docs, &err);
    }
    /* What was found is printed, though one be missing. */
    r = r < 0 ? r : print_documents(app, o->format, docs, reterr);
    if (r == 0 && failed < 0) {
        *reterr = err;
        return failed;
    }
    return r;
}

const struct command cmd_volume_inspect = {
    .name = "volume inspect",
    .args = "VOLUME...",
    .summary = "show all that is known of volumes",
    .help = "Mountpoint is where the content is on the host.\n"
            "\n"
            "  imgc volume inspect -f '{{.Mountpoint}}' data\n",
    .options = inspect_options,
    .options_size = sizeof(struct inspect_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .run = inspect_run,
};
