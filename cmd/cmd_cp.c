/* SPDX-License-Identifier: Apache-2.0 */
/* imgc cp: files out of containers, into them, and from one to another. */
#include <errno.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/copy_place.h"
#include "layers/codec.h"
#include "layers/dir_source.h"
#include "layers/merge_sink.h"
#include "layers/tar_sink.h"
#include "layers/tar_source.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define READ_BYTES 65536

struct cp_options {
    bool archive, follow, overwrite, quiet;
};

#define AT(field) offsetof(struct cp_options, field)

static const struct option cp_options[] = {
    { 'a', "archive", OPT_FLAG, AT(archive), NULL,
      "keep owners, set-ID bits, device nodes and all xattrs" },
    { 'L', "follow-link", OPT_FLAG, AT(follow), NULL, "follow a symbolic link in SOURCE" },
    { 0, "overwrite", OPT_FLAG, AT(overwrite), NULL,
      "let directories replace other files, and the reverse" },
    { 'q', "quiet", OPT_FLAG, AT(quiet), NULL,
      NULL }, /* docker's; there is nothing to be quiet of */
    { .name = NULL },
};

/* Where entries come from: a directory, or a tar that was spooled. */
struct input {
    int fd; /* of the directory, of the spooled tar; -1 */
    struct dir_source *dir;
    struct tar_source *tar;
    bool is_dir;                         /* its first entry is one */
    const struct isolation_users *users; /* of the container that it is of; or NULL */
};

static void input_done(struct input *in)
{
    in->dir = dir_source_free(in->dir);
    in->tar = tar_source_free(in->tar);
    imgc_closep(&in->fd);
}

/* Where they go to. */
struct outlet {
    struct merge_sink_args args;
    struct merge_sink *merge;
    struct tar_sink *tar;
    char *prefix; /* of the tar's names, or NULL */
    int dir_fd;
    const struct isolation_users *users; /* of the container that it is in; or NULL */
};

static void outlet_done(struct outlet *out)
{
    out->merge = merge_sink_free(out->merge);
    out->tar = tar_sink_free(out->tar);
    free(out->prefix);
    imgc_closep(&out->dir_fd);
}

struct copying {
    struct app *app;
    const struct cp_options *options;
    struct copy_place from, to;
};

static void copying_done(struct copying *c)
{
    copy_place_done(&c->to);
    copy_place_done(&c->from);
}

#define copy_auto imgc_auto(copying_done)

/* ---- from ---- */

static int write_spool(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    const int *fd = arg;

    return fd_write_all(*fd, ptr, len, reterr);
}

/* A tar is read by offsets: what comes through a pipe has to lie somewhere first. */
static int spool(struct app *app, struct input *in, struct imgc_err *reterr)
{
    imgc_auto(codec_freep) struct codec *codec = NULL;
    imgc_autofree char *buf = malloc(READ_BYTES);
    size_t n = 0;

    if (!buf) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = fd_open_at(store_root_fd(app->store), ".", O_TMPFILE | O_RDWR, 0600, &in->fd, reterr);
    r = r < 0 ? r : codec_new(write_spool, &in->fd, &codec, reterr);
    do {
        r = r < 0 ? r : fd_read_some(STDIN_FILENO, buf, READ_BYTES, &n, reterr);
        r = r < 0 ? r : codec_write(codec, buf, n, reterr);
        if (r == 0 && app_interrupted()) {
            r = imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted");
        }
    } while (r == 0 && n > 0);
    r = r < 0 ? r : codec_finish(codec, reterr);
    r = r < 0 ? r : tar_source_new(in->fd, &in->tar, reterr);
    return r < 0 ? imgc_context(reterr, "standard input") : 0;
}

/* What a running container's root has there is the kernel's, not the container's. */
static const char *const system_dirs[] = { "proc", "sys", "dev", NULL };

static int open_input(struct copying *c, struct input *in, struct imgc_err *reterr)
{
    struct copy_place *from = &c->from;

    if (from->kind == COPY_PLACE_STREAM) {
        return spool(c->app, in, reterr);
    }
    int r = copy_path_find(&from->path, from->root_fd, c->options->follow, reterr);
    if (r == 0 && from->path.is_missing) {
        r = imgc_fail_sys(reterr, ENOENT, "open it");
    }
    in->users = copy_place_users(from);
    in->is_dir = r == 0 && S_ISDIR(from->path.st.st_mode);
    if (r == 0 && from->path.has_slash && !in->is_dir) {
        r = imgc_fail_sys(reterr, ENOTDIR, "open it");
    }
    if (r < 0) {
        return imgc_context(reterr, "'%s'", from->path.shown);
    }
    const struct dir_source_args args = { .dir_fd = from->path.parent_fd,
                                          .name = from->path.name,
                                          .crosses = from->kind == COPY_PLACE_LOCAL,
                                          .is_shared = from->kind == COPY_PLACE_CONTAINER,
                                          .closed = strcmp(from->path.path, "/") == 0 &&
                                                            from->kind == COPY_PLACE_CONTAINER
                                                        ? system_dirs
                                                        : NULL };
    return dir_source_new_of(&args, &in->dir, reterr);
}

/* ---- to ---- */

static int write_out(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    (void)arg;
    return fd_write_all(STDOUT_FILENO, ptr, len, reterr);
}

static int open_stream(struct copying *c, struct outlet *out, struct imgc_err *reterr)
{
    const struct copy_path *from = &c->from.path;

    if (isatty(STDOUT_FILENO)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "a terminal takes no tar: send it to a file");
    }
    int r = imgc_str_dup(imgc_str_of(from->is_contents ? "" : copy_path_base(from)), &out->prefix,
                         reterr);
    return r < 0 ? r : tar_sink_new(write_out, NULL, &out->tar, reterr);
}

/* Below the directory that was found, or in the place of what was, or was not, found there. */
static int place(const struct copying *c, const struct input *in, struct outlet *out,
                 struct imgc_err *reterr)
{
    const struct copy_path *from = &c->from.path, *to = &c->to.path;
    bool is_stream = c->from.kind == COPY_PLACE_STREAM;
    bool is_dir = !to->is_missing && S_ISDIR(to->st.st_mode);

    if (is_dir) {
        bool is_itself = is_stream || (in->is_dir && from->is_contents);
        out->args.prefix = is_itself ? "" : copy_path_base(from);
        return copy_path_open_dir(to, &out->dir_fd, reterr);
    }
    if (is_stream || (to->has_slash && (!to->is_missing || !in->is_dir))) {
        return imgc_fail_sys(reterr, to->is_missing ? ENOENT : ENOTDIR, "open the directory");
    }
    if (in->is_dir && !to->is_missing && !c->options->overwrite) {
        return imgc_fail(reterr, IMGC_E_EXISTS, "a directory cannot be copied onto a file");
    }
    out->args.prefix = to->name;
    out->dir_fd = fcntl(to->parent_fd, F_DUPFD_CLOEXEC, 0);
    return out->dir_fd < 0 ? imgc_fail_sys(reterr, errno, "open the directory") : 0;
}

static int open_outlet(struct copying *c, const struct input *in, struct outlet *out,
                       struct imgc_err *reterr)
{
    struct copy_place *to = &c->to;
    bool is_container = to->kind == COPY_PLACE_CONTAINER;

    if (to->kind == COPY_PLACE_STREAM) {
        return open_stream(c, out, reterr);
    }
    int r = copy_path_find(&to->path, to->root_fd, true, reterr);
    r = r < 0 ? r : place(c, in, out, reterr);
    if (r < 0) {
        return imgc_context(reterr, "'%s'", to->path.shown);
    }
    out->args.dir_fd = out->dir_fd;
    /* An archive for "/" may go through /lib, which is a link in many images. */
    out->args.root_fd = is_container && c->from.kind == COPY_PLACE_STREAM ? to->root_fd : -1;
    out->args.base = to->path.path;
    out->args.overwrite = c->options->overwrite;
    out->args.keeps_all = c->options->archive;
    out->args.uid = is_container ? 0 : geteuid();
    out->args.gid = is_container ? 0 : getegid();
    out->users = copy_place_users(to);
    if (out->users) {
        (void)isolation_map_id(out->users->uids, out->users->n_uids, 0, &out->args.uid);
        (void)isolation_map_id(out->users->gids, out->users->n_gids, 0, &out->args.gid);
    }
    return merge_sink_new(&out->args, &out->merge, reterr);
}

/* ---- between ---- */

static int put_prefix(const char *prefix, char **path, struct imgc_err *reterr)
{
    char *joined = NULL;

    if (!*prefix || !*path) {
        return 0;
    }
    if (asprintf(&joined, "%s%s%s", prefix, **path ? "/" : "", *path) < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    free(*path);
    *path = joined;
    return 0;
}

static int add_to_tar(struct outlet *out, struct entry *e, struct tar_data *data,
                      struct imgc_err *reterr)
{
    int r = put_prefix(out->prefix, &e->path, reterr);

    if (r == 0 && e->type == ENTRY_HARDLINK) {
        r = put_prefix(out->prefix, &e->target, reterr);
    }
    return r < 0 ? r : tar_sink_add(out->tar, e, data, reterr);
}

/* From what owners are in one container to what they are in the other, or here. What has no number
 * there is nobody's: as it stays. */
static void map_owner(const struct input *in, const struct outlet *out, struct entry *e)
{
    uint32_t uid = e->uid, gid = e->gid;

    if (in->users) {
        (void)isolation_unmap_id(in->users->uids, in->users->n_uids, uid, &uid);
        (void)isolation_unmap_id(in->users->gids, in->users->n_gids, gid, &gid);
    }
    if (out->users) {
        (void)isolation_map_id(out->users->uids, out->users->n_uids, uid, &uid);
        (void)isolation_map_id(out->users->gids, out->users->n_gids, gid, &gid);
    }
    e->uid = uid;
    e->gid = gid;
}

static int pass_on(struct input *in, struct outlet *out, struct entry *e, struct imgc_err *reterr)
{
    imgc_autoclose int file_fd = -1;
    struct tar_data data = TAR_DATA_FD(in->fd);
    int r = 0;

    if (in->dir && e->type == ENTRY_FILE) {
        r = dir_source_open(in->dir, &file_fd, reterr);
        data = (struct tar_data)TAR_DATA_FD(file_fd);
    }
    if (r < 0) {
        return r;
    }
    map_owner(in, out, e);
    return out->tar ? add_to_tar(out, e, &data, reterr)
                    : merge_sink_add(out->merge, e, &data, reterr);
}

static int pass_all(struct input *in, struct outlet *out, struct imgc_err *reterr)
{
    struct source *source = in->dir ? dir_source_entries(in->dir) : tar_source_entries(in->tar);

    for (;;) {
        entry_auto struct entry e = ENTRY_INIT;
        int r = source->next(source, &e, reterr);
        if (r == SOURCE_END) {
            return 0;
        }
        if (r == 0 && app_interrupted()) {
            r = imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted");
        }
        r = r < 0 ? r : pass_on(in, out, &e, reterr);
        if (r < 0) {
            return r;
        }
    }
}

static void tell(struct app *app, const struct merge_sink_report *report, bool keeps_all)
{
    if (report->devices_skipped > 0) {
        output_warn(&app->out, "%llu device nodes were left out%s",
                    (unsigned long long)report->devices_skipped,
                    keeps_all ? "" : ": --archive copies them");
    }
    if (report->owners_skipped > 0) {
        output_warn(&app->out, "%llu owners could not be set",
                    (unsigned long long)report->owners_skipped);
    }
}

static int copy(struct copying *c, struct imgc_err *reterr)
{
    imgc_auto(input_done) struct input in = { .fd = -1 };
    imgc_auto(outlet_done) struct outlet out = { .dir_fd = -1 };
    struct merge_sink_report report = { .entries = 0 };

    int r = open_input(c, &in, reterr);
    r = r < 0 ? r : open_outlet(c, &in, &out, reterr);
    r = r < 0 ? r : pass_all(&in, &out, reterr);
    if (r < 0) {
        return r;
    }
    r = out.tar ? tar_sink_finish(out.tar, reterr) : merge_sink_finish(out.merge, &report, reterr);
    if (r == 0) {
        tell(c->app, &report, c->options->archive);
    }
    return r;
}

/* Containers that run are opened as who the user is, everything else is done as root of the user's
 * own namespace. */
static int enter(struct copying *c, struct imgc_err *reterr)
{
    int r = copy_place_open_running(&c->from, reterr);

    r = r < 0 ? r : copy_place_open_running(&c->to, reterr);
    if (r == 0 && geteuid() != 0) {
        c->app->store = store_close(c->app->store);
        r = ids_enter(c->app, IDS_NEEDED, reterr);
    }
    return r;
}

static int cp_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    copy_auto struct copying c = {
        .app = app, .options = options, .from = COPY_PLACE_INIT(app), .to = COPY_PLACE_INIT(app)
    };
    struct store *store;

    int r = copy_place_parse(&c.from, args.v[0], reterr);
    r = r < 0 ? r : copy_place_parse(&c.to, args.v[1], reterr);
    if (r == 0 && c.from.kind != COPY_PLACE_CONTAINER && c.to.kind != COPY_PLACE_CONTAINER) {
        r = imgc_fail(reterr, IMGC_E_USAGE, "one of the two must be CONTAINER:PATH");
    }
    r = r < 0 ? r : enter(&c, reterr);
    r = r < 0 ? r : app_store(app, &store, reterr);
    r = r < 0 ? r : copy_place_open(&c.from, reterr);
    r = r < 0 ? r : copy_place_open(&c.to, reterr);
    return r < 0 ? r : copy(&c, reterr);
}

const struct command cmd_cp = {
    .name = "cp",
    .args = "CONTAINER:PATH PATH|- | PATH|- CONTAINER:PATH | CONTAINER:PATH CONTAINER:PATH",
    .summary = "copy files out of a container, into it, or between two",
    .help =
        "Containers that run and those that do not, with their volumes. A directory that is there\n"
        "gets SOURCE in it, with its name; SOURCE/. is what is in it. \"-\" is a tar stream: of "
        "SOURCE\n"
        "to standard output, or from standard input (compressed, too) into a directory. What "
        "comes\n"
        "into a container belongs to its root, what comes out to the caller, unless --archive.\n"
        "\n"
        "  imgc cp web:/etc/nginx/nginx.conf .\n"
        "  imgc cp ./site/. web:/usr/share/nginx/html\n"
        "  imgc cp web:/var/log - | tar -tv\n",
    .options = cp_options,
    .options_size = sizeof(struct cp_options),
    .min_args = 2,
    .max_args = 2,
    .run = cp_run,
};
