/* SPDX-License-Identifier: Apache-2.0 */
/* imgc export: the root file system of a container as a tar. */
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/copy_place.h"
#include "cmd/out_file.h"
#include "cmd/root_tar.h"
#include "schema/base/fd.h"

struct export_options {
    const char *output;
};

static const struct option export_options[] = {
    { 'o', "output", OPT_STRING, offsetof(struct export_options, output), "FILE",
      "write there (default: standard output)" },
    { .name = NULL },
};

static int write_out(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    const int *fd = arg;

    return fd_write_all(*fd, ptr, len, reterr);
}

static int export_to(void *arg, int fd, struct imgc_err *reterr)
{
    const struct copy_place *from = arg;
    imgc_auto(dir_source_freep) struct dir_source *dir = NULL;
    imgc_auto(tar_sink_freep) struct tar_sink *tar = NULL;
    const struct dir_source_args args = { .dir_fd = from->root_fd, .name = "", .is_shared = true };

    int r = dir_source_new_of(&args, &dir, reterr);
    r = r < 0 ? r : tar_sink_new(write_out, &fd, &tar, reterr);
    r = r < 0 ? r : root_tar_add_all(dir, copy_place_users(from), tar, reterr);
    return r < 0 ? r : tar_sink_finish(tar, reterr);
}

/* A container that runs is opened as who the user is, everything else is done as root of the user's
 * own namespace. */
static int open_root(struct app *app, const char *name, struct copy_place *from,
                     struct imgc_err *reterr)
{
    struct store *store;

    int r = copy_place_whole(from, name, reterr);
    r = r < 0 ? r : copy_place_open_running(from, reterr);
    if (r == 0 && geteuid() != 0) {
        app->store = store_close(app->store);
        r = ids_enter(app, IDS_NEEDED, reterr);
    }
    r = r < 0 ? r : app_store(app, &store, reterr);
    return r < 0 ? r : copy_place_open(from, reterr);
}

static int export_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    const struct export_options *o = options;
    copy_place_auto struct copy_place from = COPY_PLACE_INIT(app);
    bool is_file = o->output && strcmp(o->output, "-") != 0;

    if (!is_file && isatty(STDOUT_FILENO)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "an archive is nothing for a terminal: name a file with --output, or "
                         "redirect standard output");
    }
    int r = open_root(app, args.v[0], &from, reterr);
    const struct out_file_args to = {
        .out = &app->out, .path = o->output, .write = export_to, .arg = &from
    };
    r = r < 0 ? r : out_file_write(&to, reterr);
    return r < 0 ? imgc_context(reterr, "export %s", args.v[0]) : 0;
}

const struct command cmd_export = {
    .name = "export",
    .args = "[-o FILE] CONTAINER",
    .summary = "write the root file system of a container as a tar",
    .help =
        "Running or not: the image's files with the container's changes, with the owners that\n"
        "they have in the container. What is mounted there (volumes, /proc, /etc/hosts) is not in\n"
        "it, but what lies below. The same files give the same bytes.\n"
        "\n"
        "  imgc export -o root.tar box\n"
        "  imgc export box | imgc import - box:flat\n",
    .options = export_options,
    .options_size = sizeof(struct export_options),
    .min_args = 1,
    .max_args = 1,
    .run = export_run,
};
