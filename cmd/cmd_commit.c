/* SPDX-License-Identifier: Apache-2.0 */
/* imgc commit: what a container has changed becomes a layer on top of its image's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/chores.h"
#include "cmd/commands.h"
#include "cmd/commit_config.h"
#include "cmd/container_end.h"
#include "cmd/image_make.h"
#include "cmd/kept_spec.h"
#include "cmd/root_tar.h"
#include "cmd/sweep.h"
#include "layers/ingest.h"
#include "layers/upper.h"
#include "runtime/freeze_guard.h"
#include "runtime/userns.h"
#include "schema/base/clock.h"
#include "schema/base/fd.h"
#include "schema/limits.h"
#include "store/blob.h"
#include "store/image.h"

struct commit_options {
    struct option_list changes;
    const char *author, *message, *iidfile;
    bool no_pause, quiet;
};

#define AT(field) offsetof(struct commit_options, field)

static const struct option commit_options[] = {
    { 'c', "change", OPT_LIST, AT(changes), "INSTRUCTION",
      "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR or STOPSIGNAL" },
    { 'a', "author", OPT_STRING, AT(author), "TEXT", "who made it" },
    { 'm', "message", OPT_STRING, AT(message), "TEXT", "comment for the image's history" },
    { 'p', "pause", OPT_NEGATED, AT(no_pause), NULL,
      "stop the container meanwhile, where it runs (default; --pause=false: do not)" },
    { 'q', "quiet", OPT_FLAG, AT(quiet), NULL,
      NULL }, /* podman's; there is nothing to be quiet of */
    { 0, "iidfile", OPT_STRING, AT(iidfile), "FILE", "write the image's ID there" },
    { .name = NULL },
};

struct commit {
    struct app *app;
    struct lease *lease;
    const struct commit_options *options;
    struct container container;
    struct spec spec; /* for whose users its are, and what it was told */
    bool has_spec;
    struct image_config config;
    struct imgc_buf before; /* the text that it was read from */
    struct imgc_str before_text;
    struct freeze_guard guard;
    bool is_held;
};

/* On every path: it goes on, or may be started again. */
static void let_go(struct commit *c)
{
    struct imgc_err err;

    if (freeze_guard_end(&c->guard, &err) < 0) {
        output_warn(&c->app->out, "container %s stays paused: %s", c->container.name, err.msg);
    }
    if (c->is_held && container_release(c->app->store, &c->container, &err) < 0) {
        output_warn(&c->app->out, "%s", err.msg);
    }
    c->is_held = false;
}

static void commit_done(struct commit *c)
{
    let_go(c);
    config_done(&c->config);
    imgc_buf_done(&c->before);
    spec_done(&c->spec);
    container_done(&c->container);
    c->lease = lease_end(c->lease);
}

/* ---- the container ---- */

/* Its files are not to change while they are read. */
static int hold(struct commit *c, struct imgc_err *reterr)
{
    struct container *k = &c->container;
    int r = 0;

    if (k->status != CONTAINER_RUNNING) {
        r = container_claim(c->app->store, k->id, reterr);
        if (r == CONTAINER_BUSY) {
            return imgc_fail(reterr, IMGC_E_INUSE,
                             "container %s is being started, or copied from or to: try again",
                             k->name);
        }
        c->is_held = r == 0;
    } else if (!c->options->no_pause && !cgroup_freeze_is_frozen(k->cgroup)) {
        if (!k->cgroup) {
            return imgc_fail(reterr, IMGC_E_HOST,
                             "container %s has no cgroup to be paused by: stop it, or commit it as "
                             "it runs with --pause=false",
                             k->name);
        }
        r = freeze_guard_begin(&c->guard, k->cgroup, reterr);
    }
    return r < 0 ? imgc_context(reterr, "container %s", k->name) : 0;
}

/* A container that went away took its files along, and nothing said so. */
static int check_still_there(const struct commit *c, struct imgc_err *reterr)
{
    container_auto struct container now = { .name = NULL };
    int r = container_find(c->app->store, imgc_str_of(c->container.id), &now, reterr);

    return r == CONTAINER_MISSING
               ? imgc_fail(reterr, IMGC_E_NOTFOUND, "container %s was removed meanwhile",
                           c->container.name)
               : r;
}

static const struct isolation_users *users_of(const struct commit *c)
{
    const struct isolation_users *u = &c->spec.isolation.users;

    return u->mode == ISOLATION_USERS_MAPPED ? u : NULL;
}

static int find_container(struct commit *c, const char *name, struct imgc_err *reterr)
{
    int r = container_end_find(c->app, name, &c->container, reterr);

    if (r < 0) {
        return r;
    }
    if (!digest_is_set(&c->container.image_id)) {
        return imgc_fail(
            reterr, IMGC_E_UNSUPPORTED,
            "container %s has a directory as its root, not an image: use 'imgc import'",
            c->container.name);
    }
    r = kept_spec_load(c->app->store, c->container.id, &c->spec, reterr);
    c->has_spec = r == 0;
    return r == -(int)IMGC_E_NOTFOUND ? 0 : r; /* its users are those of the host then */
}

/* ---- the layer ---- */

/* What its image has not but the runtime mounts something on was made by the runtime. */
static const char *const mounted_dirs[] = { "dev", "proc", "sys", NULL };
static const char *const mounted_files[] = { "etc/hosts", "etc/hostname", "etc/resolv.conf", NULL };

static bool is_one_of(const char *const *list, const char *path)
{
    while (*list && strcmp(*list, path) != 0) {
        list++;
    }
    return *list;
}

static bool is_mount_point(const struct entry *e)
{
    return (e->type == ENTRY_DIR && is_one_of(mounted_dirs, e->path)) ||
           (e->type == ENTRY_FILE && e->size == 0 && is_one_of(mounted_files, e->path));
}

static int feed_ingest(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    return ingest_write(arg, ptr, len, reterr);
}

static int add_change(const struct commit *c, struct dir_source *dir, struct entry *e,
                      struct tar_sink *tar, struct imgc_err *reterr)
{
    unsigned notes = dir_source_notes(dir);

    if (is_mount_point(e) && !(notes & DIR_SOURCE_WHITEOUT)) {
        return 0;
    }
    int r = upper_translate(e, notes, reterr);
    if (r < 0) {
        return r;
    }
    bool is_opaque = r == UPPER_OPAQUE;
    if (!(notes & DIR_SOURCE_WHITEOUT)) {
        root_tar_unmap(users_of(c), e);
    }
    r = root_tar_add(dir, e, tar, reterr);
    if (r == 0 && is_opaque) {
        entry_auto struct entry marker = ENTRY_INIT;
        r = upper_hide_below(e, &marker, reterr);
        r = r < 0 ? r : tar_sink_add(tar, &marker, NULL, reterr);
    }
    return r;
}

static int add_changes(const struct commit *c, struct dir_source *dir, struct tar_sink *tar,
                       struct imgc_err *reterr)
{
    struct source *entries = dir_source_entries(dir);

    for (;;) {
        entry_auto struct entry e = ENTRY_INIT;
        int r = entries->next(entries, &e, reterr);
        if (r == SOURCE_END) {
            return tar_sink_finish(tar, reterr);
        }
        if (r == 0 && app_interrupted()) {
            r = imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted");
        }
        r = r < 0 ? r : add_change(c, dir, &e, tar, reterr);
        if (r < 0) {
            return r;
        }
    }
}

static int open_upper(const struct commit *c, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int dir_fd = -1;
    int r = container_open_dir(c->app->store, c->container.id, &dir_fd, reterr);

    return r < 0 ? r
                 : fd_open_at(dir_fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd,
                              reterr);
}

static int make_layer(const struct commit *c, struct layer_info *ret, struct imgc_err *reterr)
{
    const struct ingest_args ingest = { .blob_size = UINT64_MAX };
    ingest_auto struct ingest *in = NULL;
    imgc_auto(dir_source_freep) struct dir_source *dir = NULL;
    imgc_auto(tar_sink_freep) struct tar_sink *tar = NULL;
    imgc_autoclose int fd = -1;

    int r = open_upper(c, &fd, reterr);
    /* The other xattrs are files of the container's to write: they mean nothing there. */
    const struct dir_source_args args = { .dir_fd = fd,
                                          .name = "",
                                          .is_shared = c->container.status == CONTAINER_RUNNING,
                                          .closed = mounted_dirs,
                                          .overlay = userns_is_initial() ? "trusted.overlay."
                                                                         : "user.overlay." };
    r = r < 0 ? r : dir_source_new_of(&args, &dir, reterr);
    r = r < 0 ? r : ingest_new(c->app->store, c->lease, &ingest, &in, reterr);
    r = r < 0 ? r : tar_sink_new(feed_ingest, in, &tar, reterr);
    r = r < 0 ? r : add_changes(c, dir, tar, reterr);
    r = r < 0 ? r : check_still_there(c, reterr);
    return r < 0 ? r : ingest_finish(in, ret, reterr);
}

/* ---- the image ---- */

static int load_config(struct commit *c, struct imgc_err *reterr)
{
    int r = blob_get(c->app->store, &c->container.image_id, &c->before, reterr);

    if (r == BLOB_MISSING) {
        return imgc_fail(reterr, IMGC_E_STORE, "the image of container %s has no config: pull it",
                         c->container.name);
    }
    r = r < 0 ? r : imgc_buf_finish(&c->before, &c->before_text, reterr);
    r = r < 0 ? r : config_parse(c->before_text, &c->config, reterr);
    if (r == 0 && c->has_spec) {
        r = commit_config_apply(&c->spec, c->container.labels, &c->config, reterr);
    }
    return r < 0 ? r : image_make_change(&c->config, &c->options->changes, reterr);
}

static int set_text(char **field, const char *text, struct imgc_err *reterr)
{
    if (!text) {
        return 0;
    }
    free(*field);
    *field = NULL;
    return imgc_str_dup(imgc_str_of(text), field, reterr);
}

/* One more layer, and one more line of history. */
static int extend_config(struct commit *c, const struct digest *diff_id, struct imgc_err *reterr)
{
    struct image_config *f = &c->config;
    char now[CLOCK_TEXT_MAX];

    if (f->n_diff_ids >= LIMIT_LAYERS) {
        return imgc_fail(reterr, IMGC_E_LIMIT,
                         "the image has %zu layers already: 'imgc export' and 'imgc import' make "
                         "one of them",
                         f->n_diff_ids);
    }
    struct digest *ids = reallocarray(f->diff_ids, f->n_diff_ids + 1, sizeof *ids);
    f->diff_ids = ids ? ids : f->diff_ids;
    struct config_history *history = reallocarray(f->history, f->n_history + 1, sizeof *history);
    f->history = history ? history : f->history;
    if (!ids || !history) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    ids[f->n_diff_ids++] = *diff_id;
    struct config_history *h = &history[f->n_history++];
    *h = (struct config_history){ .created = NULL };
    (void)clock_rfc3339(clock_now_ns(), true, now);
    int r = set_text(&f->created, now, reterr);
    r = r < 0 ? r : set_text(&f->author, c->options->author, reterr);
    r = r < 0 ? r : set_text(&h->created, now, reterr);
    r = r < 0 ? r : set_text(&h->created_by, c->container.command, reterr);
    r = r < 0 ? r : set_text(&h->author, c->options->author, reterr);
    return r < 0 ? r : set_text(&h->comment, c->options->message, reterr);
}

static int write_id_file(const char *path, const char *hex, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    if (!path) {
        return 0;
    }
    int r = fd_open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd, reterr);
    r = r < 0 ? r : fd_write_all(fd, hex, strlen(hex), reterr);
    return r < 0 ? imgc_context(reterr, "--iidfile '%s'", path) : 0;
}

static int commit(struct commit *c, const struct ref *ref, struct imgc_err *reterr)
{
    struct layer_info layer;
    struct digest id;
    char hex[DIGEST_HEX_MAX];

    int r = load_config(c, reterr); /* first: a bad -c is told before the work */
    r = r < 0 ? r : hold(c, reterr);
    r = r < 0 ? r : make_layer(c, &layer, reterr);
    let_go(c);
    r = r < 0 ? r : extend_config(c, &layer.diff_id, reterr);
    if (r < 0) {
        return r;
    }
    const struct image_make_args args = {
        .app = c->app, .lease = c->lease, .config = &c->config, .before = c->before_text, .ref = ref
    };
    r = image_make(&args, &id, reterr);
    r = r < 0 ? r : write_id_file(c->options->iidfile, digest_hex(&id, hex), reterr);
    if (r == 0) {
        output_print(&c->app->out, "%s\n", digest_hex(&id, hex));
        chores_note(c->app);
    }
    return r;
}

static int parse_name(const char *word, struct ref *ret, struct imgc_err *reterr)
{
    int r = ref_parse(imgc_str_of(word), ret, reterr);

    if (r >= 0 && digest_is_set(&ret->digest)) {
        r = imgc_fail(reterr, IMGC_E_REFERENCE, "'%s': a digest cannot be given to an image", word);
    }
    return r < 0 ? r : ref_default_tag(ret, reterr);
}

static int commit_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    imgc_auto(commit_done) struct commit c = { .app = app,
                                               .options = options,
                                               .spec = SPEC_INIT,
                                               .guard = FREEZE_GUARD_INIT,
                                               .before = IMGC_BUF_INIT(LIMIT_CONFIG_BYTES) };
    ref_auto struct ref ref = REF_INIT;
    struct store *store;
    bool has_name = args.n > 1;

    int r = has_name ? parse_name(args.v[1], &ref, reterr) : 0;
    r = r < 0 ? r : app_store(app, &store, reterr);
    r = r < 0 ? r : sweep_dead(app, NULL, reterr);
    r = r < 0 ? r : lease_begin(store, &c.lease, reterr);
    r = r < 0 ? r : find_container(&c, args.v[0], reterr);
    r = r < 0 ? r : commit(&c, has_name ? &ref : NULL, reterr);
    return r < 0 ? imgc_context(reterr, "commit %s", args.v[0]) : 0;
}

const struct command cmd_commit = {
    .name = "commit",
    .args = "CONTAINER [NAME[:TAG]]",
    .summary = "make an image of a container: its image with what it has changed",
    .help =
        "One more layer on top of those of its image: what was added, changed and deleted. What\n"
        "volumes and other mounts hold is not in it. Environment, entrypoint, command, directory,\n"
        "user, labels and ports are those of the container; -c changes them. A container that\n"
        "runs is paused until its files are read.\n"
        "\n"
        "  imgc commit box debian:mine\n"
        "  imgc commit -c 'CMD [\"/srv\"]' -a me -m 'with srv' box srv:1\n",
    .options = commit_options,
    .options_size = sizeof(struct commit_options),
    .min_args = 1,
    .max_args = 2,
    .ids = IDS_WANTED,
    .run = commit_run,
};
