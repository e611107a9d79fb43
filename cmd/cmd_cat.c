/* SPDX-License-Identifier: Apache-2.0 */
/* imgc cat: a file of an image, without unpacking or mounting it. */
#include <errno.h>
#include <stdlib.h>

#include "cmd/commands.h"
#include "cmd/image_tree.h"

#define CHUNK_BYTES (256u << 10)

struct cat {
    struct app *app;
    struct image_tree tree;
    char *chunk; /* CHUNK_BYTES */
};

static void cat_done(struct cat *c)
{
    image_tree_done(&c->tree);
    free(c->chunk);
}

static int put_chunk(struct cat *c, size_t len, struct imgc_err *reterr)
{
    if (!output_bytes(&c->app->out, c->chunk, len)) {
        return output_finish(&c->app->out, reterr);
    }
    return app_interrupted() ? imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted") : 0;
}

static int put_zeros(struct cat *c, uint64_t len, struct imgc_err *reterr)
{
    int r = 0;

    memset(c->chunk, 0, len < CHUNK_BYTES ? (size_t)len : CHUNK_BYTES);
    while (r == 0 && len > 0) {
        size_t n = len < CHUNK_BYTES ? (size_t)len : CHUNK_BYTES;
        r = put_chunk(c, n, reterr);
        len -= n;
    }
    return r;
}

static int put_extent(struct cat *c, struct tar_data *data, const struct extent *x,
                      struct imgc_err *reterr)
{
    uint64_t done = 0;
    int r = 0;

    while (r == 0 && done < x->len) {
        size_t n = x->len - done < CHUNK_BYTES ? (size_t)(x->len - done) : CHUNK_BYTES;
        r = tar_data_read(data, x->source_offset + done, c->chunk, n, reterr);
        if (r == 0) {
            r = put_chunk(c, n, reterr);
        }
        done += n;
    }
    return r;
}

static int put_file(struct cat *c, const struct tree_inode *inode, struct imgc_err *reterr)
{
    uint64_t at = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < inode->n_extents; i++) {
        const struct extent *x = &inode->extents[i];
        r = put_zeros(c, x->file_offset - at, reterr);
        if (r == 0) {
            r = put_extent(c, &c->tree.stack.data[inode->layer], x, reterr);
        }
        at = x->file_offset + x->len;
    }
    return r < 0 ? r : put_zeros(c, inode->size - at, reterr);
}

static int check_type(const char *arg, const struct tree_inode *inode, struct imgc_err *reterr)
{
    switch (inode->type) {
    case ENTRY_FILE:
        return 0;
    case ENTRY_DIR:
        return imgc_fail_sys(reterr, EISDIR, "%s", arg);
    case ENTRY_SYMLINK: /* those that lead somewhere were followed */
        return imgc_fail_sys(reterr, ENOENT, "%s is a link to %s", arg, inode->target);
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
    case ENTRY_FIFO:
    case ENTRY_HARDLINK:
        break;
    }
    return imgc_fail(reterr, IMGC_E_SYS, "%s: a device or fifo, which has no data in an image",
                     arg);
}

static int cat_argument(struct cat *c, const char *arg, struct imgc_err *reterr)
{
    imgc_autofree char *image = NULL;
    const char *path = NULL;
    struct tree_dentry *d = NULL;

    int r = image_tree_split(arg, &image, &path, reterr);
    if (r == 0 && !path) {
        r = imgc_fail(reterr, IMGC_E_USAGE,
                      "'%s' names no file; write IMAGE:PATH, as in %s:/etc/passwd", arg, image);
    }
    if (r == 0) {
        r = image_tree_load(c->app, image, &c->tree, reterr);
    }
    if (r == 0) {
        r = image_tree_find(&c->tree, path, &d, reterr);
    }
    if (r == 0) {
        r = check_type(arg, d->inode, reterr);
    }
    return r != 0 ? r : put_file(c, d->inode, reterr);
}

static int cat_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    imgc_auto(cat_done) struct cat c = { .app = app, .chunk = malloc(CHUNK_BYTES) };
    int r = c.chunk ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");

    (void)options;
    for (size_t i = 0; r == 0 && i < args.n; i++) {
        r = cat_argument(&c, args.v[i], reterr);
    }
    return r;
}

const struct command cmd_cat = {
    .name = "cat",
    .args = "IMAGE:PATH...",
    .summary = "print files of an image",
    .help =
        "Reads the bytes from the image's layer: nothing is unpacked, mounted or started. PATH\n"
        "begins at the first ':' that a '/' follows, so a name with a tag may stand before it.\n"
        "Links are followed inside of the image's root, and never lead out of it.\n"
        "\n"
        "  imgc cat debian:/etc/os-release\n"
        "  imgc cat debian:bookworm:/usr/bin/tar | sha256sum\n",
    .min_args = 1,
    .max_args = SIZE_MAX,
    .ids = IDS_WANTED,
    .run = cat_run,
};
