/* SPDX-License-Identifier: Apache-2.0 */
/* imgc load: the images of an archive or an OCI layout come into the store. */
#include <unistd.h>

#include "cmd/acquire.h"
#include "cmd/archive_progress.h"
#include "cmd/chores.h"
#include "cmd/commands.h"
#include "cmd/sweep.h"
#include "fetch/archive_load.h"
#include "schema/base/fd.h"

struct load_options {
    const char *input, *platform, *progress;
    bool quiet, replace;
};

static const struct option load_options[] = {
    { 'i', "input", OPT_STRING, offsetof(struct load_options, input), "FILE|DIR|-",
      "read this archive or OCI layout (default: standard input)" },
    { 'q', "quiet", OPT_FLAG, offsetof(struct load_options, quiet), NULL, "print the names alone" },
    { 0, "platform", OPT_STRING, offsetof(struct load_options, platform), "OS/ARCH[/VARIANT]",
      "choose this platform where there are several" },
    { 0, "progress", OPT_STRING, offsetof(struct load_options, progress), "FORM",
      ARCHIVE_PROGRESS_HELP },
    { 0, "replace", OPT_FLAG, offsetof(struct load_options, replace), NULL,
      "move names that other images have" },
    { .name = NULL },
};

struct load_context {
    struct app *app;
    bool quiet;
    struct archive_progress progress;
};

static void on_layer(void *arg, const struct pull_layer *layer)
{
    archive_progress_layer(&((struct load_context *)arg)->progress, layer);
}

static void on_loaded(void *arg, const struct digest *id, char *const *names,
                      const struct rootfs_report *report)
{
    struct load_context *c = arg;
    char text[DIGEST_TEXT_MAX];

    archive_progress_image(&c->progress);

    acquire_tell_skipped(c->app, &report->written);
    acquire_tell_form(c->app, report);
    if (!names || !names[0]) {
        output_print(&c->app->out, "%s%s\n",
                     c->quiet ? "" : "Loaded image ID: ", digest_text(id, text));
    }
    for (size_t i = 0; names && names[i]; i++) {
        output_print(&c->app->out, "%s%s\n", c->quiet ? "" : "Loaded image: ", names[i]);
    }
}

static bool on_interrupted(void *arg)
{
    (void)arg;
    return app_interrupted();
}

static int load_all(struct app *app, struct lease *lease, const struct load_options *o, int fd,
                    struct imgc_err *reterr)
{
    struct load_context context = { .app = app, .quiet = o->quiet };
    archive_auto struct archive_file *archive = NULL;
    struct platform platform;
    const struct archive_args open = { .fd = fd, .lease = lease, .interrupted = on_interrupted };

    int r = archive_progress_begin(&context.progress, &app->out, "loading",
                                   o->quiet ? "none" : o->progress, reterr);
    r = r < 0 || !o->platform ? r : platform_parse(imgc_str_of(o->platform), &platform, reterr);
    r = r < 0 ? r : archive_open(&open, &archive, reterr);
    if (r < 0) {
        return r;
    }
    const struct archive_load_args load = { .store = app->store,
                                            .lease = lease,
                                            .archive = archive,
                                            .platform = o->platform ? &platform : NULL,
                                            .form = app->settings.form,
                                            .replace = o->replace,
                                            .loaded = on_loaded,
                                            .layer = on_layer,
                                            .arg = &context };
    r = archive_load(&load, reterr);
    archive_progress_image(&context.progress);
    return r;
}

/* @ret  STDIN_FILENO, or opened: the caller closes what is above the standard files. */
static int open_input(const char *path, int *ret, struct imgc_err *reterr)
{
    if (path && strcmp(path, "-") != 0) {
        int r = fd_open_at(AT_FDCWD, path, O_RDONLY, 0, ret, reterr);
        /* A named pipe that nobody writes into. */
        return r < 0 && app_interrupted() ? imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted")
                                          : r;
    }
    if (isatty(STDIN_FILENO)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "no archive: name one with --input, or redirect standard input");
    }
    *ret = STDIN_FILENO;
    return 0;
}

static int load_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct load_options *o = options;
    const char *name = o->input && strcmp(o->input, "-") != 0 ? o->input : "standard input";
    struct store *store;
    int fd = -1;
    (void)args;

    int r = open_input(o->input, &fd, reterr);
    r = r < 0 ? r : app_store(app, &store, reterr);
    r = r < 0 ? r : sweep_dead(app, NULL, reterr);
    lease_auto struct lease *lease = NULL;
    r = r < 0 ? r : lease_begin(store, &lease, reterr);
    if (r == 0) {
        r = load_all(app, lease, o, fd, reterr);
        r = r < 0 ? imgc_context(reterr, "load %s", name) : 0;
        chores_note(app);
    }
    if (fd > STDERR_FILENO) {
        imgc_closep(&fd);
    }
    return r;
}

const struct command cmd_load = {
    .name = "load",
    .args = "[-i FILE|DIR|-]",
    .summary = "bring in the images of an archive (docker-archive, oci-archive, OCI layout)",
    .help =
        "Archives as 'docker save', 'podman save', skopeo, buildah and 'imgc save' write them,\n"
        "compressed in any way, also through a pipe. Documents and layers keep their digests:\n"
        "a later pull of the same image finds them. A name that another image has stays there\n"
        "and the load fails, but for --replace.\n"
        "\n"
        "  imgc load -i app.tar.gz\n"
        "  docker save app | imgc load\n"
        "  imgc load --replace -i layout/\n",
    .options = load_options,
    .options_size = sizeof(struct load_options),
    .min_args = 0,
    .max_args = 0,
    .ids = IDS_WANTED,
    .run = load_run,
};
