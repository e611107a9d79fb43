/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees as EROFS images, mounted by the kernel, equal the same trees as directories.
 */
#include "tests/lib/unit.h"

#include <time.h>

#include "layers/dir_sink.h"
#include "layers/erofs.h"
#include "tests/lib/dir_text.h"
#include "tests/lib/erofs_mount.h"
#include "tests/lib/layer_gen.h"
#include "tests/lib/temp_dir.h"

#define TEXT_MAX (32u << 20)
#define LAYERS_MAX 4

static struct temp_dir temp;
static bool can_mount;

static void text_of_directory(struct tree *t, const int *tar_fds, size_t n, struct imgc_buf *b)
{
    struct dir_sink_report report;
    struct imgc_err err;
    imgc_autofree char *path = dir_text_join(temp.path, "dir");
    imgc_autoclose int fd = temp_dir_sub(&temp, "dir");
    struct tar_data data[LAYERS_MAX];
    const struct dir_sink_args args = {
        .layers = data, .n_layers = n, .dir_fd = fd, .is_privileged = true
    };

    for (size_t i = 0; i < n; i++) {
        data[i] = (struct tar_data)TAR_DATA_FD(tar_fds[i]);
    }
    assert_ok(dir_sink_root(t, &args, &report, &err), err);
    dir_text(b, path, true);
    assert_ok(fd_remove_tree(temp.fd, "dir", NULL, &err), err);
}

static void text_of_image(int image_fd, const int *tar_fds, size_t n, struct imgc_buf *b)
{
    const struct erofs_mount m = { .image_fd = image_fd, .tar_fds = tar_fds, .n_tars = n };
    imgc_autofree char *path = dir_text_join(temp.path, "mnt");

    assert_int_equal(mkdirat(temp.fd, "mnt", 0700), 0);
    assert_int_equal(erofs_mount(&m, path), 0);
    dir_text(b, path, true);
    assert_int_equal(umount2(path, 0), 0);
    assert_int_equal(unlinkat(temp.fd, "mnt", AT_REMOVEDIR), 0);
}

static void check_tree(struct tree *t, const int *tar_fds, size_t n, const char *what)
{
    imgc_autobuf struct imgc_buf want = IMGC_BUF_INIT(TEXT_MAX);
    imgc_autobuf struct imgc_buf got = IMGC_BUF_INIT(TEXT_MAX);
    imgc_autoclose int fd = erofs_mount_file(&temp, "image");
    const struct erofs_args args = { .layer_fds = tar_fds, .n_layer_fds = n, .image_fd = fd };
    struct imgc_err err;

    assert_ok(erofs_write(t, &args, NULL, &err), err);
    text_of_directory(t, tar_fds, n, &want);
    text_of_image(fd, tar_fds, n, &got);
    dir_text_expect(got.ptr, want.ptr, what);
}

/* The bytes behind all extents of random layers: no two blocks are the same. */
static int data_file(const char *name)
{
    uint32_t words[LAYER_GEN_DATA / 4];
    int fd = erofs_mount_file(&temp, name);

    for (size_t i = 0; i < LAYER_GEN_DATA / 4; i++) {
        words[i] = (uint32_t)i * 2654435761u;
    }
    assert_int_equal(write(fd, words, sizeof words), sizeof words);
    return fd;
}

static void check_seed(uint64_t seed, const int *tar_fds)
{
    static struct layer_gen layers[LAYERS_MAX];
    struct tree *t = NULL;
    struct imgc_err err;
    char what[64];
    uint64_t state = seed;
    size_t n = 1 + layer_gen_random(&state, LAYERS_MAX);

    (void)snprintf(what, sizeof what, "seed %llu", (unsigned long long)seed);
    layer_gen_stack(layers, n, &state);
    assert_ok(tree_new(&t, &err), err);
    for (size_t i = 0; i < n; i++) {
        assert_ok(layer_gen_apply(t, &layers[i], &err), err);
    }
    check_tree(t, tar_fds, n, what);
    tree_freep(&t);
}

static void random_trees_equal_directories(void **state)
{
    int tar_fds[LAYERS_MAX];
    (void)state;

    if (!can_mount) {
        skip();
    }
    for (size_t i = 0; i < LAYERS_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "tar%zu", i);
        tar_fds[i] = data_file(name);
    }
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        check_seed(seed, tar_fds);
    }
    for (size_t i = 0; i < LAYERS_MAX; i++) {
        (void)close(tar_fds[i]);
    }
}

static int setup(void **state)
{
    (void)state;
    temp_dir_make(&temp);
    can_mount = dir_sink_privileged() && erofs_mount_works(&temp);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_dir_remove(&temp);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(random_trees_equal_directories) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
