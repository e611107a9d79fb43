/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/acquire.h"

#include <string.h>

#include "cmd/chores.h"
#include "cmd/program.h"
#include "cmd/progress.h"
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

static void on_layer(void *arg, const struct pull_layer *layer)
{
    progress_layer(arg, layer);
}

static void on_tick(void *arg)
{
    progress_draw(arg);
}

static bool on_interrupted(void *arg)
{
    (void)arg;
    return app_interrupted();
}

static int parse_ref(const struct acquire_args *args, struct ref *ret, struct imgc_err *reterr)
{
    int r = ref_parse(imgc_str_of(args->name), ret, reterr);
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

static int fetch(struct app *app, struct lease *lease, const struct acquire_args *args,
                 struct pull_result *ret, struct imgc_err *reterr)
{
    ref_auto struct ref ref = REF_INIT;
    registry_access_auto struct registry_access access = { .ca_file = NULL };
    struct platform platform;
    int r = parse_ref(args, &ref, reterr);
    if (r < 0) {
        return r;
    }
    r = parse_platform(args, &platform, reterr);
    r = r < 0 ? r : registry_access_init(args->registry, &access, reterr);
    if (r < 0) {
        return r;
    }

    tell_pull(app, &ref, &platform);

    struct progress progress;
    char user_agent[64];
    (void)snprintf(user_agent, sizeof user_agent, "imgc/%s", program_version());
    progress_init(&progress, &app->out, args->quiet);
    const struct pull_events events = {
        .layer = on_layer, .tick = on_tick, .interrupted = on_interrupted, .arg = &progress
    };
    const struct pull_args pull = { .ref = &ref,
                                    .platform = args->platform ? &platform : NULL,
                                    .tls_verify = !args->registry->skip_tls_verify,
                                    .credentials = &access.credentials,
                                    .trust = &access.trust,
                                    .proxies = &access.proxies,
                                    .ca_file = access.ca_file,
                                    .ca_dir = access.ca_dir,
                                    .form = app->settings.form,
                                    .user_agent = user_agent,
                                    .events = &events };
    r = pull_image(app->store, lease, &pull, ret, reterr);
    progress_draw(&progress);
    progress_done(&progress);
    return r;
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
    /* Another process may prune the image at once; what it is made of is kept by the lease. */
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        r = fetch(app, lease, args, &result, reterr);
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

    if (!args->quiet) {
        (void)fprintf(app->out.err, "%s: %s\n", args->name,
                      result.is_unchanged ? "image is up to date" : "pulled");
    }
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

/* Whether the image in the store serves: --platform asks for one that may not be this one. */
static int suits(const struct acquire_args *args, const struct image *image, bool *ret,
                 struct imgc_err *reterr)
{
    struct platform want;

    if (!args->platform) {
        *ret = true;
        return 0;
    }
    int r = parse_platform(args, &want, reterr);
    if (r < 0) {
        return r;
    }
    *ret = platform_match(&want, &image->platform) > 0;
    return 0;
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
    r = image_find_stack(store, imgc_str_of(args->name), &image, reterr);
    if (r < 0) {
        return r;
    }
    bool is_suitable = false;
    if (r == 0) {
        r = suits(args, &image, &is_suitable, reterr);
        if (r < 0) {
            return r;
        }
    }
    if (is_suitable) {
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
    r = image_find(store, imgc_str_of(name), ret, reterr);
    return r == IMAGE_MISSING ? not_found(name, reterr) : r;
}
