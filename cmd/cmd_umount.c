/* SPDX-License-Identifier: Apache-2.0 */
/* imgc umount: take off what imgc mount mounted. */
#include "cmd/acquire.h"
#include "cmd/commands.h"
#include "cmd/mounting.h"
#include "store/mounted.h"

struct umount_options {
    bool all, force;
};

static const struct option umount_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct umount_options, all), NULL, "all mounted images" },
    { 'f', "force", OPT_FLAG, offsetof(struct umount_options, force), NULL,
      "also where processes use it: it goes with the last of them" },
    { .name = NULL },
};

struct umount_run {
    struct app *app;
    const struct umount_options *options;
    bool failed, in_use;
};

/* @return 0; MOUNTING_NOT. */
static int umount_one(struct umount_run *u, const struct digest *id, struct imgc_err *reterr)
{
    char hex[DIGEST_HEX_MAX];

    int r = mounting_umount(u->app, id, u->options->force, reterr);
    if (r == 0) {
        output_print(&u->app->out, "%s\n", digest_hex(id, hex));
    }
    return r;
}

/* A failure stops only its own image. */
static void note(struct umount_run *u, int r, const struct imgc_err *err)
{
    if (r < 0) {
        u->failed = true;
        u->in_use = u->in_use || err->code == IMGC_E_INUSE;
        if (err->code == IMGC_E_INUSE) {
            output_error_remedy(&u->app->out, err, "end it, or use --force");
        } else {
            output_error(&u->app->out, err);
        }
    }
}

static int umount_all(struct umount_run *u, struct imgc_err *reterr)
{
    mounted_list_auto struct mounted_list list = { .items = NULL };

    int r = mounted_list(u->app->store, &list, reterr);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        struct imgc_err err;
        note(u, umount_one(u, &list.items[i].image_id, &err), &err);
    }
    return r;
}

static int umount_named(struct umount_run *u, const char *name, struct imgc_err *reterr)
{
    image_auto struct image image = { .tags = NULL };

    int r = acquire_local(u->app, name, &image, reterr);
    r = r < 0 ? r : umount_one(u, &image.id, reterr);
    return r == MOUNTING_NOT ? imgc_fail(reterr, IMGC_E_NOTFOUND, "%s is not mounted", name) : r;
}

static int umount_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    struct umount_run u = { .app = app, .options = options };
    struct store *store;

    if (u.options->all == (args.n > 0)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "umount takes images, or --all");
    }
    int r = app_store(app, &store, reterr);
    if (r == 0 && u.options->all) {
        r = umount_all(&u, reterr);
    }
    for (size_t i = 0; r == 0 && i < args.n; i++) {
        struct imgc_err err;
        note(&u, umount_named(&u, args.v[i], &err), &err);
    }
    return r < 0 ? r : u.in_use ? imgc_code_status(IMGC_E_INUSE) : u.failed;
}

const struct command cmd_umount = {
    .name = "umount",
    .args = "IMAGE...",
    .summary = "take mounted images off again",
    .help = "Prints the ID of each image that was taken off. One that a process works in stays, "
            "and the\n"
            "status is 2, unless --force is given. Needs root.\n"
            "\n"
            "  imgc umount debian:bookworm\n"
            "  imgc umount -a\n",
    .options = umount_options,
    .options_size = sizeof(struct umount_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .run = umount_run,
};
