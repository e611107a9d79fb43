/* SPDX-License-Identifier: Apache-2.0 */
/* imgc prune: remove images that nothing uses. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/chores.h"
#include "cmd/commands.h"
#include "cmd/describe.h"
#include "cmd/filter.h"
#include "cmd/listing.h"
#include "cmd/network_use.h"
#include "cmd/sweep.h"
#include "cmd/units.h"
#include "schema/base/clock.h"
#include "schema/json.h"
#include "store/gc.h"
#include "store/mounted.h"

struct prune_options {
    bool all, force, dry_run;
    struct option_list filters;
    const char *format;
};

static const struct option prune_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct prune_options, all), NULL,
      "all images that no container or mount uses, not only untagged ones" },
    { 'f', "force", OPT_FLAG, offsetof(struct prune_options, force), NULL, "do not ask" },
    { 0, "dry-run", OPT_FLAG, offsetof(struct prune_options, dry_run), NULL,
      "only say what would go" },
    { 0, "filter", OPT_LIST, offsetof(struct prune_options, filters), "KEY=VALUE",
      "only images that match: until=TIME, label=, label!=, reference=GLOB" },
    { 0, "format", OPT_STRING, offsetof(struct prune_options, format), "json",
      "print a JSON document instead" },
    { .name = NULL },
};

struct prune {
    struct app *app;
    struct store *store;
    const struct prune_options *options;
    struct filter filter;
    struct image_list list;
    const struct image **chosen; /* borrowed from the list */
    struct digest *ids;          /* of the chosen ones */
    size_t n_chosen;
    struct mounted_list mounted;
};

static bool is_mounted(const struct prune *p, const struct image *image)
{
    for (size_t i = 0; i < p->mounted.n; i++) {
        if (digest_eq(&p->mounted.items[i].image_id, &image->id)) {
            return true;
        }
    }
    return false;
}

static int is_chosen(struct prune *p, const struct image *image, bool *ret, struct imgc_err *reterr)
{
    json_auto_free json_t *config = NULL;
    json_t *labels = NULL;
    bool tagged = image->tags && image->tags[0];

    *ret = false;
    if (image->n_containers > 0 || is_mounted(p, image) || (tagged && !p->options->all)) {
        return 0;
    }
    if (p->filter.keys & (FILTER_LABEL | FILTER_LABEL_NOT)) {
        int r = describe_config(p->store, image, &config, reterr);
        if (r < 0) {
            return r;
        }
        labels = json_object_get(json_object_get(config, "config"), "Labels");
    }
    *ret = filter_match(&p->filter, image, labels);
    return 0;
}

static int choose(struct prune *p, struct imgc_err *reterr)
{
    int r = image_list(p->store, &p->list, reterr);
    r = r < 0 ? r : mounted_list(p->store, &p->mounted, reterr);
    if (r < 0) {
        return r;
    }
    p->chosen = reallocarray(NULL, p->list.n + 1, sizeof(const struct image *));
    p->ids = reallocarray(NULL, p->list.n + 1, sizeof *p->ids);
    if (!p->chosen || !p->ids) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < p->list.n; i++) {
        bool wanted;
        r = is_chosen(p, &p->list.items[i], &wanted, reterr);
        if (r < 0) {
            return r;
        }
        if (wanted) {
            p->ids[p->n_chosen] = p->list.items[i].id;
            p->chosen[p->n_chosen++] = &p->list.items[i];
        }
    }
    return 0;
}

/* ---- what goes ---- */

static bool wants_json(const struct prune *p)
{
    return listing_is_json(p->options->format);
}

static void print_image(FILE *f, const char *tag_verb, const char *verb, const struct image *image)
{
    char id[DESCRIBE_ID_MAX];

    for (char **tag = image->tags; tag && *tag; tag++) {
        (void)fprintf(f, "%s %s\n", tag_verb, describe_familiar(*tag));
    }
    (void)fprintf(f, "%s %s\n", verb, describe_id(&image->id, true, id));
}

static int print_total(struct prune *p, const char *words, const struct gc_report *report,
                       size_t n_images, struct imgc_err *reterr)
{
    char size[UNITS_TEXT_MAX];

    if (!wants_json(p)) {
        output_print(&p->app->out, "%s: %s (%llu bytes)\n", words,
                     units_human_size(report->bytes, size), (unsigned long long)report->bytes);
        return 0;
    }
    json_auto_free json_t *names = json_array();
    for (size_t i = 0; names && i < n_images; i++) {
        char id[DESCRIBE_ID_MAX];
        (void)json_array_append_new(names, json_string(describe_id(&p->chosen[i]->id, true, id)));
    }
    json_auto_free json_t *doc = json_pack(
        "{s:b, s:O, s:I, s:I, s:I, s:I}", "DryRun", p->options->dry_run, "Images", names, "Layers",
        (json_int_t)report->layers, "Blobs", (json_int_t)report->blobs, "Downloads",
        (json_int_t)report->downloads, "ReclaimedBytes", (json_int_t)report->bytes);
    return doc ? listing_json(p->app, doc, reterr)
               : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
}

static int print_dry_run(struct prune *p, struct imgc_err *reterr)
{
    struct gc_report report = { 0 };

    int r = gc_estimate(p->store, p->ids, p->n_chosen, &report, reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < p->n_chosen && !wants_json(p); i++) {
        print_image(p->app->out.out, "Would untag:", "Would remove:", p->chosen[i]);
    }
    return print_total(p, "Total reclaimable space", &report, p->n_chosen, reterr);
}

/* ---- asking ---- */

enum { ASK_NO = 1 };

/* @return 0: yes; ASK_NO; -USAGE where there is nobody to ask. */
static int ask(struct prune *p, struct imgc_err *reterr)
{
    struct gc_report report = { 0 };
    char size[UNITS_TEXT_MAX], answer[16] = "";
    FILE *err = p->app->out.err;

    if (p->options->force) {
        return 0;
    }
    if (isatty(STDIN_FILENO) != 1) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "prune asks first, and there is no terminal to ask on: use --force, or "
                         "--dry-run to see what would go");
    }
    int r = gc_estimate(p->store, p->ids, p->n_chosen, &report, reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < p->n_chosen; i++) {
        print_image(err, "Would untag:", "Would remove:", p->chosen[i]);
    }
    (void)fprintf(err, "Remove %s, %zu of %zu, for %s? [y/N] ",
                  p->options->all ? "all images that no container uses"
                                  : "untagged images that no container uses",
                  p->n_chosen, p->list.n, units_human_size(report.bytes, size));
    (void)fflush(err);
    if (!fgets(answer, sizeof answer, stdin) || (answer[0] != 'y' && answer[0] != 'Y')) {
        return ASK_NO;
    }
    return 0;
}

/* What a container took meanwhile stays. @ret_n  how many of the chosen ones went: the first. */
static void keep_removed(struct prune *p, const bool *removed, size_t *ret_n)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n_chosen; i++) {
        const struct image *image = p->chosen[i];
        char id[DESCRIBE_ID_MAX];
        if (!removed[i]) {
            output_info(&p->app->out, "image %s is in use now, ignoring",
                        describe_id(&image->id, false, id));
            continue;
        }
        p->chosen[n++] = image;
        if (!wants_json(p)) {
            print_image(p->app->out.out, "Untagged:", "Deleted:", image);
        }
    }
    *ret_n = n;
}

static int remove_chosen(struct prune *p, struct imgc_err *reterr)
{
    struct gc_report report = { 0 };
    struct imgc_err ignored;
    uint64_t swept = 0;
    size_t n = 0;
    imgc_autofree bool *removed = calloc(p->n_chosen + 1, sizeof *removed);

    if (!removed) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = sweep_dead(p->app, &swept, reterr);
    (void)!network_use_sweep(p->store, true,
                             &ignored); /* what cannot go now, the next use sweeps */
    chores_note(p->app);
    if (r == 0) {
        r = gc_prune(p->store, p->ids, p->n_chosen, removed, &report, reterr);
    }
    if (r < 0) {
        return r;
    }
    keep_removed(p, removed, &n);
    report.bytes += swept;
    return print_total(p, "Total reclaimed space", &report, n, reterr);
}

static int prune_chosen(struct prune *p, struct imgc_err *reterr)
{
    if (p->options->dry_run) {
        return print_dry_run(p, reterr);
    }
    int r = ask(p, reterr);
    return r != 0 ? (r < 0 ? r : 0) : remove_chosen(p, reterr);
}

static int prune_run(struct app *app, const void *options, struct args args,
                     struct imgc_err *reterr)
{
    struct prune p = { .app = app, .options = options };
    const struct filter_args parse = {
        .list = &p.options->filters,
        .allowed = FILTER_UNTIL | FILTER_LABEL | FILTER_LABEL_NOT | FILTER_REFERENCE,
        .now_ns = clock_now_ns(),
    };
    (void)args;

    if (p.options->format && !wants_json(&p)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "prune --format is json, not '%s'",
                         p.options->format);
    }
    int r = filter_parse(&parse, &p.filter, reterr);
    if (r == 0) {
        r = app_store(app, &p.store, reterr);
    }
    if (r == 0) {
        r = choose(&p, reterr);
    }
    if (r == 0) {
        r = prune_chosen(&p, reterr);
    }
    free(p.chosen);
    free(p.ids);
    image_list_done(&p.list);
    mounted_list_done(&p.mounted);
    filter_done(&p.filter);
    return r;
}

const struct command cmd_prune = {
    .name = "prune",
    .args = "",
    .summary = "remove images that nothing uses",
    .help =
        "Without --all only images without a tag go. What no image needs any more goes with them:\n"
        "layers, manifests, interrupted downloads, leftovers of killed commands. The bytes are "
        "exact.\n"
        "\n"
        "until=TIME takes images that were built and came here before TIME (24h, 7d, 2024-01-02,\n"
        "2024-01-02T15:04:05Z): a download of yesterday is not old, whatever its build date.\n"
        "\n"
        "  imgc prune -a --dry-run\n"
        "  imgc prune -af --filter until=7d --filter label!=keep\n",
    .options = prune_options,
    .options_size = sizeof(struct prune_options),
    .min_args = 0,
    .max_args = 0,
    .ids = IDS_WANTED,
    .run = prune_run,
};
