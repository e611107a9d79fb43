/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/archive_load.h"

#include <stdio.h>
#include <stdlib.h>

#include "fetch/archive_layout.h"
#include "layers/ingest.h"
#include "schema/config.h"
#include "schema/docker_archive.h"
#include "schema/index.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/ref.h"
#include "store/blob.h"
#include "store/image.h"

#define NS_PER_S 1000000000

/* One image on its way. */
struct loading {
    const struct archive_load_args *args;
    char **names; /* tags as the archive has them; borrowed; NULL: none */
    struct imgc_buf config_text;
    struct image_config config;
    struct manifest manifest;
    struct digest id, manifest_digest, top;
    struct digest documents[LIMIT_INDEX_DEPTH + 3]; /* indexes, manifest, config */
    size_t n_documents;
    bool is_of_platform; /* an index says so of the manifest: --platform has been looked at */
    bool is_image;       /* and no signature or other artifact */
    struct rootfs_report report;
};

#define LOADING_INIT(a_args)                                                                       \
    {                                                                                              \
        .args = (a_args), .config_text = IMGC_BUF_INIT(LIMIT_CONFIG_BYTES), .config = CONFIG_INIT, \
        .manifest = MANIFEST_INIT                                                                  \
    }

static void loading_done(struct loading *l)
{
    imgc_buf_done(&l->config_text);
    config_done(&l->config);
    manifest_done(&l->manifest);
}
#define loading_auto imgc_auto(loading_done)

static struct imgc_str text_of(const struct imgc_buf *b)
{
    return (struct imgc_str){ b->ptr ? b->ptr : "", b->len };
}

/* ---- documents ---- */

/* archive_read() of what must be there. */
static int read_part(struct archive_file *a, const char *name, struct imgc_buf *ret,
                     struct imgc_err *reterr)
{
    int r = archive_read(a, name, ret, reterr);

    return r == ARCHIVE_MISSING
               ? imgc_fail(reterr, IMGC_E_DOCUMENT, "the archive has no file '%s'", name)
               : r;
}

static int keep_document(struct loading *l, const struct digest *digest, struct imgc_str text,
                         struct imgc_err *reterr)
{
    if (l->n_documents == sizeof l->documents / sizeof *l->documents) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "indexes are nested deeper than %d",
                         LIMIT_INDEX_DEPTH);
    }
    l->documents[l->n_documents++] = *digest;
    return blob_put(l->args->store, l->args->lease, digest, text, reterr);
}

/* A document of an OCI layout, checked and put into the store. @text  emptied first. */
static int read_blob(struct loading *l, const struct descriptor *d, struct imgc_buf *text,
                     struct imgc_err *reterr)
{
    char path[ARCHIVE_LAYOUT_BLOB_MAX];

    imgc_buf_clear(text);
    archive_layout_path(&d->digest, path);
    int r = read_part(l->args->archive, path, text, reterr);
    return r < 0 ? r : keep_document(l, &d->digest, text_of(text), reterr);
}

/* As a pull does: an image alone is taken as it is, unless its user said what it has to be. */
static int check_platform(const struct loading *l, struct imgc_err *reterr)
{
    const struct platform *wanted = l->args->platform, *has = &l->config.platform;
    char want[PLATFORM_TEXT_MAX], have[PLATFORM_TEXT_MAX];

    if (!wanted || l->is_of_platform || has->os[0] == '\0' || platform_match(wanted, has) > 0) {
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_PLATFORM, "the image is for %s, not for %s",
                     platform_text(has, have), platform_text(wanted, want));
}

/* @n_layers  that the manifest lists. */
static int parse_config(struct loading *l, size_t n_layers, struct imgc_err *reterr)
{
    int r = config_parse(text_of(&l->config_text), &l->config, reterr);
    if (r < 0) {
        return imgc_context(reterr, "config");
    }
    l->is_image = true;
    if (n_layers != l->config.n_diff_ids) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "%zu layers, but the config has %zu diff_ids",
                         n_layers, l->config.n_diff_ids);
    }
    return check_platform(l, reterr);
}

/* ---- layers ---- */

/* One layer while it is read. */
struct reading {
    const struct archive_load_args *args;
    struct ingest *in;
    struct pull_layer layer;
};

static void tell(struct reading *g, enum pull_stage stage)
{
    g->layer.stage = stage;
    if (g->args->layer) {
        g->args->layer(g->args->arg, &g->layer);
    }
}

static int feed_ingest(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    struct reading *g = arg;
    int r = ingest_write(g->in, ptr, len, reterr);

    g->layer.done += len;
    if (r == 0) {
        tell(g, PULL_DOWNLOADING);
    }
    return r;
}

static int ingest_layer(struct loading *l, const char *path, const struct ingest_args *how,
                        struct reading *g, struct imgc_err *reterr)
{
    ingest_auto struct ingest *in = NULL;
    struct layer_info info;

    int r = ingest_new(l->args->store, l->args->lease, how, &in, reterr);
    g->in = in;
    r = r < 0 ? r : archive_size(l->args->archive, path, &g->layer.size, reterr);
    if (r == 0) {
        tell(g, PULL_DOWNLOADING);
        r = archive_feed(l->args->archive, path, feed_ingest, g, reterr);
    }
    if (r == ARCHIVE_MISSING) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "the archive does not have it");
    }
    r = r < 0 ? r : ingest_finish(in, &info, reterr);
    if (r == 0) {
        tell(g, PULL_DONE);
    }
    return r;
}

/* @blob  its descriptor, of an OCI layout; NULL: a tar at @path. */
static int load_layer(struct loading *l, size_t i, const char *path, const struct descriptor *blob,
                      struct imgc_err *reterr)
{
    const struct digest *diff_id = &l->config.diff_ids[i];
    char oci_path[ARCHIVE_LAYOUT_BLOB_MAX], text[DIGEST_TEXT_MAX];
    struct layer_info info;
    struct ingest_args how = { .blob_size = UINT64_MAX, .diff_id = diff_id };
    struct reading g = { .args = l->args,
                         .layer = { .index = i,
                                    .n_layers = l->config.n_diff_ids,
                                    .digest = blob ? blob->digest : *diff_id } };

    int r = layer_find(l->args->store, l->args->lease, diff_id, &info, reterr);
    if (r == 0) {
        g.layer.size = blob ? blob->size : info.tar_size;
        tell(&g, PULL_EXISTS);
    }
    if (r != LAYER_MISSING) {
        return r;
    }
    if (blob) {
        archive_layout_path(&blob->digest, oci_path);
        path = oci_path;
        how.blob = &blob->digest;
        how.blob_size = blob->size;
        how.media_type = blob->media_type;
        how.remember_blob = true;
    }
    r = ingest_layer(l, path, &how, &g, reterr);
    return r < 0 ? imgc_context(reterr, "layer %zu of %zu (%s)", i + 1, l->config.n_diff_ids,
                                digest_text(diff_id, text))
                 : 0;
}

/* ---- publish ---- */

/* @ret  the tag that @name stands for. */
static int parse_name(const char *name, struct ref *ret, struct imgc_err *reterr)
{
    int r = ref_parse(imgc_str_of(name), ret, reterr);
    if (r == 0 && digest_is_set(&ret->digest)) {
        r = imgc_fail(reterr, IMGC_E_REFERENCE, "'%s' has a digest where a tag belongs", name);
    }
    return r < 0 ? r : ref_default_tag(ret, reterr);
}

static bool has_digest(const struct digest *list, size_t n, const struct digest *d)
{
    for (size_t i = 0; i < n; i++) {
        if (digest_eq(&list[i], d)) {
            return true;
        }
    }
    return false;
}

/* What the tag of the image is to be resolved to: what the archive says; where the name stands for
 * images of other platforms beside this one already, what it is now, for it stays theirs, too. */
static int find_top(const struct loading *l, const struct ref *ref, const char *name,
                    struct digest *ret, struct imgc_err *reterr)
{
    imgc_autofree struct digest *ids = NULL;
    struct digest id, top;
    size_t n = 0;

    *ret = l->top;
    if (l->args->replace) {
        return 0;
    }
    int r = image_resolve(l->args->store, ref, &id, &top, reterr);
    if (r != 0 || digest_eq(&top, &l->top)) {
        return r < 0 ? r : 0; /* free; or it will stand beside those of the same index */
    }
    r = image_list_named(l->args->store, ref, &ids, &n, reterr);
    if (r != 0) {
        return r < 0 ? r : 0; /* free since then */
    }
    if (!has_digest(ids, n, &l->id)) {
        return imgc_fail(reterr, IMGC_E_EXISTS,
                         "'%s' is another image here (--replace gives the name to this one)", name);
    }
    *ret = n > 1 ? top : l->top;
    return 0;
}

/* Before the layers are read: the tags can be given. */
static int check_names(const struct loading *l, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && l->names && l->names[i]; i++) {
        ref_auto struct ref ref = REF_INIT;
        struct digest top;
        r = parse_name(l->names[i], &ref, reterr);
        r = r < 0 ? r : find_top(l, &ref, l->names[i], &top, reterr);
    }
    return r;
}

static int list_image(struct loading *l, const struct ref *ref, const struct digest *top,
                      struct imgc_err *reterr)
{
    const struct image_add add = {
        .id = l->id,
        .manifest = l->manifest_digest,
        .top = *top,
        .blobs = l->documents,
        .n_blobs = l->n_documents,
        .diff_ids = l->config.diff_ids,
        .n_diff_ids = l->config.n_diff_ids,
        .platform = l->config.platform,
        .created_ns = l->config.created_s > INT64_MAX / NS_PER_S
                          ? 0
                          : l->config.created_s * (int64_t)NS_PER_S,
        .ref = ref,
    };
    int r = image_add(l->args->store, l->args->lease, &add, reterr);
    return r < 0 ? r : 0;
}

static int publish(struct loading *l, struct imgc_err *reterr)
{
    const struct rootfs_args root = { .store = l->args->store,
                                      .lease = l->args->lease,
                                      .diff_ids = l->config.diff_ids,
                                      .n_diff_ids = l->config.n_diff_ids,
                                      .form = l->args->form };
    int r = rootfs_build(&root, &l->report, reterr);
    if (r < 0) {
        return imgc_context(reterr, "unpack");
    }
    r = l->names && l->names[0] ? 0 : list_image(l, NULL, &l->top, reterr);
    for (size_t i = 0; r == 0 && l->names && l->names[i]; i++) {
        ref_auto struct ref ref = REF_INIT;
        struct digest top;
        r = parse_name(l->names[i], &ref, reterr);
        r = r < 0 ? r : find_top(l, &ref, l->names[i], &top, reterr);
        r = r < 0 ? r : list_image(l, &ref, &top, reterr);
    }
    if (r == 0 && l->args->loaded) {
        l->args->loaded(l->args->arg, &l->id, l->names, &l->report);
    }
    return r;
}

/* ---- OCI layouts ---- */

/* Go down from @d to the manifest of one platform, keeping every document on the way. */
static int find_manifest(struct loading *l, struct descriptor d, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES);
    struct platform want;

    platform_host(&want);
    l->top = d.digest;
    for (;;) {
        enum media_kind kind = MEDIA_MANIFEST;
        int r = read_blob(l, &d, &text, reterr);
        r = r < 0 ? r : manifest_kind(text_of(&text), imgc_str_of(d.media_type), &kind, reterr);
        if (r < 0) {
            return r;
        }
        if (kind != MEDIA_INDEX) {
            l->manifest_digest = d.digest;
            l->is_of_platform = d.has_platform;
            return manifest_parse(text_of(&text), imgc_str_of(d.media_type), &l->manifest, reterr);
        }
        index_auto struct image_index index = INDEX_INIT;
        const struct descriptor *next = NULL;
        r = index_parse(text_of(&text), imgc_str_of(d.media_type), &index, reterr);
        r = r < 0 ? r
                  : index_choose(&index, l->args->platform ? l->args->platform : &want, &next,
                                 reterr);
        if (r < 0) {
            return r;
        }
        d = *next;
    }
}

static int load_oci_image(struct loading *l, const struct descriptor *d, struct imgc_err *reterr)
{
    int r = find_manifest(l, *d, reterr);
    r = r < 0 ? r : read_blob(l, &l->manifest.config, &l->config_text, reterr);
    if (r < 0) {
        return r;
    }
    l->id = l->manifest.config.digest;
    r = parse_config(l, l->manifest.n_layers, reterr);
    r = r < 0 ? r : check_names(l, reterr);
    for (size_t i = 0; r == 0 && i < l->manifest.n_layers; i++) {
        r = load_layer(l, i, NULL, &l->manifest.layers[i], reterr);
    }
    return r < 0 ? r : publish(l, reterr);
}

/* A name without tag and path is the "tag" of skopeo's "oci:DIR:TAG": no image is called so. */
static bool is_full_name(const char *name)
{
    return strchr(name, ':') || strchr(name, '/');
}

/* @ret_is_image  set where it fails, too. */
static int load_entry(const struct archive_load_args *args, const struct descriptor *d,
                      bool *ret_is_image, struct imgc_err *reterr)
{
    loading_auto struct loading l = LOADING_INIT(args);
    char name[sizeof d->ref_name];
    char *names[] = { name, NULL };

    (void)snprintf(name, sizeof name, "%s", d->ref_name);
    l.names = is_full_name(name) ? names : NULL;
    int r = load_oci_image(&l, d, reterr);
    *ret_is_image = l.is_image;
    return r < 0 && name[0] ? imgc_context(reterr, "'%s'", name) : r;
}

/* Whether the index is one image for several platforms, as buildx may write it. */
static bool is_one_image(const struct image_index *index)
{
    for (size_t i = 0; i < index->n_manifests; i++) {
        if (!index->manifests[i].has_platform || index->manifests[i].ref_name[0] != '\0') {
            return false;
        }
    }
    return index->n_manifests > 1;
}

/* Whether @a and @b are one name's images for two platforms. */
static bool is_of_name(const struct descriptor *a, const struct descriptor *b)
{
    return a->has_platform && !a->is_attestation && strcmp(a->ref_name, b->ref_name) == 0;
}

/* Of the entries that have the name of entry @i for several platforms, the one to load: a pull
 * takes one, too. @ret  NULL: it has had its turn, with the first of them. */
static int choose_of_name(const struct archive_load_args *args, const struct image_index *index,
                          size_t i, const struct descriptor **ret, struct imgc_err *reterr)
{
    const struct descriptor *d = &index->manifests[i], *best = NULL;
    imgc_autofree struct descriptor *same = calloc(index->n_manifests, sizeof *same);
    struct image_index group = { .manifests = same };
    struct platform want;
    size_t first = i;

    if (!same) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t j = 0; j < index->n_manifests; j++) {
        const struct descriptor *other = &index->manifests[j];
        if (is_of_name(other, d)) {
            first = j < first ? j : first;
            same[group.n_manifests++] = *other;
        }
    }
    *ret = d;
    if (d->ref_name[0] == '\0' || !d->has_platform || group.n_manifests < 2) {
        return 0;
    }
    platform_host(&want);
    int r = index_choose(&group, args->platform ? args->platform : &want, &best, reterr);
    if (r < 0) {
        return imgc_context(reterr, "'%s'", d->ref_name);
    }
    *ret = NULL;
    for (size_t j = 0; first == i && j < index->n_manifests; j++) {
        const struct descriptor *other = &index->manifests[j];
        if (is_of_name(other, d) && digest_eq(&other->digest, &best->digest)) {
            *ret = other;
        }
    }
    return 0;
}

/* Signatures and other artifacts may lie beside images. */
static int load_entries(const struct archive_load_args *args, const struct image_index *index,
                        struct imgc_err *reterr)
{
    bool is_image_found = false;
    int refused = 0;

    for (size_t i = 0; i < index->n_manifests; i++) {
        if (index->manifests[i].is_attestation) {
            continue;
        }
        const struct descriptor *d = NULL;
        bool is_image = false;
        int r = choose_of_name(args, index, i, &d, reterr);
        if (r == 0 && !d) {
            continue;
        }
        r = r < 0 ? r : load_entry(args, d, &is_image, reterr);
        if (r < 0 && (is_image || r != -(int)IMGC_E_UNSUPPORTED)) {
            return r;
        }
        refused = r < 0 ? r : refused;
        is_image_found = is_image_found || r == 0;
    }
    if (is_image_found) {
        return 0;
    }
    return refused < 0 ? refused : imgc_fail(reterr, IMGC_E_DOCUMENT, "the archive has no image");
}

static int load_layout(const struct archive_load_args *args, struct imgc_str text,
                       struct imgc_err *reterr)
{
    index_auto struct image_index index = INDEX_INIT;
    const struct descriptor *only = NULL;
    struct platform want;
    bool ignored = false;

    platform_host(&want);
    int r = index_parse(text, IMGC_STR(""), &index, reterr);
    if (r < 0 || !is_one_image(&index)) {
        return r < 0 ? r : load_entries(args, &index, reterr);
    }
    r = index_choose(&index, args->platform ? args->platform : &want, &only, reterr);
    return r < 0 ? r : load_entry(args, only, &ignored, reterr);
}

/* ---- docker's archives ---- */

/* The manifest that the layout has of this image. @text  the document. @return 0 with *ret_found.
 */
static int manifest_of_layout(const struct loading *l, const struct archive_layout *layout,
                              struct imgc_buf *text, bool *ret_found, struct imgc_err *reterr)
{
    const struct digest *manifest = archive_layout_find(layout, &l->id);
    char path[ARCHIVE_LAYOUT_BLOB_MAX];

    *ret_found = manifest != NULL;
    if (!manifest) {
        return 0;
    }
    archive_layout_path(manifest, path);
    return read_part(l->args->archive, path, text, reterr);
}

/* A manifest for an image that came without: its layers are the tars themselves. */
static int make_manifest(struct loading *l, struct imgc_buf *text, struct imgc_err *reterr)
{
    size_t n = l->config.n_diff_ids;
    imgc_autofree struct descriptor *layers = calloc(n ? n : 1, sizeof *layers);
    struct manifest m = { .layers = layers, .n_layers = n };
    imgc_autofree char *written = NULL;
    struct imgc_str done;

    if (!layers) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        struct layer_info info;
        int r = layer_find(l->args->store, NULL, &l->config.diff_ids[i], &info, reterr);
        if (r != 0) {
            return r < 0 ? r : imgc_fail(reterr, IMGC_E_STORE, "a layer was removed meanwhile");
        }
        layers[i] = (struct descriptor){ .kind = MEDIA_LAYER,
                                         .media_type = MEDIA_OCI_LAYER,
                                         .digest = info.diff_id,
                                         .size = info.tar_size };
    }
    m.config = (struct descriptor){ .kind = MEDIA_CONFIG,
                                    .media_type = MEDIA_OCI_CONFIG,
                                    .digest = l->id,
                                    .size = l->config_text.len };
    int r = manifest_write(&m, &written, reterr);
    if (r < 0) {
        return r;
    }
    imgc_buf_clear(text);
    imgc_buf_puts(text, written);
    return imgc_buf_finish(text, &done, reterr);
}

static int keep_manifest(struct loading *l, const struct archive_layout *layout,
                         struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES);
    bool is_found = false;

    int r = manifest_of_layout(l, layout, &text, &is_found, reterr);
    if (r == 0 && !is_found) {
        r = make_manifest(l, &text, reterr);
    }
    r = r < 0 ? r : digest_of(DIGEST_SHA256, text.ptr, text.len, &l->manifest_digest, reterr);
    l->top = l->manifest_digest;
    return r < 0 ? r : keep_document(l, &l->manifest_digest, text_of(&text), reterr);
}

static int load_docker_image(const struct archive_load_args *args,
                             const struct archive_layout *layout,
                             const struct docker_archive_image *image, struct imgc_err *reterr)
{
    loading_auto struct loading l = LOADING_INIT(args);

    l.names = image->tags;
    int r = read_part(args->archive, image->config, &l.config_text, reterr);
    r = r < 0 ? r : digest_of(DIGEST_SHA256, l.config_text.ptr, l.config_text.len, &l.id, reterr);
    r = r < 0 ? r : parse_config(&l, image->n_layers, reterr);
    r = r < 0 ? r : check_names(&l, reterr);
    r = r < 0 ? r : keep_document(&l, &l.id, text_of(&l.config_text), reterr);
    for (size_t i = 0; r == 0 && i < image->n_layers; i++) {
        r = load_layer(&l, i, image->layers[i], NULL, reterr);
    }
    r = r < 0 ? r : keep_manifest(&l, layout, reterr);
    return r < 0 ? r : publish(&l, reterr);
}

static int load_docker(const struct archive_load_args *args, struct imgc_str text,
                       struct imgc_err *reterr)
{
    docker_archive_auto struct docker_archive a = DOCKER_ARCHIVE_INIT;
    archive_layout_auto struct archive_layout layout = ARCHIVE_LAYOUT_INIT;

    int r = docker_archive_parse(text, &a, reterr);
    r = r < 0 ? r : archive_layout_read(args->archive, &layout, reterr);
    for (size_t i = 0; r == 0 && i < a.n; i++) {
        r = load_docker_image(args, &layout, &a.images[i], reterr);
        if (r < 0 && a.images[i].tags && a.images[i].tags[0]) {
            r = imgc_context(reterr, "'%s'", a.images[i].tags[0]);
        }
    }
    return r;
}

int archive_load(const struct archive_load_args *args, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES);

    int r = archive_read(args->archive, DOCKER_ARCHIVE_MANIFEST, &text, reterr);
    if (r == 0) {
        return load_docker(args, text_of(&text), reterr);
    }
    r = r < 0 ? r : archive_read(args->archive, ARCHIVE_LAYOUT_INDEX, &text, reterr);
    if (r == ARCHIVE_MISSING) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT,
                         "neither " DOCKER_ARCHIVE_MANIFEST " nor " ARCHIVE_LAYOUT_INDEX
                         " is in it: no archive of images (a root file system is for 'imgc "
                         "import')");
    }
    return r < 0 ? r : load_layout(args, text_of(&text), reterr);
}
