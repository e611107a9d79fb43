/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/remote.h"

#include <stdio.h>

#include "cmd/program.h"
#include "cmd/registry_conf.h"
#include "schema/json.h"

#define MIRROR_PATIENCE_S 15 /* as in a pull */

/* What lives as long as the question. */
struct session {
    struct app *app;
    const struct remote_args *args;
    struct registry_access access;
    struct http *http;
    int (*ask)(const struct remote_place *place, void *arg, struct imgc_err *reterr);
    void *arg;
};

static void session_done(struct session *s)
{
    s->http = http_free(s->http);
    registry_access_done(&s->access);
}

static void strings_freep(char ***strings)
{
    *strings = json_strings_free(*strings);
}

static bool on_interrupted(void *arg)
{
    (void)arg;
    return app_interrupted();
}

static void on_tick(void *arg)
{
    const struct remote_args *args = ((const struct session *)arg)->args;

    if (args->tick) {
        args->tick(args->tick_arg);
    }
}

static int begin(struct session *s, const char *user_agent, struct imgc_err *reterr)
{
    int r = registry_access_init(s->args->registry, &s->access, reterr);
    if (r < 0) {
        return r;
    }
    const struct http_args http_args = { .user_agent = user_agent,
                                         .proxies = &s->access.proxies,
                                         .ca_file = s->access.ca_file,
                                         .ca_dir = s->access.ca_dir,
                                         .stall_s = s->app->settings.stall_s,
                                         .interrupted = on_interrupted,
                                         .tick = on_tick,
                                         .arg = s };
    return http_new(&http_args, &s->http, reterr);
}

static int ask_place(const struct session *s, const struct ref *name,
                     const struct registries_conf_source *source, struct imgc_err *reterr)
{
    registry_auto struct registry *registry = NULL;
    struct credentials_source credentials = s->access.credentials;
    struct trust_places trust = s->access.trust;

    if (source->is_mirror) { /* these are for the registry that the user has named */
        credentials.given = NULL;
        trust.alone = NULL;
    }
    const struct registry_args args = {
        .ref = &source->ref,
        .tls_verify = !s->args->registry->skip_tls_verify && !source->insecure,
        .credentials = &credentials,
        .trust = &trust,
        .proxy = source->proxy,
        .is_mirror = source->is_mirror,
        .patience_s = source->is_mirror ? MIRROR_PATIENCE_S : 0,
        .is_push = s->args->is_push,
        .read_too = s->args->read_too,
        .retry = s->args->retry,
    };
    int r = registry_new(s->http, &args, &registry, reterr);
    if (r < 0) {
        return r;
    }
    const struct remote_place place = { .name = name, .there = &source->ref, .registry = registry };
    return s->ask(&place, s->arg, reterr);
}

/* One of the names that the user may mean: its mirrors, and its registry. */
static int ask_name(const struct session *s, const struct registries_conf *conf, const char *name,
                    struct imgc_err *reterr)
{
    ref_auto struct ref ref = REF_INIT;
    registries_conf_sources_auto struct registries_conf_sources places = { .n = 0 };

    int r = ref_parse(imgc_str_of(name), &ref, reterr);
    if (r == 0 && s->args->repository && (ref.tag || digest_is_set(&ref.digest))) {
        return imgc_fail(reterr, IMGC_E_REFERENCE, "'%s' names an image, not a repository", name);
    }
    r = r < 0 ? r : ref_default_tag(&ref, reterr);
    r = r < 0 ? r : registries_conf_sources(conf, &ref, &places, reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = s->args->repository || s->args->is_push ? places.n - 1 : 0;; i++) {
        const struct registries_conf_source *source = &places.items[i];
        r = ask_place(s, &ref, source, reterr);
        if (r >= 0 || i + 1 == places.n || reterr->code == IMGC_E_INTERRUPTED) {
            return r;
        }
        output_info(&s->app->out, "mirror %s does not answer, going on without: %s",
                    source->ref.domain, reterr->msg);
    }
}

/* Whether the next registry may have it instead. */
static bool is_elsewhere(const struct imgc_err *err)
{
    return err->code == IMGC_E_NOIMAGE || err->code == IMGC_E_NOTFOUND || err->code == IMGC_E_AUTH;
}

int remote_each(struct app *app, const struct remote_args *args,
                int (*ask)(const struct remote_place *place, void *arg, struct imgc_err *reterr),
                void *arg, struct imgc_err *reterr)
{
    registry_conf_auto struct registry_conf c = { .files = NULL };
    imgc_auto(strings_freep) char **names = NULL;
    imgc_auto(session_done) struct session s = { .app = app, .args = args, .ask = ask, .arg = arg };
    char user_agent[64];

    (void)snprintf(user_agent, sizeof user_agent, "imgc/%s", program_version());
    int r = registry_conf_load(&c, reterr);
    r = r < 0 ? r : registries_conf_names(&c.conf, imgc_str_of(args->name), &names, reterr);
    r = r < 0 ? r : begin(&s, user_agent, reterr);
    if (r < 0) {
        return r;
    }
    for (char **name = names;; name++) {
        r = ask_name(&s, &c.conf, *name, reterr);
        if (r < 0 && names[1]) {
            (void)imgc_context(reterr, "%s", *name);
        }
        if (r >= 0 || !name[1] || !is_elsewhere(reterr)) {
            return r;
        }
        output_info(&app->out, "%s", reterr->msg);
    }
}

struct wanted {
    const struct platform *platform;
    struct document *document;
};

static int get_document(const struct remote_place *place, void *arg, struct imgc_err *reterr)
{
    const struct wanted *w = arg;
    const struct document_source from = { .registry = place->registry };
    resolve_auto struct resolved resolved = RESOLVED_INIT;

    return resolve_document(&from, place->there, w->platform, w->document, &resolved, reterr);
}

int remote_manifest(struct app *app, const char *name, const struct remote_options *o,
                    struct document *ret, struct imgc_err *reterr)
{
    const struct remote_args args = { .name = name, .registry = &o->registry };
    struct platform platform;
    struct wanted wanted = { .document = ret };

    if (o->platform) {
        int r = platform_parse(imgc_str_of(o->platform), &platform, reterr);
        if (r < 0) {
            return r;
        }
        wanted.platform = &platform;
    }
    return remote_each(app, &args, get_document, &wanted, reterr);
}

/* What a terminal shows, and does nothing else for. */
static bool is_plain(unsigned char c)
{
    return c == '\n' || c == '\t' || (c >= ' ' && c <= '~');
}

void remote_print_raw(struct app *app, const struct document *d)
{
    struct imgc_str text = document_text(d);

    if (!app->out.out_is_tty) {
        (void)output_bytes(&app->out, text.ptr, text.len);
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        output_print(&app->out, is_plain(c) ? "%c" : "\\x%02x", c);
    }
    output_print(&app->out, "\n");
}
