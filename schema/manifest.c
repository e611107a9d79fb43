/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/manifest.h"

#include <stdlib.h>

#include "schema/limits.h"

void manifest_done(struct manifest *m)
{
    free(m->layers);
    *m = (struct manifest)MANIFEST_INIT;
}

static bool is_document(enum media_kind kind)
{
    return kind == MEDIA_MANIFEST || kind == MEDIA_INDEX || kind == MEDIA_SCHEMA1;
}

static struct imgc_str bare_type(struct imgc_str type)
{
    return imgc_str_trim(imgc_str_first(type, imgc_str_find(type, ';')));
}

/* The field's say, where both are known types. A server of plain files sends "text/plain" for
 * everything; such a type says nothing, so nothing is contradicted. */
static int check_type(const char *media_type, struct imgc_str content_type, struct imgc_err *reterr)
{
    struct imgc_str type = bare_type(content_type);

    if (!media_type || media_type[0] == '\0' || media_kind(type) == MEDIA_UNKNOWN ||
        imgc_str_eq_nocase(type, imgc_str_of(media_type))) {
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_DOCUMENT,
                     "its mediaType is '%.100s', but it was served as '%.*s'", media_type,
                     (int)(type.len < 100 ? type.len : 100), type.ptr);
}

/* Which members there are, in whatever type; a wrong type is an error of its own later. */
static bool has(const json_t *doc, const char *key)
{
    const json_t *v = json_object_get(doc, key);
    return v && !json_is_null(v);
}

static int kind_of_fields(const json_t *doc, const char *media_type, enum media_kind *ret,
                          struct imgc_err *reterr)
{
    uint64_t version = 0;
    int r = json_get_u64(doc, "schemaVersion", &version, reterr);
    if (r < 0) {
        return r;
    }
    bool manifest = has(doc, "config") || has(doc, "layers"), index = has(doc, "manifests");

    if (version == 1 && !manifest && !index) {
        *ret = MEDIA_SCHEMA1;
    } else if (version == 2 && manifest != index) { /* an image config has a "config" too */
        *ret = manifest ? MEDIA_MANIFEST : MEDIA_INDEX;
    } else if (manifest && index) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "both a manifest and an index");
    } else {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "neither a manifest nor an index (type '%.100s')",
                         media_type ? media_type : "");
    }
    return 0;
}

static int kind_of(const json_t *doc, struct imgc_str content_type, enum media_kind *ret,
                   struct imgc_err *reterr)
{
    const char *media_type;
    int r = json_get_string(doc, "mediaType", &media_type, reterr);
    if (r < 0) {
        return r;
    }
    r = check_type(media_type, content_type, reterr);
    if (r < 0) {
        return r;
    }
    enum media_kind kind = media_kind(content_type);
    if (!is_document(kind)) {
        kind = media_kind(imgc_str_of(media_type));
    }
    if (!is_document(kind)) {
        return kind_of_fields(doc, media_type, ret, reterr);
    }
    *ret = kind;
    return 0;
}

static int parse_document(struct imgc_str text, json_t **ret, struct imgc_err *reterr)
{
    if (text.len > LIMIT_MANIFEST_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a manifest of %zu bytes; at most %u are read",
                         text.len, LIMIT_MANIFEST_BYTES);
    }
    json_auto_free json_t *doc = NULL;
    int r = json_parse(text, "manifest", &doc, reterr);
    if (r < 0) {
        return r;
    }
    if (!json_is_object(doc)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "manifest: not a JSON object");
    }
    *ret = imgc_take(doc);
    return 0;
}

int manifest_kind(struct imgc_str text, struct imgc_str content_type, enum media_kind *ret,
                  struct imgc_err *reterr)
{
    json_auto_free json_t *doc = NULL;
    int r = parse_document(text, &doc, reterr);
    if (r < 0) {
        return r;
    }
    r = kind_of(doc, content_type, ret, reterr);
    return r < 0 ? imgc_context(reterr, "manifest") : 0;
}

/* CVE-2021-41190: a document that is read as a manifest by one and as an index by another. */
static int check_members(const json_t *doc, enum media_kind want, struct imgc_err *reterr)
{
    static const char *const not_manifest[] = { "manifests", "fsLayers", NULL };
    static const char *const not_index[] = { "config", "layers", "fsLayers", NULL };
    const char *const *refused = want == MEDIA_INDEX ? not_index : not_manifest;
    const json_t *array;
    uint64_t version = 0;

    int r = json_get_u64(doc, "schemaVersion", &version, reterr);
    if (r < 0) {
        return r;
    }
    if (version != 2) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "schemaVersion is not 2");
    }
    for (; *refused; refused++) {
        if (has(doc, *refused)) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "%s has '%s', which is ambiguous",
                             want == MEDIA_INDEX ? "an index" : "a manifest", *refused);
        }
        /* Fails for "Manifests", which others would read. */
        r = json_get_array(doc, *refused, &array, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int manifest_document(struct imgc_str text, struct imgc_str content_type, enum media_kind want,
                      json_t **ret, struct imgc_err *reterr)
{
    json_auto_free json_t *doc = NULL;
    enum media_kind kind = MEDIA_UNKNOWN;
    int r = parse_document(text, &doc, reterr);
    if (r < 0) {
        return r;
    }
    r = kind_of(doc, content_type, &kind, reterr);
    if (r < 0) {
        return r;
    }
    if (kind == MEDIA_SCHEMA1) {
        return imgc_fail(reterr, IMGC_E_UNSUPPORTED,
                         "this is an image in Docker's schema 1, which is no longer supported; "
                         "push it again with a current tool");
    }
    if (kind != want) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "expected %s, got %s",
                         want == MEDIA_INDEX ? "an index" : "a manifest",
                         kind == MEDIA_INDEX ? "an index" : "a manifest");
    }
    r = check_members(doc, want, reterr);
    if (r < 0) {
        return r;
    }
    *ret = imgc_take(doc);
    return 0;
}

/* image-spec, manifest.md: an artifact is a manifest whose config is not an image's. Old ones have
 * none at all, but say their type. */
static int refuse_artifact(const char *type, const struct descriptor *config,
                           struct imgc_err *reterr)
{
    if (config->kind == MEDIA_CONFIG) {
        return 0;
    }
    if ((!type || type[0] == '\0') && config->media_type[0] == '\0') {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "a manifest without a config of known type");
    }
    return imgc_fail(reterr, IMGC_E_UNSUPPORTED, "is an artifact (type %.200s), not an image",
                     type && type[0] ? type : config->media_type);
}

static int read_config(const json_t *doc, struct manifest *m, struct imgc_err *reterr)
{
    const json_t *config;
    const char *type;
    int r = json_get_string(doc, "artifactType", &type, reterr);
    if (r < 0) {
        return r;
    }
    r = json_get_object(doc, "config", &config, reterr);
    if (r < 0) {
        return r;
    }
    if (config) {
        r = descriptor_parse(config, &m->config, reterr);
        if (r < 0) {
            return imgc_context(reterr, "config");
        }
    }
    return refuse_artifact(type, &m->config, reterr);
}

int manifest_descriptors(const json_t *list, size_t max, struct descriptor **ret, size_t *ret_n,
                         struct imgc_err *reterr)
{
    size_t n = json_array_size(list);

    if (n > max) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "%zu descriptors; at most %zu are allowed", n, max);
    }
    if (n == 0) {
        *ret = NULL;
        *ret_n = 0;
        return 0;
    }
    imgc_autofree struct descriptor *d = calloc(n, sizeof *d);
    if (!d) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        int r = descriptor_parse(json_array_get(list, i), &d[i], reterr);
        if (r < 0) {
            return imgc_context(reterr, "descriptor %zu of %zu", i + 1, n);
        }
    }
    *ret = imgc_take(d);
    *ret_n = n;
    return 0;
}

int manifest_parse(struct imgc_str text, struct imgc_str content_type, struct manifest *ret,
                   struct imgc_err *reterr)
{
    manifest_auto struct manifest m = MANIFEST_INIT;
    json_auto_free json_t *doc = NULL;
    const json_t *layers;
    int r = manifest_document(text, content_type, MEDIA_MANIFEST, &doc, reterr);
    if (r < 0) {
        return r;
    }
    r = read_config(doc, &m, reterr);
    if (r < 0) {
        return r;
    }
    r = json_get_array(doc, "layers", &layers, reterr);
    if (r < 0) {
        return r;
    }
    r = manifest_descriptors(layers, LIMIT_LAYERS, &m.layers, &m.n_layers, reterr);
    if (r < 0) {
        return imgc_context(reterr, "layers");
    }
    *ret = m;
    m.layers = NULL;
    return 0;
}

int manifest_write(const struct manifest *m, char **ret, struct imgc_err *reterr)
{
    json_auto_free json_t *doc = json_object(), *config = NULL, *layers = json_array();
    int r = json_put(doc, "schemaVersion", json_integer(2), reterr);
    if (r < 0) {
        return r;
    }
    r = json_put_string(doc, "mediaType", MEDIA_OCI_MANIFEST, reterr);
    if (r < 0) {
        return r;
    }
    r = descriptor_json(&m->config, &config, reterr);
    if (r < 0) {
        return r;
    }
    r = json_put(doc, "config", imgc_take(config), reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < m->n_layers; i++) {
        json_t *layer = NULL;
        r = descriptor_json(&m->layers[i], &layer, reterr);
        if (r < 0) {
            return r;
        }
        if (json_array_append_new(layers, layer) < 0) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    r = json_put(doc, "layers", imgc_take(layers), reterr);
    if (r < 0) {
        return r;
    }
    return json_dump(doc, false, ret, reterr);
}
