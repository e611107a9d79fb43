/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/acquire.h"

#include <string.h>

#include "cmd/chores.h"
#include "cmd/lookup.h"
#include "cmd/program.h"
#include "cmd/progress.h"
#include "cmd/registry_conf.h"
#include "fetch/pull.h"

#define ATTEMPTS 3 /* at having an image that others remove */

int acquire_parse_policy(const char *text, enum acquire_policy *ret, struct imgc_err *reterr)
{
    static const char *const names[] = {
        [ACQUIRE_MISSING] = "missing", [ACQUIRE_ALWAYS] = "always", [ACQUIRE_NEVER] = "never"
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum acquire_policy)i;
            return 0;
        }
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "--pull takes missing, always or never, not '%s'", text);
}

/* What the events are told to. */
struct telling {
    struct app *app;
    struct progress progress;
};

static void on_resolved(void *arg, const struct digest *top)
{
    progress_resolved(&((struct telling *)arg)->progress, top);
}

static void on_platform(void *arg, const struct platform *platform)
{
    progress_platform(&((struct telling *)arg)->progress, platform);
}

static void on_layer(void *arg, const struct pull_layer *layer)
{
    progress_layer(&((struct telling *)arg)->progress, layer);
}

static void on_tick(void *arg)
{
    progress_draw(&((struct telling *)arg)->progress);
}

/* That a mirror has not all images is how mirrors are. */
static void on_mirror_failed(void *arg, const struct pull_source *mirror,
                             const struct imgc_err *err)
{
    struct telling *t = arg;

    progress_flush(&t->progress);
    progress_done(&t->progress); /* the next place may have another image */
    if (err->code == IMGC_E_NOIMAGE || err->code == IMGC_E_NOTFOUND) {
        output_info(&t->app->out, "mirror %s has no such image", mirror->ref->domain);
    } else {
        output_warn(&t->app->out, "mirror %s does not serve, going on without: %s",
                    mirror->ref->domain, err->msg);
    }
}

static bool on_interrupted(void *arg)
{
    (void)arg;
    return app_interrupted();
}

static int parse_ref(const char *name, struct ref *ret, struct imgc_err *reterr)
{
    int r = ref_parse(imgc_str_of(name), ret, reterr);
    if (r < 0) {
        return r;
    }
    return ref_default_tag(ret, reterr);
}

static int parse_platform(const struct acquire_args *args, struct platform *ret,
                          struct imgc_err *reterr)
{
    if (!args->platform) {
        platform_host(ret);
        return 0;
    }
    return platform_parse(imgc_str_of(args->platform), ret, reterr);
}

void acquire_tell_skipped(struct app *app, const struct dir_sink_report *report)
{
    if (report->owners_skipped && app->ids.kind == USERNS_SINGLE) {
        output_warn(&app->out,
                    "%llu files of the image have other owners than root, and belong to root in "
                    "its containers: %s",
                    (unsigned long long)report->owners_skipped, app->ids.why_single);
        return;
    }
    if (report->owners_skipped && app->ids.kind == USERNS_RANGES) {
        output_warn(&app->out,
                    "%llu files of the image have owners beyond the %llu users and %llu groups "
                    "that there are, and belong to root in its containers: larger ranges in "
                    "/etc/subuid and /etc/subgid are needed",
                    (unsigned long long)report->owners_skipped, (unsigned long long)app->ids.n_uids,
                    (unsigned long long)app->ids.n_gids);
        return;
    }
    if (report->devices_skipped || report->owners_skipped || report->xattrs_skipped) {
        output_info(&app->out,
                    "without privilege: %llu device nodes, %llu owners and %llu xattrs were left "
                    "out of the unpacked form%s%s",
                    (unsigned long long)report->devices_skipped,
                    (unsigned long long)report->owners_skipped,
                    (unsigned long long)report->xattrs_skipped, app->ids.why_single[0] ? "; " : "",
                    app->ids.why_single);
    }
}

void acquire_tell_form(struct app *app, const struct rootfs_report *report)
{
    if (report->fallback[0] != '\0') {
        output_info(&app->out, "EROFS cannot hold this image, its layers are unpacked: %s",
                    report->fallback);
    }
}

static void tell_pull(struct app *app, const struct ref *ref, const struct platform *platform)
{
    imgc_autofree char *full = NULL;
    char wanted[PLATFORM_TEXT_MAX];
    struct imgc_err ignored;

    if (ref_text(ref, &full, &ignored) == 0) {
        output_debug(&app->out, "pull %s for %s", full, platform_text(platform, wanted));
    }
}

/* Everything that one image's pull needs, borrowed by pull_args. */
struct fetching {
    const struct registries_conf *conf; /* borrowed */
    struct ref ref;
    struct platform platform;
    struct registry_access access;
    struct registries_conf_sources places;
    struct pull_source *sources;
};

static void fetching_done(struct fetching *f)
{
    ref_done(&f->ref);
    registry_access_done(&f->access);
    registries_conf_sources_done(&f->places);
    free(f->sources);
}

/* Where the image may come from. */
static int find_places(const struct acquire_args *args, struct fetching *f, struct imgc_err *reterr)
{
    int r = registries_conf_sources(f->conf, &f->ref, &f->places, reterr);
    if (r < 0) {
        return r;
    }
    /* What podman calls an image that was made here. */
    if (strcmp(f->places.items[f->places.n - 1].ref.domain, "localhost") == 0) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND,
                         "localhost/%s is a name for an image of this host, and there is none; a "
                         "registry of this host is named with its port",
                         f->ref.path);
    }
    f->sources = calloc(f->places.n, sizeof *f->sources);
    if (!f->sources) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < f->places.n; i++) {
        const struct registries_conf_source *place = &f->places.items[i];
        f->sources[i] = (struct pull_source){
            .ref = &place->ref,
            .tls_verify = !args->registry->skip_tls_verify && !place->insecure,
            .is_mirror = place->is_mirror,
            .proxy = place->proxy,
        };
    }
    return 0;
}

/* One of the names that the user may mean. */
static int fetch(struct app *app, struct lease *lease, const struct acquire_args *args,
                 const struct fetching *f, struct pull_result *ret, struct imgc_err *reterr)
{
    struct telling telling = { .app = app };
    char user_agent[64];

    tell_pull(app, &f->ref, &f->platform);
    (void)snprintf(user_agent, sizeof user_agent, "imgc/%s", program_version());
    progress_init(&telling.progress, &app->out, args->quiet ? PROGRESS_NONE : args->progress);
    const struct pull_events events = { .resolved = on_resolved,
                                        .platform = on_platform,
                                        .layer = on_layer,
                                        .tick = on_tick,
                                        .mirror_failed = on_mirror_failed,
                                        .interrupted = on_interrupted,
                                        .arg = &telling };
    const struct pull_args pull = { .ref = &f->ref,
                                    .sources = f->sources,
                                    .n_sources = f->places.n,
                                    .platform = args->platform ? &f->platform : NULL,
                                    .all_platforms = args->all_platforms,
                                    .credentials = &f->access.credentials,
                                    .trust = &f->access.trust,
                                    .proxies = &f->access.proxies,
                                    .ca_file = f->access.ca_file,
                                    .ca_dir = f->access.ca_dir,
                                    .form = app->settings.form,
                                    .parallel = args->parallel,
                                    .retry = args->retry,
                                    .stall_s = app->settings.stall_s,
                                    .user_agent = user_agent,
                                    .events = &events };
    int r = pull_image(app->store, lease, &pull, ret, reterr);
    progress_flush(&telling.progress);
    progress_done(&telling.progress);
    return r;
}

/* Get ready for it. */
static int fetching_init(struct fetching *f, const struct acquire_args *args, const char *name,
                         struct imgc_err *reterr)
{
    int r = parse_ref(name, &f->ref, reterr);

    r = r < 0 ? r : parse_platform(args, &f->platform, reterr);
    r = r < 0 ? r : registry_access_init(args->registry, &f->access, reterr);
    return r < 0 ? r : find_places(args, f, reterr);
}

static void strings_freep(char ***strings)
{
    *strings = json_strings_free(*strings);
}

/* Whether the next registry may have it instead. */
static bool is_elsewhere(const struct imgc_err *err)
{
    return err->code == IMGC_E_NOIMAGE || err->code == IMGC_E_NOTFOUND || err->code == IMGC_E_AUTH;
}

/* What a short name stands for is in registries.conf. @ret_name  caller frees: which one it was. */
static int fetch_any(struct app *app, struct lease *lease, const struct acquire_args *args,
                     struct pull_result *ret, char **ret_name, struct imgc_err *reterr)
{
    registry_conf_auto struct registry_conf c = { .files = NULL };
    imgc_auto(strings_freep) char **names = NULL;

    int r = registry_conf_load(&c, reterr);
    r = r < 0 ? r : registries_conf_names(&c.conf, imgc_str_of(args->name), &names, reterr);
    if (r < 0) {
        return r;
    }
    for (char **name = names;; name++) {
        imgc_auto(fetching_done) struct fetching f = { .conf = &c.conf };
        r = fetching_init(&f, args, *name, reterr);
        r = r < 0 ? r : fetch(app, lease, args, &f, ret, reterr);
        if (r >= 0) {
            free(*ret_name);
            return imgc_str_dup(imgc_str_of(*name), ret_name, reterr);
        }
        if (names[1]) {
            (void)imgc_context(reterr, "%s", *name);
        }
        if (!name[1] || !is_elsewhere(reterr)) {
            return r;
        }
        output_info(&app->out, "%s", reterr->msg);
    }
}

/* Whether a short name stands for what it stands for everywhere. */
static bool is_hub(const char *name)
{
    return imgc_str_starts(imgc_str_of(name), IMGC_STR("docker.io/"));
}

int acquire_pull(struct app *app, struct lease *lease, const struct acquire_args *args,
                 struct image *ret, struct imgc_err *reterr)
{
    struct store *store;
    int r = app_store(app, &store, reterr);
    if (r < 0) {
        return r;
    }
    struct pull_result result;
    image_auto struct image image = { .tags = NULL };
    imgc_autofree char *name = NULL;
    /* Another process may prune the image at once; what it is made of is kept by the lease. */
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        r = fetch_any(app, lease, args, &result, &name, reterr);
        if (r < 0) {
            return imgc_context(reterr, "pull %s", args->name);
        }
        r = image_find_id(store, &result.id, &image, reterr);
        if (r != IMAGE_MISSING) {
            break;
        }
    }
    if (r != 0) {
        return r < 0 ? r
                     : imgc_fail(reterr, IMGC_E_NOTFOUND, "%s was removed meanwhile", args->name);
    }
    acquire_tell_skipped(app, &result.built.written);
    acquire_tell_form(app, &result.built);
    if (result.is_unmountable) {
        output_info(&app->out,
                    "the store's file system cannot hold unpacked layers: only for unpack");
    }

    struct progress end;
    const struct progress_end what = {
        .name = ref_has_domain(imgc_str_of(args->name)) || is_hub(name) ? args->name : name,
        .id = &result.id,
        .bytes = result.bytes,
        .is_unchanged = result.is_unchanged,
    };
    progress_init(&end, &app->out, args->quiet ? PROGRESS_NONE : args->progress);
    progress_end(&end, &what);
    if (!result.is_unchanged) {
        chores_note(app);
    }
    *ret = image;
    image = (struct image){ .tags = NULL };
    return 0;
}

static int not_found(const char *name, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such image: %s", name);
}

static int other_platform(const struct acquire_args *args, const struct image *image,
                          struct imgc_err *reterr)
{
    char have[PLATFORM_TEXT_MAX];

    return imgc_fail(reterr, IMGC_E_PLATFORM, "%s is here for %s, not for %s, and --pull is never",
                     args->name, platform_text(&image->platform, have), args->platform);
}

static int begin_and_pull(struct app *app, struct lease **lease, const struct acquire_args *args,
                          struct image *ret, struct imgc_err *reterr)
{
    int r = lease_begin(app->store, lease, reterr);
    return r < 0 ? r : acquire_pull(app, *lease, args, ret, reterr);
}

int acquire_image(struct app *app, struct lease **ret_lease, const struct acquire_args *args,
                  struct image *ret, struct imgc_err *reterr)
{
    struct store *store;
    int r = app_store(app, &store, reterr);
    if (r < 0) {
        return r;
    }
    if (args->policy == ACQUIRE_ALWAYS) {
        return begin_and_pull(app, ret_lease, args, ret, reterr);
    }

    image_auto struct image image = { .tags = NULL };
    struct platform want;
    r = parse_platform(args, &want, reterr);
    r = r < 0 ? r : lookup_find_stack(store, args->name, &want, &image, reterr);
    if (r < 0) {
        return r;
    }
    /* What is here serves, unless --platform asks for what it is not. */
    if (r == 0 && (!args->platform || platform_match(&want, &image.platform) > 0)) {
        *ret = image;
        image = (struct image){ .tags = NULL };
        return 0;
    }
    if (args->policy == ACQUIRE_NEVER) {
        return r == IMAGE_MISSING ? not_found(args->name, reterr)
                                  : other_platform(args, &image, reterr);
    }
    return begin_and_pull(app, ret_lease, args, ret, reterr);
}

int acquire_local(struct app *app, const char *name, struct image *ret, struct imgc_err *reterr)
{
    struct store *store;
    int r = app_store(app, &store, reterr);
    if (r < 0) {
        return r;
    }
    r = lookup_find(store, name, ret, reterr);
    return r == IMAGE_MISSING ? not_found(name, reterr) : r;
}
