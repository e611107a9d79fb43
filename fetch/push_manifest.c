/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/push_manifest.h"

#include <string.h>

#include "schema/media_type.h"

#define DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"

enum encoder_kind push_manifest_encoding(const char *media_type)
{
    struct imgc_str type = imgc_str_of(media_type);

    if (imgc_str_ends(type, IMGC_STR("+gzip")) || imgc_str_ends(type, IMGC_STR(".tar.gzip"))) {
        return ENCODER_GZIP;
    }
    return imgc_str_ends(type, IMGC_STR("+zstd")) || imgc_str_ends(type, IMGC_STR(".tar.zstd"))
               ? ENCODER_ZSTD
               : ENCODER_NONE;
}

const char *push_manifest_oci_type(enum encoder_kind encoding)
{
    static const char *const types[] = { [ENCODER_NONE] = MEDIA_OCI_LAYER,
                                         [ENCODER_GZIP] = MEDIA_OCI_LAYER_GZIP,
                                         [ENCODER_ZSTD] = MEDIA_OCI_LAYER_ZSTD };

    return types[encoding];
}

static const char *docker_type(enum encoder_kind encoding)
{
    return encoding == ENCODER_GZIP ? MEDIA_DOCKER_LAYER_GZIP : DOCKER_LAYER;
}

static bool has_docker_type(const json_t *doc)
{
    const char *type = NULL;
    struct imgc_err ignored;

    return json_get_string(doc, "mediaType", &type, &ignored) == 0 && type &&
           strcmp(type, MEDIA_DOCKER_MANIFEST) == 0;
}

static int set_string(json_t *obj, const char *key, const char *value, struct imgc_err *reterr)
{
    return json_put(obj, key, json_string(value), reterr);
}

/* What is not changed keeps its bytes, and so its encoding: only the spelling is OCI's. */
static int spell_oci(json_t *obj, struct imgc_err *reterr)
{
    const char *type = NULL;

    int r = json_get_string(obj, "mediaType", &type, reterr);
    if (r < 0 || !type) {
        return r;
    }
    if (strcmp(type, MEDIA_DOCKER_CONFIG) == 0) {
        return set_string(obj, "mediaType", MEDIA_OCI_CONFIG, reterr);
    }
    return strncmp(type, DOCKER_LAYER, sizeof DOCKER_LAYER - 1) == 0
               ? set_string(obj, "mediaType", push_manifest_oci_type(push_manifest_encoding(type)),
                            reterr)
               : 0;
}

static int change_layer(json_t *list, size_t i, const struct push_manifest_layer *layer,
                        bool is_docker, struct imgc_err *reterr)
{
    struct descriptor d = { .digest = layer->digest, .size = layer->size };
    json_t *obj = NULL;

    (void)strncpy(d.media_type,
                  is_docker ? docker_type(layer->encoding)
                            : push_manifest_oci_type(layer->encoding),
                  sizeof d.media_type - 1);
    int r = descriptor_json(&d, &obj, reterr);
    if (r == 0 && json_array_set_new(list, i, obj) < 0) {
        r = imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return r;
}

static int write_layers(json_t *doc, const struct push_manifest_layer *layers, size_t n,
                        bool is_docker, bool to_oci, struct imgc_err *reterr)
{
    json_t *list = json_object_get(doc, "layers");
    int r = json_array_size(list) == n
                ? 0
                : imgc_fail(reterr, IMGC_E_DOCUMENT, "manifest: it does not have %zu layers", n);

    for (size_t i = 0; r == 0 && i < n; i++) {
        if (layers[i].is_changed) {
            r = change_layer(list, i, &layers[i], is_docker && !to_oci, reterr);
        } else if (to_oci) {
            r = spell_oci(json_array_get(list, i), reterr);
        }
    }
    return r;
}

static int write_doc(json_t *doc, const struct push_manifest_layer *layers, size_t n,
                     bool is_docker, bool to_oci, struct imgc_err *reterr)
{
    int r = write_layers(doc, layers, n, is_docker, to_oci, reterr);

    if (r == 0 && to_oci) {
        r = set_string(doc, "mediaType", MEDIA_OCI_MANIFEST, reterr);
        r = r < 0 ? r : spell_oci(json_object_get(doc, "config"), reterr);
    }
    return r;
}

int push_manifest_write(struct imgc_str text, const struct push_manifest_layer *layers, size_t n,
                        char **ret, const char **ret_type, struct imgc_err *reterr)
{
    json_auto_free json_t *doc = NULL;
    bool is_changed = false, has_zstd = false;

    int r = json_parse(text, "manifest", &doc, reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < n; i++) {
        is_changed = is_changed || layers[i].is_changed;
        has_zstd = has_zstd || (layers[i].is_changed && layers[i].encoding == ENCODER_ZSTD);
    }
    bool is_docker = has_docker_type(doc), to_oci = is_docker && has_zstd;
    *ret_type = is_docker && !to_oci ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST;
    if (!is_changed) {
        return imgc_str_dup(text, ret, reterr);
    }
    r = write_doc(doc, layers, n, is_docker, to_oci, reterr);
    return r < 0 ? r : json_dump(doc, false, ret, reterr);
}
