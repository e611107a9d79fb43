/* SPDX-License-Identifier: Apache-2.0 */
/* imgc tags: what a registry has of a repository. */
#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/remote.h"
#include "fetch/tags.h"
#include "schema/json.h"

struct tags_options {
    uint64_t limit;
    const char *format;
    struct remote_options remote;
};

static const struct option tags_options[] = {
    { 0, "limit", OPT_UINT, offsetof(struct tags_options, limit), "N",
      "no more than the first N (default: all)" },
    { 'f', "format", OPT_STRING, offsetof(struct tags_options, format), "FORMAT",
      "json, or a template of .Repository and .Tags" },
    REMOTE_ACCESS_ROWS(offsetof(struct tags_options, remote)),
    { .name = NULL },
};

struct tags {
    size_t limit;
    json_t *list;
    char *repository;
};

static void tags_done(struct tags *t)
{
    json_decref(t->list);
    free(t->repository);
}

static int ask(const struct remote_place *place, void *arg, struct imgc_err *reterr)
{
    struct tags *t = arg;
    char *name;

    int r = ref_repository(place->name, false, &name, reterr);
    if (r < 0) {
        return r;
    }
    free(t->repository);
    t->repository = name;
    return tags_list(place->registry, t->limit, &t->list, reterr);
}

static int print_tags(struct app *app, const struct tags *t, const char *format,
                      struct imgc_err *reterr)
{
    if (format) {
        json_auto_free json_t *doc =
            json_pack("{s:s, s:O}", "Repository", t->repository, "Tags", t->list);
        return doc ? listing_document(app, format, doc, NULL, reterr)
                   : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < json_array_size(t->list); i++) {
        output_print(&app->out, "%s\n", json_string_value(json_array_get(t->list, i)));
    }
    return 0;
}

static int tags_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct tags_options *o = options;
    const struct remote_args remote = { .name = args.v[0],
                                        .repository = true,
                                        .registry = &o->remote.registry };
    imgc_auto(tags_done) struct tags t = { .limit = o->limit };

    int r = remote_each(app, &remote, ask, &t, reterr);
    return r < 0 ? imgc_context(reterr, "tags of %s", args.v[0])
                 : print_tags(app, &t, o->format, reterr);
}

const struct command cmd_tags = {
    .name = "tags",
    .args = "REPOSITORY",
    .summary = "list the tags that a registry has",
    .help = "One tag a line, in the registry's order. Mirrors are not asked: they need not have "
            "all.\n"
            "\n"
            "  imgc tags debian\n"
            "  imgc tags --limit 20 registry.example.com/team/app\n"
            "  imgc tags --format json debian\n",
    .options = tags_options,
    .options_size = sizeof(struct tags_options),
    .min_args = 1,
    .max_args = 1,
    .run = tags_run,
};
