/* SPDX-License-Identifier: Apache-2.0 */
/* imgc history: the steps that made an image. */
#include <stdio.h>

#include "cmd/commands.h"
#include "cmd/describe.h"
#include "cmd/listing.h"
#include "cmd/lookup.h"
#include "cmd/units.h"
#include "schema/base/clock.h"
#include "schema/json.h"
#include "store/layer.h"

#define CREATED_BY_SHOWN 44 /* bytes, as docker cuts it */

struct history_options {
    bool no_trunc, quiet, plain;
    const char *format;
};

static const struct option history_options[] = {
    { 0, "no-trunc", OPT_FLAG, offsetof(struct history_options, no_trunc), NULL,
      "print IDs and commands in full" },
    { 'q', "quiet", OPT_FLAG, offsetof(struct history_options, quiet), NULL, "print IDs only" },
    { 'H', "human", OPT_NEGATED, offsetof(struct history_options, plain), NULL,
      "sizes and dates for people (default); --human=false: exact ones" },
    { 0, "format", OPT_STRING, offsetof(struct history_options, format), "FORMAT",
      "json, 'table TEMPLATE', or a template for each line" },
    { .name = NULL },
};

static const struct listing_column columns[] = {
    { "ID", "ID" },
    { "CreatedSince", "CREATED" },
    { "CreatedAt", "CREATED AT" },
    { "Created", "CREATED" },
    { "CreatedBy", "CREATED BY" },
    { "Size", "SIZE" },
    { "Comment", "COMMENT" },
    { NULL, NULL },
};

struct history {
    struct store *store;
    const struct history_options *options;
    const struct image *image;
    int64_t now_ns;
    json_t *rows, *steps; /* newest first */
};

/* One step as it is shown. */
struct step {
    const char *created, *created_by, *comment;
    uint64_t size;
    bool is_top;
};

static const char *text_of(const json_t *obj, const char *key)
{
    const char *z = json_string_value(json_object_get(obj, key));
    return z ? z : "";
}

/* Cut between characters. */
static void cut_command(const char *text, char out[CREATED_BY_SHOWN + 4])
{
    size_t n = strlen(text);

    if (n > CREATED_BY_SHOWN) {
        n = CREATED_BY_SHOWN;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) {
            n--;
        }
        (void)snprintf(out, CREATED_BY_SHOWN + 4, "%.*s\xe2\x80\xa6", (int)n, text);
    } else {
        (void)snprintf(out, CREATED_BY_SHOWN + 4, "%s", text);
    }
}

static int add_step(struct history *h, const struct step *step, struct imgc_err *reterr)
{
    char id[DESCRIBE_ID_MAX] = "<missing>", hex[DIGEST_HEX_MAX], ago[DESCRIBE_TIME_MAX] = "N/A";
    char size[UNITS_TEXT_MAX], command[CREATED_BY_SHOWN + 4];
    int64_t created_ns;

    if (step->is_top) {
        (void)describe_id(&h->image->id, h->options->no_trunc, id);
    }
    if (clock_parse_rfc3339(imgc_str_of(step->created), &created_ns) && created_ns != 0) {
        (void)describe_ago(created_ns, h->now_ns, ago);
    }
    if (h->options->plain) {
        (void)snprintf(size, sizeof size, "%llu", (unsigned long long)step->size);
    } else {
        (void)units_human_size(step->size, size);
    }
    cut_command(step->created_by, command);
    const char *when = h->options->plain ? step->created : ago;
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "ID", id, "CreatedSince", when,
                            "Created", when, "CreatedAt", step->created, "CreatedBy",
                            h->options->no_trunc ? step->created_by : command, "Size", size,
                            "Comment", step->comment);
    json_t *exact = json_pack("{s:s, s:s, s:s, s:I, s:s}", "id",
                              step->is_top ? digest_hex(&h->image->id, hex) : "<missing>",
                              "created", step->created, "createdBy", step->created_by, "size",
                              (json_int_t)step->size, "comment", step->comment);
    if (json_array_insert_new(h->rows, 0, row) < 0 ||
        json_array_insert_new(h->steps, 0, exact) < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return 0;
}

static int layer_size(struct history *h, size_t i, uint64_t *ret, struct imgc_err *reterr)
{
    struct layer_info info = { .tar_size = 0 };

    int r = layer_find(h->store, NULL, &h->image->diff_ids[i], &info, reterr);
    *ret = info.tar_size;
    return r < 0 ? r : 0; /* a missing one is verify's business */
}

/* The steps of the config, oldest first; layers that no step names come last. */
static int add_steps(struct history *h, const json_t *steps, struct imgc_err *reterr)
{
    size_t layer = 0, n_layers = h->image->n_diff_ids, i = 0;

    while (i < json_array_size(steps) || layer < n_layers) {
        const json_t *s = json_array_get(steps, i);
        struct step step = { .created = text_of(s, "created"),
                             .created_by = text_of(s, "created_by"),
                             .comment = text_of(s, "comment") };
        i++;
        if (!json_is_true(json_object_get(s, "empty_layer")) && layer < n_layers) {
            int r = layer_size(h, layer++, &step.size, reterr);
            if (r < 0) {
                return r;
            }
        }
        step.is_top = i >= json_array_size(steps) && layer >= n_layers;
        int r = add_step(h, &step, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int print_history(struct app *app, const struct history *h, struct imgc_err *reterr)
{
    const struct listing listing = {
        .columns = columns,
        .table = "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
        .format = h->options->format,
        .json = h->steps,
    };

    if (!h->options->quiet) {
        return listing_print(app, &listing, h->rows, reterr);
    }
    for (size_t i = 0; i < json_array_size(h->rows); i++) {
        output_print(&app->out, "%s\n", text_of(json_array_get(h->rows, i), "ID"));
    }
    return 0;
}

static int history_run(struct app *app, const void *options, struct args args,
                       struct imgc_err *reterr)
{
    image_auto struct image image = { .tags = NULL };
    json_auto_free json_t *config = NULL;
    json_auto_free json_t *rows = json_array();
    json_auto_free json_t *steps = json_array();
    struct history h = { .options = options, .image = &image, .now_ns = clock_now_ns() };

    if (!rows || !steps) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    h.rows = rows;
    h.steps = steps;
    int r = app_store(app, &h.store, reterr);
    if (r == 0) {
        r = lookup_image(h.store, args.v[0], &image, reterr);
    }
    if (r == 0) {
        r = describe_config(h.store, &image, &config, reterr);
    }
    if (r == 0) {
        r = add_steps(&h, json_object_get(config, "history"), reterr);
    }
    return r < 0 ? r : print_history(app, &h, reterr);
}

const struct command cmd_history = {
    .name = "history",
    .args = "IMAGE",
    .summary = "show the steps that made an image",
    .help = "The newest step comes first. Steps that changed no file have size 0; only the image\n"
            "itself has an ID, the steps before it show <missing>.\n"
            "\n"
            "Fields of templates: .ID .CreatedSince .CreatedAt .Created .CreatedBy .Size .Comment\n"
            "\n"
            "  imgc history debian:bookworm\n"
            "  imgc history --no-trunc --format '{{.Size}}\\t{{.CreatedBy}}' debian\n",
    .options = history_options,
    .options_size = sizeof(struct history_options),
    .min_args = 1,
    .max_args = 1,
    .run = history_run,
};
