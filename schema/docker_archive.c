/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/docker_archive.h"

#include <stdlib.h>

#include "schema/base/cleanup.h"
#include "schema/limits.h"

static void image_done(struct docker_archive_image *image)
{
    free(image->config);
    (void)json_strings_free(image->tags);
    (void)json_strings_free(image->layers);
}

void docker_archive_done(struct docker_archive *a)
{
    for (size_t i = 0; i < a->n; i++) {
        image_done(&a->images[i]);
    }
    free(a->images);
    *a = (struct docker_archive)DOCKER_ARCHIVE_INIT;
}

static int parse_image(const json_t *obj, struct docker_archive_image *ret, struct imgc_err *reterr)
{
    const char *config;

    if (!json_is_object(obj)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "an image is not an object");
    }
    int r = json_get_string(obj, "Config", &config, reterr);
    if (r == 0 && !config) {
        r = imgc_fail(reterr, IMGC_E_DOCUMENT, "an image has no Config");
    }
    r = r < 0 ? r : imgc_str_dup(imgc_str_of(config), &ret->config, reterr);
    r = r < 0 ? r : json_get_strings(obj, "RepoTags", &ret->tags, NULL, reterr);
    r = r < 0 ? r : json_get_strings(obj, "Layers", &ret->layers, &ret->n_layers, reterr);
    if (r == 0 && ret->n_layers > LIMIT_LAYERS) {
        r = imgc_fail(reterr, IMGC_E_LIMIT, "an image has %zu layers, more than %d", ret->n_layers,
                      LIMIT_LAYERS);
    }
    return r;
}

static int parse_images(const json_t *list, struct docker_archive *ret, struct imgc_err *reterr)
{
    size_t n = json_array_size(list);

    if (!json_is_array(list) || n == 0) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "is no list of images");
    }
    if (n > LIMIT_INDEX_ENTRIES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "has %zu images, more than %d", n,
                         LIMIT_INDEX_ENTRIES);
    }
    ret->images = calloc(n, sizeof *ret->images);
    if (!ret->images) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (ret->n = 0; ret->n < n; ret->n++) {
        int r = parse_image(json_array_get(list, ret->n), &ret->images[ret->n], reterr);
        if (r < 0) {
            image_done(&ret->images[ret->n]);
            return r;
        }
    }
    return 0;
}

int docker_archive_parse(struct imgc_str text, struct docker_archive *ret, struct imgc_err *reterr)
{
    docker_archive_auto struct docker_archive a = DOCKER_ARCHIVE_INIT;
    json_auto_free json_t *doc = NULL;

    int r = json_parse(text, DOCKER_ARCHIVE_MANIFEST, &doc, reterr);
    if (r < 0) {
        return r;
    }
    r = parse_images(doc, &a, reterr);
    if (r < 0) {
        return imgc_context(reterr, DOCKER_ARCHIVE_MANIFEST);
    }
    *ret = a;
    a = (struct docker_archive)DOCKER_ARCHIVE_INIT;
    return 0;
}

static int image_json(const struct docker_archive_image *image, json_t **ret,
                      struct imgc_err *reterr)
{
    static char *const none[] = { NULL };
    json_auto_free json_t *obj = json_object();

    int r = json_put_string(obj, "Config", image->config, reterr);
    r = r < 0 ? r
              : (image->tags ? json_put_strings(obj, "RepoTags", image->tags, reterr)
                             : json_put(obj, "RepoTags", json_null(), reterr));
    r = r < 0 ? r : json_put_strings(obj, "Layers", image->layers ? image->layers : none, reterr);
    if (r < 0) {
        return r;
    }
    *ret = imgc_take(obj);
    return 0;
}

int docker_archive_write(const struct docker_archive *a, char **ret, struct imgc_err *reterr)
{
    json_auto_free json_t *list = json_array();

    for (size_t i = 0; i < a->n; i++) {
        json_t *obj = NULL;
        int r = image_json(&a->images[i], &obj, reterr);
        if (r < 0) {
            return r;
        }
        if (json_array_append_new(list, obj) < 0) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    return json_dump(list, false, ret, reterr);
}
