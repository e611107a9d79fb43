/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The overlay form: mounting the layers gives exactly the merged root, for random stacks.
 */
#include "tests/lib/unit.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include "layers/dir_sink.h"
#include "tests/lib/dir_text.h"
#include "tests/lib/layer_gen.h"
#include "tests/lib/temp_dir.h"
#include "tests/lib/whiteout.h"

#define ROUNDS 200
#define LAYERS_MAX 6
#define TEXT_MAX (16u << 20)

struct fixture {
    struct temp_dir dir;
    int data_fd; /* what all extents point into */
    bool can_mount;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    uint64_t seed = 7;
    char data[LAYER_GEN_DATA];
    struct imgc_err err;

    temp_dir_make(&f->dir);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (char)layer_gen_random(&seed, 256);
    }
    f->data_fd = openat(f->dir.fd, "data", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_ok(fd_write_all(f->data_fd, data, sizeof data, &err), err);
    f->can_mount =
        unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    (void)close(f->data_fd);
    temp_dir_remove(&f->dir);
    free(f);
    return 0;
}

static void write_form(const struct fixture *f, struct tree *t, const char *name, bool is_overlay)
{
    struct tar_data data[LAYERS_MAX];
    imgc_autoclose int dir_fd = temp_dir_sub(&f->dir, name);
    const struct dir_sink_args args = { .layers = data,
                                        .n_layers = LAYERS_MAX,
                                        .dir_fd = dir_fd,
                                        .is_privileged = dir_sink_privileged() };
    struct dir_sink_report report;
    struct imgc_err err;

    for (size_t i = 0; i < LAYERS_MAX; i++) {
        data[i] = (struct tar_data)TAR_DATA_FD(f->data_fd);
    }
    if (!is_overlay) {
        assert_ok(dir_sink_root(t, &args, &report, &err), err);
        return;
    }
    assert_ok(dir_sink_overlay(t, &args, &report, &err), err);
    assert_ok(dir_sink_check_overlay(t, &args, &err), err);
}

/* The text of layers 0..@top mounted on each other. */
static void mounted_text(const struct fixture *f, size_t top, struct imgc_buf *b)
{
    char options[1024] = "lowerdir=";
    char where[80];

    for (size_t i = top + 1; i > 0; i--) {
        (void)snprintf(options + strlen(options), sizeof options - strlen(options),
                       "%s/lower%zu:", f->dir.path, i - 1);
    }
    /* overlayfs without an upper directory wants two lower ones. */
    (void)snprintf(options + strlen(options), sizeof options - strlen(options), "%s/empty",
                   f->dir.path);
    (void)snprintf(where, sizeof where, "%s/mnt", f->dir.path);
    if (mount("overlay", where, "overlay", MS_RDONLY, options) < 0) {
        fail_msg("mount %s: %m", options);
    }
    dir_text(b, where, true);
    assert_int_equal(umount(where), 0);
}

static void print_layers(const struct layer_gen *layers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        print_message("layer %zu\n", i);
        for (size_t k = 0; k < layers[i].n; k++) {
            const struct layer_gen_entry *e = &layers[i].entries[k];
            print_message("  %d %04o %s %s\n", (int)e->type, e->mode, e->path, e->target);
        }
    }
}

static void check_round(const struct fixture *f, uint64_t seed)
{
    struct layer_gen layers[LAYERS_MAX];
    size_t n = 3 + layer_gen_random(&seed, 4);
    struct tree *t = NULL;
    struct imgc_err err;

    layer_gen_stack(layers, n, &seed);
    assert_ok(tree_new(&t, &err), err);
    for (size_t i = 0; i < n; i++) {
        imgc_autobuf struct imgc_buf merged = IMGC_BUF_INIT(TEXT_MAX);
        imgc_autobuf struct imgc_buf mounted = IMGC_BUF_INIT(TEXT_MAX);
        char lower[16], root[16], path[96], what[64];

        assert_ok(layer_gen_apply(t, &layers[i], &err), err);
        (void)snprintf(lower, sizeof lower, "lower%zu", i);
        (void)snprintf(root, sizeof root, "root%zu", i);
        write_form(f, t, lower, true);
        write_form(f, t, root, false);
        (void)snprintf(path, sizeof path, "%s/%s", f->dir.path, root);
        if (!f->can_mount) {
            continue;
        }
        dir_text(&merged, path, true);
        mounted_text(f, i, &mounted);
        (void)snprintf(what, sizeof what, "layer %zu of %zu", i, n);
        if (strcmp(mounted.ptr, merged.ptr) != 0) {
            print_layers(layers, i + 1);
        }
        dir_text_expect(mounted.ptr, merged.ptr, what);
    }
    tree_freep(&t);
    for (size_t i = 0; i < n; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "lower%zu", i);
        assert_ok(fd_remove_tree(f->dir.fd, name, NULL, &err), err);
        (void)snprintf(name, sizeof name, "root%zu", i);
        assert_ok(fd_remove_tree(f->dir.fd, name, NULL, &err), err);
    }
}

static void test_random_stacks(void **state)
{
    struct fixture *f = *state;

    whiteout_or_skip(f->dir.fd);
    (void)close(temp_dir_sub(&f->dir, "mnt"));
    (void)close(temp_dir_sub(&f->dir, "empty"));
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        check_round(f, round * UINT64_C(0x9e3779b97f4a7c15));
    }
    if (!f->can_mount) {
        print_message("skipped in part: mounting overlayfs needs root; written and checked only\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_stacks) };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
