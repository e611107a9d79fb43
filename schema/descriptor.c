/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/descriptor.h"

#include <stdio.h>

#define ANNOTATION_REF_NAME "org.opencontainers.image.ref.name"
#define ANNOTATION_REFERENCE_TYPE "vnd.docker.reference.type"

static int read_platform(const json_t *obj, struct descriptor *d, struct imgc_err *reterr)
{
    const char *os, *arch, *variant;
    const json_t *p;
    int r = json_get_object(obj, "platform", &p, reterr);
    if (r < 0 || !p) {
        return r;
    }
    r = json_get_string(p, "os", &os, reterr);
    if (r < 0) {
        return r;
    }
    r = json_get_string(p, "architecture", &arch, reterr);
    if (r < 0) {
        return r;
    }
    r = json_get_string(p, "variant", &variant, reterr);
    if (r < 0) {
        return r;
    }
    platform_set(&d->platform, os, arch, variant);
    d->has_platform = d->platform.os[0] != '\0' || d->platform.arch[0] != '\0';
    return 0;
}

/* Annotations are a map: no getter, since a key that differs in case is another key. */
static const char *annotation(const json_t *annotations, const char *key)
{
    const char *value = json_string_value(json_object_get(annotations, key));
    return value ? value : "";
}

static int read_annotations(const json_t *obj, struct descriptor *d, struct imgc_err *reterr)
{
    const json_t *a;
    int r = json_get_object(obj, "annotations", &a, reterr);
    if (r < 0) {
        return r;
    }
    const char *name = annotation(a, ANNOTATION_REF_NAME);
    /* A name that is cut would be another name. */
    if (strlen(name) < sizeof d->ref_name) {
        (void)snprintf(d->ref_name, sizeof d->ref_name, "%s", name);
    }
    d->is_attestation =
        strcmp(annotation(a, ANNOTATION_REFERENCE_TYPE), "attestation-manifest") == 0 ||
        (strcmp(d->platform.os, "unknown") == 0 && strcmp(d->platform.arch, "unknown") == 0);
    return 0;
}

static int read_types(const json_t *obj, struct descriptor *d, struct imgc_err *reterr)
{
    const char *type, *artifact;
    int r = json_get_string(obj, "mediaType", &type, reterr);
    if (r < 0) {
        return r;
    }
    r = json_get_string(obj, "artifactType", &artifact, reterr);
    if (r < 0) {
        return r;
    }
    d->kind = media_kind(imgc_str_of(type));
    (void)snprintf(d->media_type, sizeof d->media_type, "%s", type ? type : "");
    (void)snprintf(d->artifact_type, sizeof d->artifact_type, "%s", artifact ? artifact : "");
    return 0;
}

int descriptor_parse(const json_t *obj, struct descriptor *ret, struct imgc_err *reterr)
{
    struct descriptor d = { .kind = MEDIA_UNKNOWN };
    const char *digest;

    if (!json_is_object(obj)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "a descriptor is not an object");
    }
    int r = read_types(obj, &d, reterr);
    if (r < 0) {
        return r;
    }
    r = json_get_string(obj, "digest", &digest, reterr);
    if (r < 0) {
        return r;
    }
    const json_t *size = json_object_get(obj, "size");
    if (!digest || !size || json_is_null(size)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "a descriptor has no %s",
                         digest ? "size" : "digest");
    }
    r = digest_parse(imgc_str_of(digest), &d.digest, reterr);
    if (r < 0) {
        return r;
    }
    r = json_get_u64(obj, "size", &d.size, reterr);
    if (r < 0) {
        return r;
    }
    r = read_platform(obj, &d, reterr);
    if (r < 0) {
        return r;
    }
    r = read_annotations(obj, &d, reterr);
    if (r < 0) {
        return r;
    }
    *ret = d;
    return 0;
}

int descriptor_json(const struct descriptor *d, json_t **ret, struct imgc_err *reterr)
{
    char text[DIGEST_TEXT_MAX];
    json_auto_free json_t *obj = json_object();
    int r = json_put_string(obj, "mediaType", d->media_type, reterr);
    if (r < 0) {
        return r;
    }
    r = json_put_string(obj, "digest", digest_text(&d->digest, text), reterr);
    if (r < 0) {
        return r;
    }
    if (d->size > INT64_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a size of %llu bytes does not fit a document",
                         (unsigned long long)d->size);
    }
    r = json_put(obj, "size", json_integer((json_int_t)d->size), reterr);
    if (r < 0) {
        return r;
    }
    *ret = imgc_take(obj);
    return 0;
}
