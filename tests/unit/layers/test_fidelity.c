/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real images, unpacked, equal what umoci makes of them; and their layers, mounted, equal that:
 * stacked as directories, and as one EROFS image over their tars.
 */
#include "tests/lib/unit.h"

#include <jansson.h>
#include <sched.h>
#include <sys/mount.h>

#include "layers/codec.h"
#include "layers/dir_sink.h"
#include "layers/erofs.h"
#include "layers/tar_source.h"
#include "schema/limits.h"
#include "tests/lib/data.h"
#include "tests/lib/dir_text.h"
#include "tests/lib/erofs_mount.h"
#include "tests/lib/temp_dir.h"

#define TEXT_MAX (32u << 20)
#define LAYERS_MAX 64
#define PATH_ROOM 600

/* An image's layers as plain tars. */
struct image {
    int fds[LAYERS_MAX];
    struct tar_data data[LAYERS_MAX];
    size_t n;
    const char *dir; /* OCI layout; or the members of a docker-archive, laid out flat */
    struct temp_dir *temp;
};

static char *read_file(const char *path)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEXT_MAX);
    imgc_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct imgc_err err;
    char *text = NULL;

    if (fd < 0) {
        fail_msg("open %s: %m", path);
    }
    assert_ok(fd_read_all(fd, &b, &err), err);
    assert_ok(imgc_buf_take(&b, &text, &err), err);
    return text;
}

static json_t *read_json(const char *path)
{
    imgc_autofree char *text = read_file(path);
    json_t *json = json_loads(text, 0, NULL);

    assert_non_null(json);
    return json;
}

static int to_fd(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    return fd_write_all(*(const int *)arg, ptr, len, reterr);
}

/* Inflate the file @path into a new layer of the image. */
static void add_layer(struct image *image, const char *path)
{
    imgc_auto(codec_freep) struct codec *codec = NULL;
    imgc_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    char name[32], chunk[65536];
    size_t n = 0;
    struct imgc_err err;

    if (fd < 0) {
        fail_msg("open %s: %m", path);
    }
    assert_true(image->n < LAYERS_MAX);
    (void)snprintf(name, sizeof name, "layer%zu", image->n);
    int to = openat(image->temp->fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(to >= 0);
    assert_ok(codec_new(to_fd, &to, &codec, &err), err);
    do {
        assert_ok(fd_read_some(fd, chunk, sizeof chunk, &n, &err), err);
        assert_ok(codec_write(codec, chunk, n, &err), err);
    } while (n > 0);
    assert_ok(codec_finish(codec, &err), err);
    image->data[image->n] = (struct tar_data)TAR_DATA_FD(to);
    image->fds[image->n++] = to;
}

static void blob_path(const struct image *image, const json_t *descriptor, char out[PATH_ROOM])
{
    const char *digest = json_string_value(json_object_get(descriptor, "digest"));

    assert_non_null(digest);
    (void)snprintf(out, PATH_ROOM, "%s/blobs/sha256/%s", image->dir, strchr(digest, ':') + 1);
    /* busybox publishes links here, which its source control hands out as files with the target. */
    imgc_autofree char *text = read_file(out);
    if (strncmp(text, "../../", 6) == 0) {
        (void)snprintf(out, PATH_ROOM, "%s/%s", image->dir, text + 6);
    }
}

/* amd64's, or the first. */
static const json_t *choose_manifest(const json_t *list)
{
    size_t i;
    const json_t *item;

    json_array_foreach(list, i, item)
    {
        const json_t *platform = json_object_get(item, "platform");
        const char *arch = json_string_value(json_object_get(platform, "architecture"));
        if (arch && strcmp(arch, "amd64") == 0) {
            return item;
        }
    }
    return json_array_get(list, 0);
}

static void load_layout(struct image *image)
{
    char path[PATH_ROOM + 16];
    size_t i;
    const json_t *layer;

    (void)snprintf(path, sizeof path, "%s/index.json", image->dir);
    json_t *json = read_json(path);
    while (json_object_get(json, "manifests")) {
        blob_path(image, choose_manifest(json_object_get(json, "manifests")), path);
        json_decref(json);
        json = read_json(path);
    }
    json_array_foreach(json_object_get(json, "layers"), i, layer)
    {
        blob_path(image, layer, path);
        add_layer(image, path);
    }
    json_decref(json);
}

/* '/' in a member's name becomes '_'. */
static void flatten(char *name)
{
    for (; *name != '\0'; name++) {
        *name = *name == '/' ? '_' : *name;
    }
}

static void extract_member(const struct image *image, struct entry *e, int archive_fd)
{
    struct imgc_err err;

    flatten(e->path);
    if (e->type == ENTRY_SYMLINK) {
        /* "../ID/layer.tar": docker's way of naming a layer twice. */
        char *target = strncmp(e->target, "../", 3) == 0 ? e->target + 3 : e->target;
        flatten(target);
        assert_int_equal(symlinkat(target, image->temp->fd, e->path), 0);
    } else if (e->type == ENTRY_FILE) {
        imgc_autoclose int fd =
            openat(image->temp->fd, e->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        for (size_t i = 0; i < e->n_extents; i++) {
            assert_ok(fd_copy_range(archive_fd, e->extents[i].source_offset, fd,
                                    e->extents[i].file_offset, e->extents[i].len, &err),
                      err);
        }
    }
}

static void load_archive(struct image *image, const char *archive)
{
    imgc_auto(tar_source_freep) struct tar_source *source = NULL;
    imgc_autoclose int fd = open(archive, O_RDONLY | O_CLOEXEC);
    struct imgc_err err;
    char path[PATH_ROOM];
    size_t i;
    const json_t *layer;
    int r = 0;

    assert_ok(tar_source_new(fd, &source, &err), err);
    while (r == 0) {
        entry_auto struct entry e = ENTRY_INIT;
        r = tar_source_entries(source)->next(tar_source_entries(source), &e, &err);
        if (r == 0) {
            extract_member(image, &e, fd);
        }
    }
    assert_int_equal(r, SOURCE_END);
    (void)snprintf(path, sizeof path, "%s/manifest.json", image->temp->path);
    json_t *json = read_json(path);
    json_array_foreach(json_object_get(json_array_get(json, 0), "Layers"), i, layer)
    {
        imgc_autofree char *name = strdup(json_string_value(layer));
        flatten(name);
        (void)snprintf(path, sizeof path, "%s/%s", image->temp->path, name);
        add_layer(image, path);
    }
    json_decref(json);
}

static void apply_layer(struct tree *t, int fd)
{
    imgc_auto(tar_source_freep) struct tar_source *source = NULL;
    struct imgc_err err;

    assert_ok(tar_source_new(fd, &source, &err), err);
    assert_ok(tree_apply(t, tar_source_entries(source), &err), err);
}

/* Write the merged root to "root" and "erofs", and each layer's directory to "lowerN". */
static void write_image(struct image *image)
{
    imgc_auto(tree_freep) struct tree *t = NULL;
    struct dir_sink_report report;
    struct imgc_err err;

    assert_ok(tree_new(&t, &err), err);
    for (size_t i = 0; i <= image->n; i++) {
        bool is_root = i == image->n;
        char name[32] = "root";
        if (!is_root) {
            (void)snprintf(name, sizeof name, "lower%zu", i);
            apply_layer(t, image->fds[i]);
        }
        imgc_autoclose int fd = temp_dir_sub(image->temp, name);
        const struct dir_sink_args args = {
            .layers = image->data, .n_layers = image->n, .dir_fd = fd, .is_privileged = true
        };
        assert_ok(is_root ? dir_sink_root(t, &args, &report, &err)
                          : dir_sink_overlay(t, &args, &report, &err),
                  err);
    }
    imgc_autoclose int fd = erofs_mount_file(image->temp, "erofs");
    const struct erofs_args args = { .layer_fds = image->fds,
                                     .n_layer_fds = image->n,
                                     .image_fd = fd };
    assert_ok(erofs_write(t, &args, NULL, &err), err);
}

struct mounts {
    bool overlay, erofs;
};

/* What can be mounted here; says what cannot. */
static struct mounts try_mounts(void)
{
    struct mounts m = { .overlay = false };
    struct temp_dir temp;

    temp_dir_make(&temp);
    m.overlay = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    m.erofs = m.overlay && erofs_mount_works(&temp);
    if (!m.overlay) {
        print_message("skipped in part: no mounting here; unpacked only\n");
    }
    temp_dir_remove(&temp);
    return m;
}

/* The layers on each other; 50 short paths fit into mount()'s page of options. */
static void mounted_text(const struct image *image, struct imgc_buf *b)
{
    imgc_autobuf struct imgc_buf options = IMGC_BUF_INIT(4095);
    imgc_autofree char *where = dir_text_join(image->temp->path, "mnt");
    struct imgc_str text;
    struct imgc_err err;

    imgc_buf_puts(&options, "lowerdir=");
    for (size_t i = image->n; i > 0; i--) {
        imgc_buf_printf(&options, "%s/lower%zu:", image->temp->path, i - 1);
    }
    imgc_buf_printf(&options, "%s/empty", image->temp->path);
    assert_ok(imgc_buf_finish(&options, &text, &err), err);
    (void)close(temp_dir_sub(image->temp, "empty"));
    (void)close(temp_dir_sub(image->temp, "mnt"));
    if (mount("overlay", where, "overlay", MS_RDONLY, text.ptr) < 0) {
        fail_msg("mount %s: %m", text.ptr);
    }
    dir_text(b, where, false);
    assert_int_equal(umount(where), 0);
}

static void erofs_text(const struct image *image, struct imgc_buf *b)
{
    imgc_autofree char *where = dir_text_join(image->temp->path, "mnt");
    imgc_autoclose int fd = openat(image->temp->fd, "erofs", O_RDONLY | O_CLOEXEC);
    const struct erofs_mount m = { .image_fd = fd, .tar_fds = image->fds, .n_tars = image->n };

    assert_int_equal(erofs_mount(&m, where), 0);
    dir_text(b, where, false);
    assert_int_equal(umount(where), 0);
}

static void check_image(const char *source, const char *want, const struct mounts *mounts)
{
    struct temp_dir temp;
    struct stat st;
    imgc_autobuf struct imgc_buf got = IMGC_BUF_INIT(TEXT_MAX);
    imgc_autobuf struct imgc_buf mounted = IMGC_BUF_INIT(TEXT_MAX);

    temp_dir_make(&temp);
    struct image image = { .temp = &temp, .dir = source };
    assert_int_equal(stat(source, &st), 0);
    if (S_ISDIR(st.st_mode)) {
        load_layout(&image);
    } else {
        load_archive(&image, source);
    }
    write_image(&image);
    imgc_autofree char *root = dir_text_join(temp.path, "root");
    dir_text(&got, root, false);
    dir_text_expect(got.ptr, want, source);
    if (mounts->overlay) {
        mounted_text(&image, &mounted);
        dir_text_expect(mounted.ptr, got.ptr, source);
    }
    if (mounts->erofs) {
        imgc_buf_clear(&mounted);
        erofs_text(&image, &mounted);
        dir_text_expect(mounted.ptr, got.ptr, source);
    }
    for (size_t i = 0; i < image.n; i++) {
        (void)close(image.fds[i]);
    }
    temp_dir_remove(&temp);
}

static void test_images(void **state)
{
    static const struct {
        const char *source, *expected;
    } cases[] = {
        { "busybox/latest/glibc/amd64", "busybox_latest_glibc_amd64" },
        { "images/cri-o/test/testdata/image.tar", "cri-o_test_image.tar" },
        { "images/dive/test-docker-image.tar", "dive_test-docker-image.tar" },
        { "images/dive/test-kaniko-image.tar", "dive_test-kaniko-image.tar" },
        { "images/ggcr/mutate/testdata/overwritten_file.tar", "ggcr_mutate_overwritten_file.tar" },
        { "images/ggcr/mutate/testdata/whiteout_dir.tar", "ggcr_mutate_whiteout_dir.tar" },
        { "images/ggcr/mutate/testdata/whiteout_image.tar", "ggcr_mutate_whiteout_image.tar" },
        { "images/oci-tools/hard-link-1", "oci-tools_hard-link-1" },
        { "images/oci-tools/hard-link-2", "oci-tools_hard-link-2" },
        { "images/oci-tools/hard-link-delete-1", "oci-tools_hard-link-delete-1" },
        { "images/oci-tools/hard-link-delete-2", "oci-tools_hard-link-delete-2" },
        { "images/oci-tools/hard-link-delete-3", "oci-tools_hard-link-delete-3" },
        { "images/oci-tools/hard-link-delete-4", "oci-tools_hard-link-delete-4" },
        { "images/oci-tools/hard-link-delete-xattr", "oci-tools_hard-link-delete-xattr" },
        { "images/oci-tools/hello-world-docker-v2-manifest",
          "oci-tools_hello-world-docker-v2-manifest" },
        { "images/oci-tools/hello-world-docker-v2-manifest-list",
          "oci-tools_hello-world-docker-v2-manifest-list" },
        { "images/oci-tools/many-layers", "oci-tools_many-layers" },
        { "images/oci-tools/root-dir-entry", "oci-tools_root-dir-entry" },
        { "images/oci-tools/whiteout-explicit-dir", "oci-tools_whiteout-explicit-dir" },
        { "images/oci-tools/whiteout-explicit-file", "oci-tools_whiteout-explicit-file" },
        { "images/oci-tools/whiteout-opaque", "oci-tools_whiteout-opaque" },
        { "images/oci-tools/whiteout-opaque-end", "oci-tools_whiteout-opaque-end" },
    };
    size_t n_checked = 0;
    (void)state;

    if (!dir_sink_privileged()) {
        print_message("skipped: setting owners needs root\n");
        skip();
    }
    struct mounts mounts = try_mounts();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char source[PATH_ROOM], expected[PATH_ROOM], name[PATH_ROOM];
        (void)snprintf(name, sizeof name, "expected/%s.umoci", cases[i].expected);
        if (!data_path(cases[i].source, source, sizeof source) ||
            !data_path(name, expected, sizeof expected)) {
            continue;
        }
        imgc_autofree char *want = read_file(expected);
        check_image(source, want, &mounts);
        n_checked++;
    }
    if (n_checked == 0) {
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_images) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
