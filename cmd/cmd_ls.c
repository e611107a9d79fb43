/* SPDX-License-Identifier: Apache-2.0 */
/* imgc ls: what is in an image, without unpacking or mounting it. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/commands.h"
#include "cmd/image_tree.h"
#include "cmd/listing.h"
#include "cmd/tree_text.h"
#include "cmd/units.h"
#include "schema/json.h"

struct ls_options {
    bool all, is_long, recursive, human, itself, zero;
    const char *format;
};

static const struct option ls_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct ls_options, all), NULL,
      "as with ls; names that begin with a dot are shown without it, too" },
    { 'd', "directory", OPT_FLAG, offsetof(struct ls_options, itself), NULL,
      "the directory itself, not what is in it" },
    { 'h', "human-readable", OPT_FLAG, offsetof(struct ls_options, human), NULL,
      "with -l: sizes as 1.09GB" },
    { 'l', "long", OPT_FLAG, offsetof(struct ls_options, is_long), NULL,
      "mode, links, owner, size, time (UTC), name, target" },
    { 'R', "recursive", OPT_FLAG, offsetof(struct ls_options, recursive), NULL,
      "everything below, one full path a line" },
    { 'z', "zero", OPT_FLAG, offsetof(struct ls_options, zero), NULL,
      "end each line with a NUL instead of a newline" },
    { 0, "format", OPT_STRING, offsetof(struct ls_options, format), "json",
      "json: an array of objects, one a line" },
    { .name = NULL },
};

/* The widest cell of each column of -l. */
struct widths {
    int nlink, owner, size;
};

struct ls {
    struct app *app;
    const struct ls_options *options;
    struct widths widths;
    uint64_t n_printed; /* files */
    bool is_one;        /* of several arguments each directory gets a heading */
};

#define CELL_MAX 48

/* A file of a listing: how it is called there, and whether only its cells are to be measured. */
typedef int ls_fn(struct ls *ls, const struct tree_dentry *d, const char *name,
                  struct imgc_err *reterr);

static void owner_text(const struct tree_inode *inode, char out[CELL_MAX])
{
    (void)snprintf(out, CELL_MAX, "%u:%u", inode->uid, inode->gid);
}

static void size_text(const struct ls *ls, const struct tree_inode *inode, char out[CELL_MAX])
{
    uint64_t size = tree_text_size(inode);

    if (inode->type == ENTRY_CHAR || inode->type == ENTRY_BLOCK) {
        (void)snprintf(out, CELL_MAX, "%u,%u", inode->major, inode->minor);
    } else if (ls->options->human) {
        (void)units_human_size(size, out);
    } else {
        (void)snprintf(out, CELL_MAX, "%llu", (unsigned long long)size);
    }
}

static void widen(int *width, int n)
{
    *width = *width < n ? n : *width;
}

static int measure(struct ls *ls, const struct tree_dentry *d, const char *name,
                   struct imgc_err *reterr)
{
    char cell[CELL_MAX];

    (void)name;
    (void)reterr;
    widen(&ls->widths.nlink, snprintf(cell, sizeof cell, "%u", d->inode->nlink));
    owner_text(d->inode, cell);
    widen(&ls->widths.owner, (int)strlen(cell));
    size_text(ls, d->inode, cell);
    widen(&ls->widths.size, (int)strlen(cell));
    return 0;
}

static void print_attributes(struct ls *ls, const struct tree_inode *inode)
{
    char mode[TREE_TEXT_MODE_MAX], owner[CELL_MAX], size[CELL_MAX], when[TREE_TEXT_TIME_MAX];
    const struct widths *w = &ls->widths;

    owner_text(inode, owner);
    size_text(ls, inode, size);
    output_print(&ls->app->out, "%s %*u %-*s %*s %s ", tree_text_mode(inode, mode), w->nlink,
                 inode->nlink, w->owner, owner, w->size, size, tree_text_time(inode, false, when));
}

static int print_line(struct ls *ls, const struct tree_dentry *d, const char *name,
                      struct imgc_err *reterr)
{
    struct output *out = &ls->app->out;

    ls->n_printed++;
    if (ls->options->is_long) {
        print_attributes(ls, d->inode);
    }
    output_name(out, name);
    if (ls->options->is_long && d->inode->type == ENTRY_SYMLINK) {
        output_print(out, " -> ");
        output_name(out, d->inode->target);
    }
    /* Who reads no more wants no more. */
    if (!output_bytes(out, ls->options->zero ? "" : "\n", 1)) {
        return output_finish(out, reterr);
    }
    return app_interrupted() ? imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted") : 0;
}

static int print_json(struct ls *ls, const struct tree_dentry *d, const char *name,
                      struct imgc_err *reterr)
{
    json_auto_free json_t *obj = NULL;
    struct output *out = &ls->app->out;

    (void)name;
    int r = tree_text_json(d, &obj, reterr);
    if (r == 0) {
        output_print(out, ls->n_printed++ == 0 ? "[\n" : ",\n");
        r = listing_json_line(ls->app, obj, reterr);
    }
    return r;
}

static int each_below(struct ls *ls, const struct tree_dentry *dir, const char *path, ls_fn *fn,
                      struct imgc_err *reterr)
{
    for (size_t i = 0; i < tree_children(dir); i++) {
        const struct tree_dentry *d = tree_child(dir, i);
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(SIZE_MAX / 2);
        struct imgc_str full;
        imgc_buf_printf(&b, "%s/", path);
        imgc_buf_puts(&b, d->name);
        int r = imgc_buf_finish(&b, &full, reterr);
        if (r == 0) {
            r = fn(ls, d, full.ptr, reterr);
        }
        if (r == 0 && d->dir) {
            r = each_below(ls, d, full.ptr, fn, reterr);
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int each_child(struct ls *ls, const struct tree_dentry *dir, ls_fn *fn,
                      struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < tree_children(dir); i++) {
        const struct tree_dentry *d = tree_child(dir, i);
        r = fn(ls, d, d->name, reterr);
    }
    return r;
}

/* Call @fn for what one argument lists. */
static int each(struct ls *ls, const struct tree_dentry *d, const char *path, ls_fn *fn,
                struct imgc_err *reterr)
{
    imgc_autofree char *full = NULL;

    if (!d->dir || ls->options->itself) {
        return fn(ls, d, path, reterr);
    }
    if (!ls->options->recursive) {
        return each_child(ls, d, fn, reterr);
    }
    int r = tree_text_path(d, &full, reterr);
    return r < 0 ? r : each_below(ls, d, d->parent ? full : "", fn, reterr);
}

static int list(struct ls *ls, const struct tree_dentry *d, const char *path,
                struct imgc_err *reterr)
{
    if (listing_is_json(ls->options->format)) {
        return each(ls, d, path, print_json, reterr);
    }
    ls->widths = (struct widths){ .nlink = 1 };
    int r = ls->options->is_long ? each(ls, d, path, measure, reterr) : 0;
    return r < 0 ? r : each(ls, d, path, print_line, reterr);
}

static void print_heading(struct ls *ls, const char *arg)
{
    struct output *out = &ls->app->out;

    output_print(out, "%s", ls->n_printed > 0 ? "\n" : "");
    output_name(out, arg);
    output_print(out, ":\n");
}

static int list_argument(struct ls *ls, const char *arg, struct image_tree *t,
                         struct imgc_err *reterr)
{
    imgc_autofree char *image = NULL;
    const char *path = NULL;
    struct tree_dentry *d = NULL;

    int r = image_tree_split(arg, &image, &path, reterr);
    if (r == 0) {
        r = image_tree_load(ls->app, image, t, reterr);
    }
    if (r == 0) {
        r = image_tree_find(t, path ? path : "/", &d, reterr);
    }
    if (r != 0) {
        return r;
    }
    const struct ls_options *o = ls->options;
    if (!ls->is_one && d->dir && !o->itself && !o->zero && !listing_is_json(o->format)) {
        print_heading(ls, arg);
    }
    return list(ls, d, path ? path : "/", reterr);
}

static int ls_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct ls_options *o = options;
    struct ls ls = { .app = app, .options = o, .is_one = args.n == 1 };
    image_tree_auto struct image_tree t = IMAGE_TREE_INIT;
    bool is_json = listing_is_json(o->format);
    int r = 0;

    if (o->format && !is_json) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--format is json or nothing, not '%s'", o->format);
    }
    for (size_t i = 0; r == 0 && i < args.n; i++) {
        r = list_argument(&ls, args.v[i], &t, reterr);
    }
    if (r == 0 && is_json) {
        output_print(&app->out, ls.n_printed > 0 ? "\n]\n" : "[]\n");
    }
    return r;
}

const struct command cmd_ls = {
    .name = "ls",
    .args = "IMAGE[:PATH]...",
    .summary = "list the files of an image",
    .help =
        "Reads the image's layers as they are: nothing is unpacked, mounted or started. PATH "
        "begins\n"
        "at the first ':' that a '/' follows, so a name with a tag may stand before it; without\n"
        "PATH it is '/'. Links on the way, and PATH itself where it is one, are followed inside "
        "of\n"
        "the image's root, and never lead out of it. Names come in the order of their bytes.\n"
        "\n"
        "-l shows owners by number and a device's major,minor as its size. On a terminal, control\n"
        "characters in names are escaped; to a file or pipe names go as they are, and --zero\n"
        "tells names with newlines apart.\n"
        "\n"
        "Fields of --format json: path type mode uid gid size mtime nlink target major minor\n"
        "xattrs (values in hex). A name that is not UTF-8 has its bytes in path_hex.\n"
        "\n"
        "  imgc ls debian\n"
        "  imgc ls -lh debian:bookworm:/etc\n"
        "  imgc ls -R debian:/usr/share/doc | grep copyright\n"
        "  imgc ls -R --format json debian | jq -r '.[] | select(.mode[0:1] == \"4\") | .path'\n",
    .options = ls_options,
    .options_size = sizeof(struct ls_options),
    .min_args = 1,
    .max_args = SIZE_MAX,
    .ids = IDS_WANTED,
    .run = ls_run,
};
