/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/archive_save.h"

#include <stdio.h>
#include <stdlib.h>

#include "layers/rootfs_stack.h"
#include "schema/docker_archive.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "store/blob.h"

#define BLOBS_DIR "blobs"
#define PATH_MAX_BYTES (sizeof BLOBS_DIR "/sha512/" + DIGEST_HEX_MAX)
#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"

/* What one image is in the archive. */
struct saved {
    char config_path[PATH_MAX_BYTES];
    char (*layer_paths)[PATH_MAX_BYTES];
    char **layer_names; /* the same, NULL-terminated */
    struct descriptor manifest;
};

struct saving {
    const struct archive_save_args *args;
    struct saved *images;   /* as many as args->images */
    struct digest *written; /* blobs that the archive has */
    size_t n_written, n_slots;
    bool has_sha512; /* the directory is there */
};

static void saving_done(struct saving *s)
{
    for (size_t i = 0; s->images && i < s->args->n_images; i++) {
        free(s->images[i].layer_paths);
        free(s->images[i].layer_names);
    }
    free(s->images);
    free(s->written);
}
#define saving_auto imgc_auto(saving_done)

static void blob_path(const struct digest *digest, char out[PATH_MAX_BYTES])
{
    char hex[DIGEST_HEX_MAX];

    (void)snprintf(out, PATH_MAX_BYTES, BLOBS_DIR "/%s/%s", digest_alg_name(digest->alg),
                   digest_hex(digest, hex));
}

/* @return 1: it is in the archive already; 0: it is noted now. */
static int note_written(struct saving *s, const struct digest *digest, struct imgc_err *reterr)
{
    for (size_t i = 0; i < s->n_written; i++) {
        if (digest_eq(&s->written[i], digest)) {
            return 1;
        }
    }
    if (s->n_written == s->n_slots) {
        size_t n = s->n_slots ? 2 * s->n_slots : 16;
        struct digest *grown = reallocarray(s->written, n, sizeof *grown);
        if (!grown) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        s->written = grown;
        s->n_slots = n;
    }
    s->written[s->n_written++] = *digest;
    if (digest->alg == DIGEST_SHA512 && !s->has_sha512) {
        s->has_sha512 = true;
        return archive_out_dir(s->args->out, BLOBS_DIR "/sha512", reterr);
    }
    return 0;
}

static int check_interrupt(const struct saving *s, struct imgc_err *reterr)
{
    return s->args->interrupted && s->args->interrupted(s->args->arg)
               ? imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted")
               : 0;
}

static int write_blob(struct saving *s, const struct digest *digest, struct imgc_str text,
                      struct imgc_err *reterr)
{
    char path[PATH_MAX_BYTES];

    int r = note_written(s, digest, reterr);
    blob_path(digest, path);
    return r == 0 ? archive_out_text(s->args->out, path, text, reterr) : (r < 0 ? r : 0);
}

/* ---- layers ---- */

static void tell(const struct saving *s, struct pull_layer *layer, enum pull_stage stage)
{
    layer->stage = stage;
    layer->done = stage == PULL_DOWNLOADING ? 0 : layer->size;
    if (s->args->layer) {
        s->args->layer(s->args->arg, layer);
    }
}

static int write_layer(struct saving *s, const struct layer_info *info, const char *path,
                       struct pull_layer *layer, struct imgc_err *reterr)
{
    punched_auto struct punched_layer files = PUNCHED_LAYER_INIT;
    tar_data_auto struct tar_data data = TAR_DATA_FD(-1);
    char text[DIGEST_TEXT_MAX];

    int r = note_written(s, &info->diff_id, reterr);
    if (r != 0) {
        tell(s, layer, PULL_EXISTS);
        return r < 0 ? r : 0;
    }
    tell(s, layer, PULL_DOWNLOADING);
    r = check_interrupt(s, reterr);
    r = r < 0 ? r : rootfs_stack_open_layer(s->args->store, &info->diff_id, &files, &data, reterr);
    r = r < 0 ? r : archive_out_data(s->args->out, path, &data, info->tar_size, reterr);
    if (r < 0) {
        return imgc_context(reterr, "layer %s", digest_text(&info->diff_id, text));
    }
    tell(s, layer, PULL_DONE);
    return 0;
}

static int write_layers(struct saving *s, const struct image *image, struct saved *saved,
                        struct descriptor *layers, struct imgc_err *reterr)
{
    for (size_t i = 0; i < image->n_diff_ids; i++) {
        struct layer_info info;
        int r = layer_find(s->args->store, s->args->lease, &image->diff_ids[i], &info, reterr);
        if (r == LAYER_MISSING) {
            r = rootfs_stack_missing(&image->diff_ids[i], reterr);
        }
        if (r < 0) {
            return r;
        }
        layers[i] = (struct descriptor){ .kind = MEDIA_LAYER,
                                         .media_type = MEDIA_OCI_LAYER,
                                         .digest = info.diff_id,
                                         .size = info.tar_size };
        blob_path(&info.diff_id, saved->layer_paths[i]);
        saved->layer_names[i] = saved->layer_paths[i];
        struct pull_layer layer = {
            .index = i, .n_layers = image->n_diff_ids, .digest = info.diff_id, .size = info.tar_size
        };
        r = write_layer(s, &info, saved->layer_paths[i], &layer, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* ---- documents ---- */

static int get_document(struct saving *s, const struct digest *digest, struct imgc_buf *text,
                        struct imgc_err *reterr)
{
    char name[DIGEST_TEXT_MAX];

    imgc_buf_clear(text);
    int r = blob_hold(s->args->store, s->args->lease, digest, reterr);
    r = r != 0 ? r : blob_get(s->args->store, digest, text, reterr);
    return r == BLOB_MISSING
               ? imgc_fail(reterr, IMGC_E_STORE, "document %s is missing: pull the image again",
                           digest_text(digest, name))
               : r;
}

/* Whether the manifest's layers are the tars themselves: then it can stay as it is. */
static bool is_of_tars(struct imgc_str text, const struct image *image)
{
    manifest_auto struct manifest m = MANIFEST_INIT;
    struct imgc_err ignored;

    if (manifest_parse(text, IMGC_STR(""), &m, &ignored) < 0 || m.n_layers != image->n_diff_ids ||
        strcmp(m.config.media_type, MEDIA_OCI_CONFIG) != 0) {
        return false;
    }
    for (size_t i = 0; i < m.n_layers; i++) {
        if (!digest_eq(&m.layers[i].digest, &image->diff_ids[i])) {
            return false;
        }
    }
    return true;
}

static int write_manifest(struct saving *s, const struct image *image, struct saved *saved,
                          const struct manifest *m, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES);
    imgc_autofree char *written = NULL;
    struct imgc_str use;

    int r = get_document(s, &image->manifest, &text, reterr);
    if (r < 0) {
        return r;
    }
    use = (struct imgc_str){ text.ptr, text.len };
    if (!is_of_tars(use, image)) {
        r = manifest_write(m, &written, reterr);
        use = imgc_str_of(written);
    }
    r = r < 0 ? r : digest_of(DIGEST_SHA256, use.ptr, use.len, &saved->manifest.digest, reterr);
    saved->manifest.size = use.len;
    saved->manifest.kind = MEDIA_MANIFEST;
    (void)snprintf(saved->manifest.media_type, sizeof saved->manifest.media_type, "%s",
                   MEDIA_OCI_MANIFEST);
    return r < 0 ? r : write_blob(s, &saved->manifest.digest, use, reterr);
}

static int save_image(struct saving *s, const struct image *image, struct saved *saved,
                      struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf config = IMGC_BUF_INIT(LIMIT_CONFIG_BYTES);
    size_t n = image->n_diff_ids ? image->n_diff_ids : 1;
    imgc_autofree struct descriptor *layers = calloc(n, sizeof *layers);
    struct manifest m = { .layers = layers, .n_layers = image->n_diff_ids };

    if (s->args->image) {
        s->args->image(s->args->arg, image);
    }
    saved->layer_paths = calloc(n, sizeof *saved->layer_paths);
    saved->layer_names = calloc(n + 1, sizeof *saved->layer_names);
    if (!layers || !saved->layer_paths || !saved->layer_names) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = get_document(s, &image->id, &config, reterr);
    if (r < 0) {
        return r;
    }
    m.config = (struct descriptor){ .kind = MEDIA_CONFIG,
                                    .media_type = MEDIA_OCI_CONFIG,
                                    .digest = image->id,
                                    .size = config.len };
    blob_path(&image->id, saved->config_path);
    r = write_blob(s, &image->id, (struct imgc_str){ config.ptr, config.len }, reterr);
    r = r < 0 ? r : write_layers(s, image, saved, layers, reterr);
    return r < 0 ? r : write_manifest(s, image, saved, &m, reterr);
}

/* ---- what stands at the top ---- */

static int add_to_index(json_t *list, const struct descriptor *manifest, const char *name,
                        struct imgc_err *reterr)
{
    json_t *obj = NULL, *annotations = NULL;

    int r = descriptor_json(manifest, &obj, reterr);
    if (r < 0) {
        return r;
    }
    if (json_array_append_new(list, obj) < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (!name) {
        return 0;
    }
    annotations = json_object();
    r = json_put(obj, "annotations", annotations, reterr);
    r = r < 0 ? r : json_put_string(annotations, "io.containerd.image.name", name, reterr);
    return r < 0 ? r
                 : json_put_string(annotations, "org.opencontainers.image.ref.name", name, reterr);
}

static int write_index(const struct saving *s, struct imgc_err *reterr)
{
    json_auto_free json_t *doc = json_object();
    json_t *list = json_array();
    imgc_autofree char *text = NULL;

    int r = json_put(doc, "schemaVersion", json_integer(2), reterr);
    r = r < 0 ? r : json_put_string(doc, "mediaType", MEDIA_OCI_INDEX, reterr);
    r = r < 0 ? r : json_put(doc, "manifests", list, reterr);
    for (size_t i = 0; r == 0 && i < s->args->n_images; i++) {
        char **names = s->args->images[i].names;
        const struct descriptor *manifest = &s->images[i].manifest;
        r = names && names[0] ? 0 : add_to_index(list, manifest, NULL, reterr);
        for (size_t j = 0; r == 0 && names && names[j]; j++) {
            r = add_to_index(list, manifest, names[j], reterr);
        }
    }
    r = r < 0 ? r : json_dump(doc, false, &text, reterr);
    return r < 0 ? r : archive_out_text(s->args->out, "index.json", imgc_str_of(text), reterr);
}

static int write_docker(const struct saving *s, struct imgc_err *reterr)
{
    imgc_autofree struct docker_archive_image *images = calloc(s->args->n_images, sizeof *images);
    const struct docker_archive a = { .images = images, .n = s->args->n_images };
    imgc_autofree char *text = NULL;

    if (!images) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < a.n; i++) { /* borrowed, all of it */
        images[i] = (struct docker_archive_image){ .config = s->images[i].config_path,
                                                   .tags = s->args->images[i].names,
                                                   .layers = s->images[i].layer_names };
    }
    int r = docker_archive_write(&a, &text, reterr);
    return r < 0
               ? r
               : archive_out_text(s->args->out, DOCKER_ARCHIVE_MANIFEST, imgc_str_of(text), reterr);
}

int archive_save(const struct archive_save_args *args, struct imgc_err *reterr)
{
    saving_auto struct saving s = { .args = args };

    s.images = calloc(args->n_images, sizeof *s.images);
    if (!s.images) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = archive_out_text(args->out, "oci-layout", IMGC_STR(LAYOUT_TEXT), reterr);
    r = r < 0 ? r : archive_out_dir(args->out, BLOBS_DIR, reterr);
    r = r < 0 ? r : archive_out_dir(args->out, BLOBS_DIR "/sha256", reterr);
    for (size_t i = 0; r == 0 && i < args->n_images; i++) {
        r = save_image(&s, args->images[i].image, &s.images[i], reterr);
    }
    r = r < 0 ? r : write_index(&s, reterr);
    r = r == 0 && args->format == ARCHIVE_DOCKER ? write_docker(&s, reterr) : r;
    return r < 0 ? r : archive_out_finish(args->out, reterr);
}
