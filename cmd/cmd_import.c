/* SPDX-License-Identifier: Apache-2.0 */
/* imgc import: a root file system, as an archive or a directory, becomes a one-layer image. */
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/chores.h"
#include "cmd/commands.h"
#include "cmd/image_make.h"
#include "cmd/sweep.h"
#include "layers/dir_source.h"
#include "layers/ingest.h"
#include "layers/tar_sink.h"
#include "schema/base/clock.h"
#include "schema/base/fd.h"
#include "schema/config.h"

#define READ_BYTES 262144
#define POLL_MS 250

struct import_options {
    struct option_list changes;
    const char *message;
    const char *sha256;
};

static const struct option import_options[] = {
    { 'c', "change", OPT_LIST, offsetof(struct import_options, changes), "INSTRUCTION",
      "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR or STOPSIGNAL" },
    { 'm', "message", OPT_STRING, offsetof(struct import_options, message), "TEXT",
      "comment for the image's history" },
    { 0, "sha256", OPT_STRING, offsetof(struct import_options, sha256), "HEX",
      "refuse the file unless it has this digest" },
    { .name = NULL },
};

struct import {
    struct app *app;
    struct lease *lease;
    const struct import_options *options;
    struct digest file; /* expected digest of the file; DIGEST_NONE: not given */
    struct layer_info layer;
    struct image_config config;
};

static int parse_sha256(const char *hex, struct digest *ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(256);
    struct imgc_str s;

    if (strncmp(hex, "sha256:", 7) != 0) {
        imgc_buf_puts(&text, "sha256:");
    }
    imgc_buf_puts(&text, hex);
    int r = imgc_buf_finish(&text, &s, reterr);
    if (r < 0) {
        return r;
    }
    r = digest_parse(s, ret, reterr);
    return r < 0 ? imgc_context(reterr, "--sha256") : 0;
}

/* A pipe may stay silent for ever: look up now and then whether it is still wanted. */
static int await_input(int fd, struct imgc_err *reterr)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int n;

    do {
        if (app_interrupted()) {
            return imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted");
        }
        n = poll(&p, 1, POLL_MS);
    } while (n == 0 || (n < 0 && errno == EINTR));
    return 0; /* what else poll() says, read() says better */
}

/* Feed everything that @fd gives to @feed. */
static int
read_through(int fd, int (*feed)(void *arg, const void *ptr, size_t len, struct imgc_err *reterr),
             void *arg, struct imgc_err *reterr)
{
    imgc_autofree char *buf = malloc(READ_BYTES);
    if (!buf) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (;;) {
        size_t n = 0;
        int r = await_input(fd, reterr);
        r = r < 0 ? r : fd_read_some(fd, buf, READ_BYTES, &n, reterr);
        if (r < 0 || n == 0) {
            return r;
        }
        r = feed(arg, buf, n, reterr);
        if (r < 0) {
            return r;
        }
    }
}

static int feed_hasher(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    return digest_hasher_update(arg, ptr, len, reterr);
}

static int feed_ingest(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    return ingest_write(arg, ptr, len, reterr);
}

/* Devices are not archives; some of them never end. */
static int check_kind(const struct stat *st, struct imgc_err *reterr)
{
    if (S_ISREG(st->st_mode) || S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode)) {
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "is a device, not an archive in a file or a pipe");
}

/* A file is hashed before any of it is inflated or parsed; the ingest checks the digest again over
 * what it reads, so a file that changes in between is refused too. A pipe has only that check. */
static int check_file(const struct import *im, int fd, struct imgc_err *reterr)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at the file");
    }
    int r = check_kind(&st, reterr);
    if (r < 0) {
        return r;
    }
    if (!digest_is_set(&im->file) || !S_ISREG(st.st_mode)) {
        return 0;
    }
    imgc_auto(digest_hasher_freep) struct digest_hasher *hasher = NULL;
    r = digest_hasher_new(DIGEST_SHA256, &hasher, reterr);
    if (r < 0) {
        return r;
    }
    r = read_through(fd, feed_hasher, hasher, reterr);
    if (r < 0) {
        return r;
    }
    struct digest got;
    r = digest_hasher_final(hasher, &got, reterr);
    if (r < 0) {
        return r;
    }
    r = digest_expect(&im->file, &got, "the file", reterr);
    if (r < 0) {
        return r;
    }
    if (lseek(fd, 0, SEEK_SET) < 0) {
        return imgc_fail_sys(reterr, errno, "rewind the file");
    }
    return 0;
}

static int import_stream(struct import *im, int fd, struct imgc_err *reterr)
{
    int r = check_file(im, fd, reterr);
    if (r < 0) {
        return r;
    }
    const struct ingest_args args = { .blob = digest_is_set(&im->file) ? &im->file : NULL,
                                      .blob_size = UINT64_MAX };
    ingest_auto struct ingest *in = NULL;
    r = ingest_new(im->app->store, im->lease, &args, &in, reterr);
    if (r < 0) {
        return r;
    }
    r = read_through(fd, feed_ingest, in, reterr);
    if (r < 0) {
        return r;
    }
    return ingest_finish(in, &im->layer, reterr);
}

/* In a layer such a name says that a file of the layers below is gone: the file itself would be
 * lost without a word. */
static int check_entry_name(const struct entry *e, struct imgc_err *reterr)
{
    const char *slash = strrchr(e->path, '/');

    if (!imgc_str_starts(imgc_str_of(slash ? slash + 1 : e->path), IMGC_STR(".wh."))) {
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_UNSUPPORTED,
                     "'%s': names that begin with '.wh.' mean removed files in an image; "
                     "rename or remove it",
                     e->path);
}

static int add_entries(struct dir_source *dir, struct tar_sink *tar, struct imgc_err *reterr)
{
    struct source *entries = dir_source_entries(dir);

    for (;;) {
        entry_auto struct entry e = ENTRY_INIT;
        int r = entries->next(entries, &e, reterr);
        if (r == SOURCE_END) {
            return tar_sink_finish(tar, reterr);
        }
        r = r < 0 ? r : check_entry_name(&e, reterr);
        imgc_autoclose int fd = -1;
        if (r == 0 && e.type == ENTRY_FILE && e.n_extents > 0) {
            r = dir_source_open(dir, &fd, reterr);
        }
        if (r == 0) {
            struct tar_data data = TAR_DATA_FD(fd);
            r = tar_sink_add(tar, &e, fd >= 0 ? &data : NULL, reterr);
        }
        if (r < 0) {
            return r;
        }
        if (app_interrupted()) {
            return imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted");
        }
    }
}

static int import_directory(struct import *im, int fd, struct imgc_err *reterr)
{
    if (digest_is_set(&im->file)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--sha256 is for files, not for directories");
    }
    const struct ingest_args args = { .blob_size = UINT64_MAX };
    ingest_auto struct ingest *in = NULL;
    int r = ingest_new(im->app->store, im->lease, &args, &in, reterr);
    if (r < 0) {
        return r;
    }
    imgc_auto(dir_source_freep) struct dir_source *dir = NULL;
    r = dir_source_new(fd, &dir, reterr);
    if (r < 0) {
        return r;
    }
    imgc_auto(tar_sink_freep) struct tar_sink *tar = NULL;
    r = tar_sink_new(feed_ingest, in, &tar, reterr);
    if (r < 0) {
        return r;
    }
    r = add_entries(dir, tar, reterr);
    if (r < 0) {
        return r;
    }
    return ingest_finish(in, &im->layer, reterr);
}

static int import_layer(struct import *im, const char *path, struct imgc_err *reterr)
{
    if (strcmp(path, "-") == 0) {
        if (isatty(STDIN_FILENO)) {
            return imgc_fail(reterr, IMGC_E_USAGE, "'-' reads an archive from a pipe or a file");
        }
        int r = import_stream(im, STDIN_FILENO, reterr);
        return r < 0 ? imgc_context(reterr, "standard input") : 0;
    }
    imgc_autoclose int fd = -1;
    int r = fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at '%s'", path);
    }
    r = S_ISDIR(st.st_mode) ? import_directory(im, fd, reterr) : import_stream(im, fd, reterr);
    return r < 0 ? imgc_context(reterr, "import '%s'", path) : 0;
}

static int set_text(char **field, const char *text, struct imgc_err *reterr)
{
    return imgc_str_dup(imgc_str_of(text), field, reterr);
}

/* The config of the new image: this platform, the time, the changes, one line of history. */
static int make_config(struct import *im, const char *source, struct imgc_err *reterr)
{
    struct image_config *c = &im->config;
    char now[CLOCK_TEXT_MAX];
    imgc_autobuf struct imgc_buf comment = IMGC_BUF_INIT(8192);

    platform_host(&c->platform);
    (void)clock_rfc3339(clock_now_ns(), true, now);
    int r = set_text(&c->created, now, reterr);
    if (r < 0) {
        return r;
    }
    r = image_make_change(c, &im->options->changes, reterr);
    if (r < 0) {
        return r;
    }
    c->diff_ids = calloc(1, sizeof *c->diff_ids);
    c->history = calloc(1, sizeof *c->history);
    if (!c->diff_ids || !c->history) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    c->n_diff_ids = 1;
    c->n_history = 1;
    r = set_text(&c->history[0].created, now, reterr);
    if (r < 0) {
        return r;
    }
    if (im->options->message) {
        imgc_buf_puts(&comment, im->options->message);
    } else {
        imgc_buf_printf(&comment, "Imported from %s", source);
    }
    return imgc_buf_take(&comment, &c->history[0].comment, reterr);
}

static int import_all(struct import *im, const char *source, const struct ref *ref,
                      struct imgc_err *reterr)
{
    int r = sweep_dead(im->app, NULL, reterr);
    if (r < 0) {
        return r;
    }
    r = make_config(im, source, reterr); /* first: a bad -c is told before the work */
    if (r < 0) {
        return r;
    }
    r = import_layer(im, source, reterr);
    if (r < 0) {
        return r;
    }
    im->config.diff_ids[0] = im->layer.diff_id;
    const struct image_make_args args = {
        .app = im->app, .lease = im->lease, .config = &im->config, .ref = ref
    };
    struct digest id;
    r = image_make(&args, &id, reterr);
    if (r < 0) {
        return imgc_context(reterr, "import '%s'", source);
    }
    char hex[DIGEST_HEX_MAX];
    output_print(&im->app->out, "%s\n", digest_hex(&id, hex));
    chores_note(im->app);
    return 0;
}

static int import_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    const struct import_options *o = options;
    ref_auto struct ref ref = REF_INIT;
    struct import im = { .app = app, .options = o };
    struct store *store;
    int r = 0;

    if (args.n > 1) {
        r = ref_parse(imgc_str_of(args.v[1]), &ref, reterr);
        if (r >= 0 && digest_is_set(&ref.digest)) {
            r = imgc_fail(reterr, IMGC_E_REFERENCE, "'%s': a digest cannot be given to an import",
                          args.v[1]);
        }
        r = r < 0 ? r : ref_default_tag(&ref, reterr);
    }
    if (r >= 0 && o->sha256) {
        r = parse_sha256(o->sha256, &im.file, reterr);
    }
    r = r < 0 ? r : app_store(app, &store, reterr);
    if (r < 0) {
        return r;
    }
    lease_auto struct lease *lease = NULL;
    r = lease_begin(store, &lease, reterr);
    if (r < 0) {
        return r;
    }
    im.lease = lease;
    r = import_all(&im, args.v[0], args.n > 1 ? &ref : NULL, reterr);
    config_done(&im.config);
    return r;
}

const struct command cmd_import = {
    .name = "import",
    .args = "FILE|DIR|- [NAME[:TAG]]",
    .summary = "make an image of a root file system (tar, tar.gz/.xz/.zst/.bz2, directory)",
    .help = "The compression is told by the content. '-' reads from standard input.\n"
            "\n"
            "  imgc import rootfs.tar.gz debian:mine\n"
            "  imgc import -c 'CMD [\"/bin/sh\"]' -c 'ENV LANG=C.UTF-8' rootfs.tar app\n"
            "  imgc import --sha256 c79bfb46... rootfs.tar.gz checked\n"
            "  debootstrap bookworm dir && imgc import dir debian:bootstrap\n",
    .options = import_options,
    .options_size = sizeof(struct import_options),
    .min_args = 1,
    .max_args = 2,
    .ids = IDS_WANTED,
    .run = import_run,
};
