/* SPDX-License-Identifier: Apache-2.0 */
/* imgc images: list images, one row for each tag. */
#include <stdlib.h>

#include "cmd/commands.h"
#include "cmd/describe.h"
#include "cmd/filter.h"
#include "cmd/listing.h"
#include "cmd/lookup.h"
#include "schema/base/clock.h"
#include "schema/json.h"

struct images_options {
    bool all, quiet, no_trunc, digests, no_heading;
    struct option_list filters;
    const char *sort, *format;
};

static const struct option images_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct images_options, all), NULL,
      "with the platform of each (imgc keeps no intermediate images: the same ones without)" },
    { 'q', "quiet", OPT_FLAG, offsetof(struct images_options, quiet), NULL, "print IDs only" },
    { 0, "no-trunc", OPT_FLAG, offsetof(struct images_options, no_trunc), NULL,
      "print IDs in full" },
    { 0, "digests", OPT_FLAG, offsetof(struct images_options, digests), NULL, "show digests" },
    { 'n', "noheading", OPT_FLAG, offsetof(struct images_options, no_heading), NULL,
      "print no headings" },
    { 'f', "filter", OPT_LIST, offsetof(struct images_options, filters), "KEY=VALUE",
      "only images that match (see below)" },
    { 0, "sort", OPT_STRING, offsetof(struct images_options, sort), "KEY",
      "by created (default), id, repository, size or tag" },
    { 0, "format", OPT_STRING, offsetof(struct images_options, format), "FORMAT",
      "json, 'table TEMPLATE', or a template for each line" },
    { .name = NULL },
};

static const struct listing_column columns[] = {
    { "Repository", "REPOSITORY" },
    { "Tag", "TAG" },
    { "ID", "IMAGE ID" },
    { "Digest", "DIGEST" },
    { "CreatedSince", "CREATED" },
    { "CreatedAt", "CREATED AT" },
    { "Created", "CREATED" },
    { "Platform", "PLATFORM" },
    { "Size", "SIZE" },
    { "VirtualSize", "VIRTUAL SIZE" },
    { "Labels", "LABELS" },
    { "Names", "NAMES" },
    { "RepoTags", "REPO TAGS" },
    { "RepoDigests", "REPO DIGESTS" },
    { "Containers", "CONTAINERS" },
    { "Dangling", "DANGLING" },
    { NULL, NULL },
};

struct images {
    struct app *app;
    const struct images_options *options;
    struct filter filter;
    const char *name; /* the REPOSITORY argument, or NULL */
    int64_t now_ns;
    json_t *rows, *summaries;
};

/* Whether a row for @tag is wanted: by the argument and by --filter reference. */
static bool wants_row(void *arg, const char *tag)
{
    const struct images *im = arg;
    bool by_reference = !(im->filter.keys & FILTER_REFERENCE);

    if (im->name && (!tag || !filter_reference(im->name, tag))) {
        return false;
    }
    for (size_t i = 0; tag && i < im->filter.n; i++) {
        const struct filter_item *item = &im->filter.items[i];
        by_reference = by_reference ||
                       (item->key == FILTER_REFERENCE && filter_reference(item->value.ptr, tag));
    }
    return by_reference;
}

static bool wants_labels(const struct images *im)
{
    const char *format = im->options->format;

    return (im->filter.keys & (FILTER_LABEL | FILTER_LABEL_NOT)) ||
           (format && (strstr(format, "abels") || strstr(format, "json") || strchr(format, '$') ||
                       strstr(format, "{{.}}")));
}

static int add_image(struct images *im, const struct image *image, struct imgc_err *reterr)
{
    json_auto_free json_t *config = NULL;
    json_t *labels = NULL, *summary = NULL;
    int r = 0;

    if (wants_labels(im)) {
        r = describe_config(im->app->store, image, &config, reterr);
        if (r < 0) {
            return r;
        }
        labels = json_object_get(json_object_get(config, "config"), "Labels");
    }
    if (!filter_match(&im->filter, image, labels)) {
        return 0;
    }
    const struct describe_rows_args args = { .labels = labels,
                                             .now_ns = im->now_ns,
                                             .no_trunc = im->options->no_trunc,
                                             .wants = wants_row,
                                             .arg = im };
    size_t before = json_array_size(im->rows);
    r = describe_rows(image, &args, im->rows, reterr);
    if (r < 0 || json_array_size(im->rows) == before) {
        return r;
    }
    r = describe_summary(image, labels, &summary, reterr);
    if (r == 0 && json_array_append_new(im->summaries, summary) < 0) {
        r = imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return r;
}

/* ---- sorting ---- */

static int cmp_created(const void *a, const void *b)
{
    const struct image *x = a, *y = b;
    return (x->created_ns < y->created_ns) - (x->created_ns > y->created_ns);
}

static int cmp_id(const void *a, const void *b)
{
    const struct image *x = a, *y = b;
    return memcmp(x->id.bytes, y->id.bytes, sizeof x->id.bytes);
}

static int cmp_size(const void *a, const void *b)
{
    const struct image *x = a, *y = b;
    return (x->size > y->size) - (x->size < y->size);
}

static const char *row_text(const void *row, const char *field)
{
    const char *z = json_string_value(json_object_get(*(json_t *const *)row, field));
    return z ? z : "";
}

static int cmp_repository(const void *a, const void *b)
{
    int order = strcmp(row_text(a, "Repository"), row_text(b, "Repository"));
    return order ? order : strcmp(row_text(a, "Tag"), row_text(b, "Tag"));
}

static int cmp_tag(const void *a, const void *b)
{
    int order = strcmp(row_text(a, "Tag"), row_text(b, "Tag"));
    return order ? order : strcmp(row_text(a, "Repository"), row_text(b, "Repository"));
}

/* Repository and tag belong to rows, the rest to images. */
struct sort_key {
    const char *name;
    int (*images)(const void *a, const void *b);
    int (*rows)(const void *a, const void *b);
};

static const struct sort_key *find_sort(const char *name, struct imgc_err *reterr)
{
    static const struct sort_key sort_keys[] = {
        { "created", cmp_created, NULL },
        { "id", cmp_id, NULL },
        { "repository", NULL, cmp_repository },
        { "size", cmp_size, NULL },
        { "tag", NULL, cmp_tag },
    };

    for (size_t i = 0; i < sizeof sort_keys / sizeof *sort_keys; i++) {
        if (strcmp(name ? name : "created", sort_keys[i].name) == 0) {
            return &sort_keys[i];
        }
    }
    (void)imgc_fail(reterr, IMGC_E_USAGE,
                    "--sort is created, id, repository, size or tag, not '%s'", name);
    return NULL;
}

static int sort_rows(json_t *rows, int (*compare)(const void *a, const void *b),
                     struct imgc_err *reterr)
{
    size_t n = json_array_size(rows);
    imgc_autofree json_t **list = calloc(n + 1, sizeof(json_t *));

    if (!list) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        list[i] = json_incref(json_array_get(rows, i));
    }
    qsort(list, n, sizeof(json_t *), compare);
    for (size_t i = 0; i < n; i++) {
        (void)json_array_set_new(rows, i, list[i]);
    }
    return 0;
}

/* ---- printing ---- */

static int print_ids(struct images *im)
{
    const char *last = "";

    for (size_t i = 0; i < json_array_size(im->rows); i++) {
        const char *id = json_string_value(json_object_get(json_array_get(im->rows, i), "ID"));
        if (id && strcmp(id, last) != 0) { /* once for several tags */
            output_print(&im->app->out, "%s\n", id);
            last = id;
        }
    }
    return 0;
}

/* What is shown of each row where --format does not say. */
static const char *usual_table(const struct images_options *o)
{
    static const char *const tables[2][2] = {
        { "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
          "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Platform}}\t{{.CreatedSince}}\t{{.Size}}" },
        { "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
          "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.Platform}}\t{{.CreatedSince}}"
          "\t{{.Size}}" },
    };

    return tables[o->digests][o->all];
}

static int print_images(struct images *im, struct imgc_err *reterr)
{
    const struct images_options *o = im->options;
    const struct listing listing = {
        .columns = columns,
        .table = usual_table(o),
        .format = o->format,
        .no_heading = o->no_heading,
        .json = im->summaries,
        .maps = describe_maps,
    };

    if (o->quiet && !o->format) {
        return print_ids(im);
    }
    return listing_print(im->app, &listing, im->rows, reterr);
}

/* Whether the IDs alone are the answer. */
static bool is_brief(const struct images *im, const struct sort_key *sort)
{
    return im->options->quiet && !im->options->format && !im->name && im->filter.keys == 0 &&
           sort->images && sort->images != cmp_size;
}

static void print_brief(struct images *im, const struct image_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        char id[DESCRIBE_ID_MAX];
        output_print(&im->app->out, "%s\n",
                     describe_id(&list->items[i].id, im->options->no_trunc, id));
    }
}

static int collect(struct images *im, struct imgc_err *reterr)
{
    image_list_auto struct image_list list = { .items = NULL };
    struct store *store;
    const struct sort_key *sort = find_sort(im->options->sort, reterr);

    if (!sort) {
        return -IMGC_E_USAGE;
    }
    int r = app_store(im->app, &store, reterr);
    if (r == 0) {
        r = filter_resolve(&im->filter, lookup_created, store, reterr);
    }
    bool brief = is_brief(im, sort);
    if (r == 0) {
        r = brief ? image_list_brief(store, &list, reterr) : image_list(store, &list, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (sort->images && list.n > 1) {
        qsort(list.items, list.n, sizeof *list.items, sort->images);
    }
    if (brief) {
        print_brief(im, &list);
        return 0;
    }
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        r = add_image(im, &list.items[i], reterr);
    }
    return r == 0 && sort->rows ? sort_rows(im->rows, sort->rows, reterr) : r;
}

static int images_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    struct images im = { .app = app,
                         .options = options,
                         .name = args.n ? args.v[0] : NULL,
                         .now_ns = clock_now_ns(),
                         .rows = json_array(),
                         .summaries = json_array() };
    const struct filter_args parse = { .list = &im.options->filters,
                                       .allowed = ~0u,
                                       .now_ns = im.now_ns };

    int r = im.rows && im.summaries ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    if (r == 0) {
        r = filter_parse(&parse, &im.filter, reterr);
    }
    if (r == 0) {
        r = collect(&im, reterr);
    }
    if (r == 0) {
        r = print_images(&im, reterr);
    }
    filter_done(&im.filter);
    json_decref(im.rows);
    json_decref(im.summaries);
    return r;
}

const struct command cmd_images = {
    .name = "images",
    .args = "[REPOSITORY[:TAG]]",
    .summary = "list images",
    .help =
        "Filters: dangling=true|false, label=KEY[=VALUE], label!=KEY[=VALUE], before=IMAGE,\n"
        "since=IMAGE, reference=GLOB, until=TIME (24h, 7d, 2024-01-02), id=DIGITS. Different keys\n"
        "must all hold; of several values of one key any, but of label all.\n"
        "\n"
        "Fields of templates: .ID .Repository .Tag .Digest .CreatedSince .CreatedAt .Created "
        ".Size\n"
        ".VirtualSize .Labels .Names .RepoTags .RepoDigests .Containers .Dangling\n"
        "\n"
        "  imgc images debian\n"
        "  imgc images --filter dangling=true -q\n"
        "  imgc images --format 'table {{.Repository}}:{{.Tag}}\\t{{.Size}}'\n"
        "  imgc images --format json\n",
    .options = images_options,
    .options_size = sizeof(struct images_options),
    .min_args = 0,
    .max_args = 1,
    .run = images_run,
};
