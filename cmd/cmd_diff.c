/* SPDX-License-Identifier: Apache-2.0 */
/* imgc diff: what one image has that another has not. */
#include <stdlib.h>

#include "cmd/commands.h"
#include "cmd/image_tree.h"
#include "cmd/listing.h"
#include "cmd/tree_text.h"
#include "layers/diff.h"
#include "schema/json.h"

#define DIFFERS_STATUS 1 /* of --quiet, as diff -q and cmp -s have it */

struct diff_options {
    bool quiet;
    const char *format;
};

static const struct option diff_options[] = {
    { 'q', "quiet", OPT_FLAG, offsetof(struct diff_options, quiet), NULL,
      "print nothing; the exit status is 1 where they differ" },
    { 0, "format", OPT_STRING, offsetof(struct diff_options, format), "json",
      "json: an array of objects, one a line" },
    { .name = NULL },
};

static const char *const kinds[] = {
    [DIFF_ADDED] = "A", [DIFF_CHANGED] = "C", [DIFF_DELETED] = "D"
};

static const struct {
    unsigned what;
    const char *name;
} aspects[] = {
    { DIFF_TYPE, "type" },     { DIFF_MODE, "mode" },     { DIFF_OWNER, "owner" },
    { DIFF_MTIME, "mtime" },   { DIFF_SIZE, "size" },     { DIFF_CONTENT, "content" },
    { DIFF_TARGET, "target" }, { DIFF_DEVICE, "device" }, { DIFF_XATTRS, "xattrs" },
    { DIFF_LINKS, "links" },   { DIFF_BELOW, "below" },
};

static int change_json(const struct diff_change *change, const char *path, json_t **ret,
                       struct imgc_err *reterr)
{
    json_auto_free json_t *obj = json_pack("{s:s}", "kind", kinds[change->kind]);
    json_auto_free json_t *what = json_array();

    if (!obj || !what) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = tree_text_put_name(obj, "path", path, reterr);
    for (size_t i = 0; r == 0 && i < sizeof aspects / sizeof *aspects; i++) {
        if ((change->what & aspects[i].what) != 0 &&
            json_array_append_new(what, json_string(aspects[i].name)) < 0) {
            r = imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    if (r == 0 && change->kind == DIFF_CHANGED) {
        r = json_put(obj, "what", imgc_take(what), reterr);
    }
    if (r == 0) {
        *ret = imgc_take(obj);
    }
    return r;
}

static int print_json(struct app *app, const struct diff_change *change, const char *path,
                      bool is_first, struct imgc_err *reterr)
{
    json_auto_free json_t *obj = NULL;
    int r = change_json(change, path, &obj, reterr);

    if (r == 0) {
        output_print(&app->out, is_first ? "[\n" : ",\n");
        r = listing_json_line(app, obj, reterr);
    }
    return r;
}

static int print_line(struct app *app, const struct diff_change *change, const char *path,
                      struct imgc_err *reterr)
{
    output_print(&app->out, "%s ", kinds[change->kind]);
    output_name(&app->out, path);
    return output_bytes(&app->out, "\n", 1) ? 0 : output_finish(&app->out, reterr);
}

static int print_all(struct app *app, const struct diff *diff, bool is_json,
                     struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < diff->n; i++) {
        const struct diff_change *change = &diff->changes[i];
        imgc_autofree char *path = NULL;
        r = tree_text_path(change->to ? change->to : change->from, &path, reterr);
        if (r == 0) {
            r = is_json ? print_json(app, change, path, i == 0, reterr)
                        : print_line(app, change, path, reterr);
        }
    }
    if (r == 0 && is_json) {
        output_print(&app->out, diff->n > 0 ? "\n]\n" : "[]\n");
    }
    return r;
}

static struct diff_side side_of(const struct image_tree *t)
{
    return (struct diff_side){ .tree = t->stack.tree,
                               .layers = t->stack.data,
                               .diff_ids = t->image.diff_ids };
}

static int diff_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct diff_options *o = options;
    bool is_json = listing_is_json(o->format);
    image_tree_auto struct image_tree from = IMAGE_TREE_INIT;
    image_tree_auto struct image_tree to = IMAGE_TREE_INIT;
    diff_auto struct diff diff = DIFF_INIT;

    if (o->format && !is_json) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--format is json or nothing, not '%s'", o->format);
    }
    int r = image_tree_load(app, args.v[0], &from, reterr);
    if (r == 0) {
        r = image_tree_load(app, args.v[1], &to, reterr);
    }
    if (r == 0) {
        const struct diff_side a = side_of(&from);
        const struct diff_side b = side_of(&to);
        r = diff_trees(&a, &b, &diff, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (o->quiet) {
        return diff.n > 0 ? DIFFERS_STATUS : 0;
    }
    return print_all(app, &diff, is_json, reterr);
}

const struct command cmd_diff = {
    .name = "diff",
    .args = "IMAGE IMAGE",
    .summary = "show what differs between two images",
    .help =
        "What was (A)dded, (C)hanged or (D)eleted on the way from the first image to the second, "
        "a\n"
        "path a line, as docker and podman print it: a directory is changed with what is in it, a\n"
        "deleted one stands for all that it held. Type, mode, owner, size, content, link target,\n"
        "device, xattrs, hard links and, but for directories, time count. Files in layers that\n"
        "the images share are not read; nothing is unpacked or mounted.\n"
        "\n"
        "Fields of --format json: kind (A, C or D), path, and for C what: type mode owner mtime\n"
        "size content target device xattrs links below. A path that is not UTF-8 has its bytes\n"
        "in path_hex.\n"
        "\n"
        "  imgc diff debian:bookworm myimage\n"
        "  imgc diff debian:12.5 debian:12.6 | grep '^D '\n"
        "  imgc diff -q before after || echo 'they differ'\n",
    .options = diff_options,
    .options_size = sizeof(struct diff_options),
    .min_args = 2,
    .max_args = 2,
    .ids = IDS_WANTED,
    .run = diff_run,
};
