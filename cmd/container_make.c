/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/container_make.h"

#include <errno.h>
#include <limits.h>

#include "cmd/acquire.h"
#include "cmd/container_end.h"
#include "cmd/kept_spec.h"
#include "cmd/sweep.h"
#include "cmd/volumes.h"
#include "schema/limits.h"
#include "store/blob.h"

void container_make_done(struct container_made *m)
{
    container_done(&m->container);
    spec_done(&m->spec);
    rootfs_done(&m->rootfs);
}

/* What is needed while it is made. */
struct making {
    struct app *app;
    const struct run_options *options;
    struct run_request request;
    struct image image;
    struct image_config config;
    struct run_lifecycle lifecycle;
    struct run_userns userns;
    struct container_made made;
};

static void making_done(struct making *m)
{
    container_make_done(&m->made);
    run_lifecycle_done(&m->lifecycle);
    config_done(&m->config);
    image_done(&m->image);
    run_options_done_request(&m->request);
}

/* It may run all the same, where binfmt_misc has an emulator; else the kernel's refusal says
 * little. */
static void warn_of_platform(const struct making *m, const char *name)
{
    struct platform host;
    char have[PLATFORM_TEXT_MAX], want[PLATFORM_TEXT_MAX];

    platform_host(&host);
    if (m->options->platform || platform_match(&host, &m->image.platform) > 0) {
        return;
    }
    output_warn(&m->app->out, "%s is an image for %s, and this host is %s", name,
                platform_text(&m->image.platform, have), platform_text(&host, want));
}

static int prepare_root(struct app *app, const struct image *image, struct lease *lease,
                        struct rootfs *ret, struct imgc_err *reterr)
{
    struct rootfs_report report = { .fallback = "" };
    const struct rootfs_args args = { .store = app->store,
                                      .lease = lease,
                                      .diff_ids = image->diff_ids,
                                      .n_diff_ids = image->n_diff_ids,
                                      .form = app->settings.form };

    int r = rootfs_prepare(&args, ret, &report, reterr);
    if (r == 0) {
        acquire_tell_skipped(app, &report.written);
        acquire_tell_form(app, &report);
    }
    return r;
}

static int load_config(struct making *m, const char *name, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf bytes = IMGC_BUF_INIT(LIMIT_CONFIG_BYTES);
    struct imgc_str text;

    int r = blob_get(m->app->store, &m->image.id, &bytes, reterr);
    if (r == BLOB_MISSING) {
        return imgc_fail(reterr, IMGC_E_STORE, "%s has no config; remove it and pull again", name);
    }
    r = r < 0 ? r : imgc_buf_finish(&bytes, &text, reterr);
    r = r < 0 ? r : config_parse(text, &m->config, reterr);
    return r < 0 ? imgc_context(reterr, "%s", name) : 0;
}

/* The image's config and its root file system. */
static int load_image(struct making *m, const char *name, struct imgc_err *reterr)
{
    const struct run_options *o = m->options;
    lease_auto struct lease *lease = NULL;
    struct acquire_args acquire = { .name = name,
                                    .policy = ACQUIRE_MISSING,
                                    .platform = o->platform,
                                    .registry = &o->registry,
                                    .quiet = o->quiet };
    struct retry_policy retry;

    int r = retry_options_parse(&o->retry, &retry, reterr);
    acquire.retry = r == 0 ? &retry : NULL;
    r = r < 0 ? r : progress_parse(o->progress, &acquire.progress, reterr);
    r = r == 0 && o->pull ? acquire_parse_policy(o->pull, &acquire.policy, reterr) : r;
    if (o->isolation.dry_run) {
        acquire.policy = ACQUIRE_NEVER;
    }
    r = r < 0 ? r : acquire_image(m->app, &lease, &acquire, &m->image, reterr);
    r = r < 0 ? r : load_config(m, name, reterr);
    if (r < 0) {
        return r;
    }
    warn_of_platform(m, name);
    char hex[DIGEST_HEX_MAX];
    output_debug(&m->app->out, "%s is image %s, %zu layers", name, digest_hex(&m->image.id, hex),
                 m->image.n_diff_ids);
    return o->isolation.dry_run ? 0
                                : prepare_root(m->app, &m->image, lease, &m->made.rootfs, reterr);
}

static int join_command(char *const *argv, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_ENV_BYTES);

    for (size_t i = 0; argv[i]; i++) {
        imgc_buf_puts(&b, i > 0 ? " " : "");
        imgc_buf_puts(&b, argv[i]);
    }
    return imgc_buf_take(&b, ret, reterr);
}

static int make_spec(struct making *m, struct imgc_err *reterr)
{
    const struct run_options *o = m->options;
    struct spec *s = &m->made.spec;

    int r = container_make_id(m->made.container.id, reterr);
    r = r < 0 ? r
              : spec_from_config(m->made.container.id, o->rootfs ? NULL : &m->config,
                                 &m->request.spec, s, reterr);
    r = r < 0 ? r : run_mounts_complete(m->app->store, &m->request.mounts, s, reterr);
    if (r == 0 && m->lifecycle.stop_signal) {
        s->stop_signal = m->lifecycle.stop_signal;
    }
    if (r == 0 && o->rootfs) {
        s->root_dir = realpath(o->rootfs, NULL);
        if (!s->root_dir) {
            return imgc_fail_sys(reterr, errno, "--rootfs '%s'", o->rootfs);
        }
    }
    return r;
}

static int fill_row(struct making *m, const char *image_name, bool is_unowned,
                    struct imgc_err *reterr)
{
    struct container *c = &m->made.container;
    const struct run_options *o = m->options;
    const char *name = o->lifecycle.name;

    c->image_id = m->image.id;
    c->auto_remove = o->lifecycle.remove;
    c->is_unowned = is_unowned;
    c->stop_signal = m->made.spec.stop_signal;
    c->stop_timeout_s = m->lifecycle.stop_timeout_s;
    c->labels = imgc_take(m->lifecycle.labels);
    int r = imgc_str_dup(imgc_str_of(name ? name : ""), &c->name, reterr);
    r = r < 0 ? r : imgc_str_dup(imgc_str_of(image_name), &c->image_name, reterr);
    r = r < 0 ? r : join_command(m->made.spec.argv, &c->command, reterr);
    return r < 0 ? r
                 : run_options_json(o, &m->request, &m->made.spec.net_want, &c->spec_json, reterr);
}

/* The row leads to it. Its imgc ends now, or has ended. */
static bool has_stuck_cgroup(struct app *app, const char *id)
{
    container_auto struct container c = { .name = NULL };
    struct imgc_err ignored;

    return container_find(app->store, imgc_str_of(id), &c, &ignored) == 0 && c.cgroup &&
           sweep_cgroup(&c, false, &ignored) < 0;
}

void container_make_undo(struct app *app, const struct container_made *made)
{
    bool stays = has_stuck_cgroup(app, made->container.id);
    struct imgc_err ignored;

    if (stays || volumes_has(&made->spec)) { /* as of --rm: whoever sweeps removes it */
        (void)!volumes_follow(app, made->container.id, &ignored);
    }
    if (stays) {
        return;
    }
    (void)!container_remove(app->store, made->container.id, &ignored);
    volumes_released(app, &made->spec);
}

/* Row and directory, and what is written beside them. Whatever fails takes all of it back. */
static int write_down(struct making *m, struct imgc_err *reterr)
{
    const struct run_lifecycle_options *o = &m->options->lifecycle;
    struct container *c = &m->made.container;
    struct imgc_err ignored;

    int r = o->replace ? container_end_replaced(m->app, o->name, reterr) : 0;
    r = r < 0 ? r : container_create(m->app->store, c, reterr);
    if (r == -(int)IMGC_E_EXISTS) { /* what has the name may be a container that a crash left */
        r = sweep_dead(m->app, NULL, &ignored) < 0 ? r : container_create(m->app->store, c, reterr);
    }
    if (r < 0) {
        return r;
    }
    r = run_userns_complete(m->app->store, &m->userns, c->id, &m->made.spec.isolation, reterr);
    if (r == 0 && (!o->remove || c->is_unowned)) { /* else the process that runs it has it all */
        /* what is started next is written again then */
        r = kept_spec_save(m->app->store, c->id, &m->made.spec, c->is_unowned, reterr);
    }
    if (r == 0 && c->is_unowned) { /* until it is started nobody removes them */
        r = volumes_use(m->app, c, &m->made.spec, reterr);
    }
    r = r < 0 ? r : run_lifecycle_write_id(o, c->id, reterr);
    if (r < 0) {
        container_make_undo(m->app, &m->made);
    }
    return r;
}

/* While the index is read. */
static void begin_ahead(const struct making *m, struct ahead *ahead)
{
    if (ahead) {
        ahead_begin(ahead, m->request.spec.network != SPEC_NETWORK_HOST &&
                               m->request.isolation.net.mode == ISOLATION_PRIVATE &&
                               !isolation_has_users(&m->request.isolation));
    }
}

static int parse_users(struct making *m, struct imgc_err *reterr)
{
    struct run_request *request = &m->request;

    int r = run_userns_parse(&m->options->userns, m->app, &m->userns, &request->isolation, reterr);
    if (r == 0 && m->userns.user[0] && !request->spec.user) {
        request->spec.user = m->userns.user;
    }
    return r < 0 ? r : run_mounts_check_users(&request->mounts, &request->isolation, reterr);
}

static int make(struct making *m, const struct container_make_args *args, struct imgc_err *reterr)
{
    const struct run_options *o = m->options;
    const char *image_name = o->rootfs ? o->rootfs : args->words.v[0];
    struct store *store;

    int r = run_options_request(o, args->words.v + (o->rootfs ? 0 : 1), &m->request, reterr);
    r = r < 0 ? r : run_lifecycle_check(&o->lifecycle, reterr);
    r = r < 0 ? r : parse_users(m, reterr);
    if (r < 0) {
        return r;
    }
    begin_ahead(m, args->ahead);
    r = app_store(m->app, &store, reterr);
    r = r < 0 || o->rootfs ? r : load_image(m, image_name, reterr);
    r = r < 0 ? r
              : run_lifecycle_parse(&o->lifecycle, o->rootfs ? NULL : &m->config, &m->lifecycle,
                                    reterr);
    r = r < 0 ? r : make_spec(m, reterr);
    if (r < 0 || o->isolation.dry_run) {
        return r;
    }
    r = fill_row(m, image_name, args->is_unowned, reterr);
    return r < 0 ? r : write_down(m, reterr);
}

int container_make(struct app *app, const struct container_make_args *args,
                   struct container_made *ret, struct imgc_err *reterr)
{
    struct making m = { .app = app, .options = args->options };

    if (args->words.n == 0 && !args->options->rootfs) {
        return imgc_fail(reterr, IMGC_E_USAGE, "an IMAGE is needed, or --rootfs DIR");
    }
    int r = make(&m, args, reterr);
    if (r == 0) {
        *ret = m.made;
        m.made = (struct container_made){ .spec = SPEC_INIT };
    }
    making_done(&m);
    return r;
}

static int read_spec(struct app *app, const struct container *c, struct spec *ret,
                     struct imgc_err *reterr)
{
    int r = kept_spec_load(app->store, c->id, ret, reterr);
    if (r == -(int)IMGC_E_NOTFOUND) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND,
                         "container %s was not made completely: remove it and make it again",
                         c->name);
    }
    if (r == 0 && (!ret->id || strcmp(ret->id, c->id) != 0)) {
        spec_done(ret);
        return imgc_fail(reterr, IMGC_E_STORE, "the spec of container %s is another one's",
                         c->name);
    }
    return r;
}

/* The layers' form is chosen anew: views are a cache, and another one may be there now. */
static int find_root(struct app *app, const struct container *c, struct rootfs *ret,
                     struct imgc_err *reterr)
{
    lease_auto struct lease *lease = NULL;
    image_auto struct image image = { .tags = NULL };
    char hex[DIGEST_HEX_MAX];

    if (!digest_is_set(&c->image_id)) {
        return 0;
    }
    int r = image_find_stack(app->store, imgc_str_of(digest_hex(&c->image_id, hex)), NULL, &image,
                             reterr);
    if (r == IMAGE_MISSING) {
        return imgc_fail(reterr, IMGC_E_STORE, "the image of container %s is gone", c->name);
    }
    return r < 0 ? r : prepare_root(app, &image, lease, ret, reterr);
}

int container_make_again(struct app *app, struct container *take_container,
                         struct container_made *ret, struct imgc_err *reterr)
{
    container_make_auto struct container_made made = { .container = *take_container,
                                                       .spec = SPEC_INIT };

    *take_container = (struct container){ .created_ns = 0 };
    int r = read_spec(app, &made.container, &made.spec, reterr);
    r = r < 0 ? r : find_root(app, &made.container, &made.rootfs, reterr);
    if (r < 0) {
        return r;
    }
    *ret = made;
    memset(&made, 0, sizeof made); /* taken */
    return 0;
}
