/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/remote_image.h"

#include "cmd/listing.h"
#include "schema/json.h"

/* Names of objects with keys that the image chooses (template.h "maps"). */
static const char *const maps[] = { "Labels", NULL };

struct looked_at {
    struct platform platform;
    char *name; /* "domain/path" */
    struct resolved resolved;
    struct document config;
};

static void looked_at_done(struct looked_at *l)
{
    free(l->name);
    resolve_done(&l->resolved);
    document_done(&l->config);
}

static int ask(const struct remote_place *place, void *arg, struct imgc_err *reterr)
{
    struct looked_at *l = arg;
    const struct document_source from = { .registry = place->registry };
    const struct descriptor *d = &l->resolved.manifest.config;
    char *name;

    resolve_done(&l->resolved); /* of another place that failed */
    l->resolved = (struct resolved)RESOLVED_INIT;
    int r = ref_repository(place->name, false, &name, reterr);
    if (r < 0) {
        return r;
    }
    free(l->name);
    l->name = name;
    r = resolve_image(&from, place->there, &l->platform, &l->resolved, reterr);
    return r < 0 ? r : document_by_digest(&from, &d->digest, d->size, false, &l->config, reterr);
}

static int look(struct app *app, const struct remote_image_args *args, struct looked_at *ret,
                struct imgc_err *reterr)
{
    const struct remote_options *o = args->options;
    const struct remote_args remote = { .name = args->name, .registry = &o->registry };

    platform_host(&ret->platform);
    if (o->platform) {
        int r = platform_parse(imgc_str_of(o->platform), &ret->platform, reterr);
        if (r < 0) {
            return r;
        }
    }
    return remote_each(app, &remote, ask, ret, reterr);
}

/* "Layers" and "LayersData". */
static int put_layers(json_t *doc, const struct manifest *m, struct imgc_err *reterr)
{
    json_auto_free json_t *names = json_array();
    json_auto_free json_t *data = json_array();
    char digest[DIGEST_TEXT_MAX];

    for (size_t i = 0; i < m->n_layers; i++) {
        const struct descriptor *d = &m->layers[i];
        json_t *item = json_pack("{s:s, s:s, s:I}", "MIMEType", d->media_type, "Digest",
                                 digest_text(&d->digest, digest), "Size", (json_int_t)d->size);
        if (json_array_append_new(data, item) < 0 ||
            json_array_append_new(names, json_string(digest)) < 0) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    int r = json_put(doc, "Layers", json_incref(names), reterr);
    return r < 0 ? r : json_put(doc, "LayersData", json_incref(data), reterr);
}

/* What the config has as @key, or null. */
static int put_same(json_t *doc, const char *name, const json_t *config, const char *key,
                    struct imgc_err *reterr)
{
    json_t *value = json_object_get(config, key);

    return json_put(doc, name, value ? json_incref(value) : json_null(), reterr);
}

static int describe(const struct looked_at *l, const json_t *config, json_t **ret,
                    struct imgc_err *reterr)
{
    static const struct {
        const char *name, *key;
        bool is_inner; /* of "config" in the config */
    } fields[] = {
        { "Created", "created", false }, { "DockerVersion", "docker_version", false },
        { "Labels", "Labels", true },    { "Architecture", "architecture", false },
        { "Variant", "variant", false }, { "Os", "os", false },
        { "Env", "Env", true },
    };
    json_auto_free json_t *doc = json_object();
    const json_t *inner = NULL;
    char digest[DIGEST_TEXT_MAX];

    int r = json_get_object(config, "config", &inner, reterr);
    r = r < 0 ? r : json_put_string(doc, "Name", l->name, reterr);
    r = r < 0 ? r : json_put_string(doc, "Digest", digest_text(&l->resolved.top, digest), reterr);
    for (size_t i = 0; r == 0 && i < sizeof fields / sizeof *fields; i++) {
        r = put_same(doc, fields[i].name, fields[i].is_inner ? inner : config, fields[i].key,
                     reterr);
    }
    r = r < 0 ? r : put_layers(doc, &l->resolved.manifest, reterr);
    if (r < 0) {
        return r;
    }
    *ret = imgc_take(doc);
    return 0;
}

static int print_document(struct app *app, const char *format, json_t *doc, struct imgc_err *reterr)
{
    return format ? listing_document(app, format, doc, maps, reterr)
                  : listing_json(app, doc, reterr);
}

static int print_image(struct app *app, const struct remote_image_args *args,
                       const struct looked_at *l, struct imgc_err *reterr)
{
    json_auto_free json_t *config = NULL;
    json_auto_free json_t *doc = NULL;

    if (args->raw) {
        remote_print_raw(app, &l->config);
        return 0;
    }
    int r = json_parse(document_text(&l->config), "config", &config, reterr);
    if (r == 0 && !args->config) {
        r = describe(l, config, &doc, reterr);
    }
    return r < 0 ? r : print_document(app, args->format, doc ? doc : config, reterr);
}

static int print_manifest(struct app *app, const struct remote_image_args *args,
                          struct imgc_err *reterr)
{
    document_auto struct document doc = DOCUMENT_INIT(LIMIT_MANIFEST_BYTES);

    int r = remote_manifest(app, args->name, args->options, &doc, reterr);
    if (r == 0) {
        remote_print_raw(app, &doc);
    }
    return r;
}

int remote_image_print(struct app *app, const struct remote_image_args *args,
                       struct imgc_err *reterr)
{
    imgc_auto(looked_at_done) struct looked_at l = { .name = NULL,
                                                     .resolved = RESOLVED_INIT,
                                                     .config = DOCUMENT_INIT(LIMIT_CONFIG_BYTES) };

    if (args->raw && !args->config) {
        return print_manifest(app, args, reterr);
    }
    int r = look(app, args, &l, reterr);
    return r < 0 ? r : print_image(app, args, &l, reterr);
}
