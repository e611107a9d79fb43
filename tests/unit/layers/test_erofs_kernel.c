/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees as EROFS images, mounted by the kernel, equal the same trees as directories.
 */
#include "tests/lib/unit.h"

#include <sys/wait.h>

#include "layers/dir_sink.h"
#include "layers/erofs.h"
#include "schema/base/clock.h"
#include "tests/lib/data.h"
#include "tests/lib/dir_text.h"
#include "tests/lib/entry_gen.h"
#include "tests/lib/erofs_mount.h"
#include "tests/lib/layer_gen.h"
#include "tests/lib/layer_tar.h"
#include "tests/lib/layer_text.h"
#include "tests/lib/temp_dir.h"

#define TEXT_MAX (32u << 20)
#define LAYERS_MAX 4
#define DATA_BYTES (256u << 10) /* of the file that random extents point into */
#define SECONDS_MAX 60
#define WIDE 100000u /* entries of a directory */
#define HUGE_BYTES ((uint64_t)5 << 30)
#define TAR_FILE_MAX (64u << 20) /* some tars have a hole of 60 GB, which takes long to read */

#if defined(__SANITIZE_ADDRESS__)
#    define SEEDS 200
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define SEEDS 200
#    endif
#endif
#ifndef SEEDS
#    define SEEDS 1000
#endif

static struct temp_dir temp;
static struct temp_dir ram; /* directories are made in memory: a thousand of them on a disk take
                               minutes */
static bool can_mount, can_fsck;

static int sink_directory(struct tree *t, const int *tar_fds, size_t n, struct imgc_err *err)
{
    struct dir_sink_report report;
    struct tar_data data[LAYERS_MAX];
    imgc_autoclose int fd = temp_dir_sub(&ram, "dir");
    const struct dir_sink_args args = {
        .layers = data, .n_layers = n, .dir_fd = fd, .is_privileged = true
    };

    for (size_t i = 0; i < n; i++) {
        data[i] = (struct tar_data)TAR_DATA_FD(tar_fds[i]);
    }
    return dir_sink_root(t, &args, &report, err);
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

/* What erofs-utils says of the file "image" over the files "tarN"; 0 is good. */
static int run_fsck(size_t n)
{
    char image[128], devices[LAYERS_MAX][160];
    const char *argv[LAYERS_MAX + 4] = { "fsck.erofs", "--extract", image };
    int status = -1;

    (void)snprintf(image, sizeof image, "%s/image", temp.path);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(devices[i], sizeof devices[i], "--device=%s/tar%zu", temp.path, i);
        argv[3 + i] = devices[i];
    }
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* Before version 1.6 it knows no blocks of 512 bytes. */
static bool try_fsck(void)
{
    imgc_autoclose int fd = erofs_mount_file(&temp, "image");
    const struct erofs_args args = { .image_fd = fd };
    tree_auto struct tree *t = NULL;
    struct imgc_err err;

    assert_ok(tree_new(&t, &err), err);
    assert_ok(erofs_write(t, &args, NULL, &err), err);
    if (run_fsck(0) == 0) {
        return true;
    }
    print_message("skipped in part: no fsck.erofs that understands such images\n");
    return false;
}

/* Both forms are the same, or both refuse. False for the latter. */
static bool check_tree(struct tree *t, const int *tar_fds, size_t n, const char *what)
{
    imgc_autobuf struct imgc_buf want = IMGC_BUF_INIT(TEXT_MAX);
    imgc_autobuf struct imgc_buf got = IMGC_BUF_INIT(TEXT_MAX);
    imgc_autofree char *path = dir_text_join(ram.path, "dir");
    imgc_autoclose int fd = erofs_mount_file(&temp, "image");
    const struct erofs_args args = { .layer_fds = tar_fds, .n_layer_fds = n, .image_fd = fd };
    struct imgc_err dir_err = { .code = IMGC_OK }, err = { .code = IMGC_OK }, ignored;

    int image_r = erofs_write(t, &args, NULL, &err);
    int dir_r = sink_directory(t, tar_fds, n, &dir_err);
    if ((image_r < 0) != (dir_r < 0)) {
        fail_msg("%s: image %s, directory %s", what, err.msg, dir_err.msg);
    }
    if (dir_r == 0) {
        dir_text(&want, path, true);
        text_of_image(fd, tar_fds, n, &got);
        dir_text_expect(got.ptr, want.ptr, what);
        if (can_fsck && run_fsck(n) != 0) {
            fail_msg("%s: fsck.erofs finds something", what);
        }
    }
    assert_ok(fd_remove_tree(ram.fd, "dir", NULL, &ignored), ignored);
    return dir_r == 0;
}

/* The bytes behind all extents of random layers: no two blocks are the same. */
static int data_file(const char *name)
{
    static uint32_t words[DATA_BYTES / 4];
    int fd = erofs_mount_file(&temp, name);

    for (size_t i = 0; i < DATA_BYTES / 4; i++) {
        words[i] = (uint32_t)i * 2654435761u;
    }
    assert_int_equal(write(fd, words, sizeof words), sizeof words);
    return fd;
}

/* Many kinds of entries below, or layers that hide and replace each other, or those over these. */
static int random_tree(struct tree *t, uint64_t seed, size_t *ret_n, struct imgc_err *err)
{
    static struct layer_gen layers[LAYERS_MAX - 1];
    static struct entry_gen g;
    uint64_t state = seed;
    size_t n = seed % 3 == 0 ? 0 : 1 + layer_gen_random(&state, LAYERS_MAX - 1);
    int r = 0;

    memset(&g, 0, sizeof g);
    g.seed = seed;
    /* ext4 has about 4 KiB for the xattrs of a file. */
    g.limits =
        (struct entry_gen_limits){ seed % 50 ? 1 + seed % 60 : 400, DATA_BYTES, 100000, 3000 };
    if (seed % 3 != 1) {
        r = entry_gen_apply(&g, t, err);
    }
    for (size_t i = 0; r == 0 && i < n; i++) {
        layer_gen_make(&layers[i], &state);
        r = layer_gen_apply(t, &layers[i], err);
    }
    *ret_n = tree_layers(t);
    return r;
}

static void random_trees_equal_directories(void **state)
{
    int tar_fds[LAYERS_MAX];
    unsigned n_checked = 0;
    int64_t start = clock_monotonic_ns();
    (void)state;

    if (!can_mount) {
        skip();
    }
    for (size_t i = 0; i < LAYERS_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "tar%zu", i);
        tar_fds[i] = data_file(name);
    }
    for (uint64_t seed = 1; n_checked < SEEDS; seed++) {
        tree_auto struct tree *t = NULL;
        struct imgc_err err;
        char what[64];
        size_t n = 0;
        (void)snprintf(what, sizeof what, "seed %llu", (unsigned long long)seed);
        assert_ok(tree_new(&t, &err), err);
        /* Layers that do not fit on each other are no tree. */
        n_checked += random_tree(t, seed, &n, &err) == 0 && check_tree(t, tar_fds, n, what);
        if (clock_monotonic_ns() - start > (int64_t)SECONDS_MAX * 1000000000) {
            break;
        }
    }
    print_message("%u random trees\n", n_checked);
    assert_true(n_checked > 20);
    for (size_t i = 0; i < LAYERS_MAX; i++) {
        (void)close(tar_fds[i]);
    }
}

/* Bytes of the largest file. */
static uint64_t biggest(const struct tree_dentry *d)
{
    uint64_t max = d->inode->size;

    for (size_t i = 0; i < tree_children(d); i++) {
        uint64_t n = biggest(tree_child(d, i));
        max = n > max ? n : max;
    }
    return max;
}

static void check_tar(const char *path, unsigned *ret_checked)
{
    imgc_autoclose int fd = erofs_mount_file(&temp, "tar0");
    tree_auto struct tree *t = NULL;
    struct imgc_err err;

    assert_ok(tree_new(&t, &err), err);
    if (layer_tar_inflate(path, fd, &err) == 0 && layer_tar_apply(t, fd, &err) == 0 &&
        biggest(tree_root(t)) < TAR_FILE_MAX) {
        *ret_checked += check_tree(t, &fd, 1, path);
    }
}

static void odd_tars_equal_directories(void **state)
{
    char root[4096], *roots[] = { root, NULL };
    unsigned n_checked = 0;
    (void)state;

    if (!can_mount || !data_path("odd-tars", root, sizeof root)) {
        skip();
    }
    FTS *fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    assert_non_null(fts);
    for (FTSENT *e = fts_read(fts); e; e = fts_read(fts)) {
        if (e->fts_info == FTS_F) {
            check_tar(e->fts_path, &n_checked);
        }
    }
    print_message("%u tars\n", n_checked);
    assert_true(n_checked > 50);
    (void)fts_close(fts);
}

/* The kernel finds each name of a directory of thousands of blocks, and none besides. */
static void check_wide_directory(const char *mnt)
{
    struct stat st;
    char path[200];

    for (unsigned i = 0; i < WIDE; i++) {
        (void)snprintf(path, sizeof path, "%s/wide/%x", mnt, i * 2654435761u);
        if (lstat(path, &st) < 0) {
            fail_msg("%s: %m", path);
        }
        strcat(path, "~");
        assert_int_equal(lstat(path, &st), -1);
    }
}

static void check_byte(const char *mnt, const char *name, uint64_t offset, int want)
{
    imgc_autofree char *path = dir_text_join(mnt, name);
    imgc_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    unsigned char got = 0;

    assert_int_equal(pread(fd, &got, 1, (off_t)offset), 1);
    assert_int_equal(got, want);
}

static void add_file(struct tree *t, const char *name, uint64_t size, const struct extent *x)
{
    struct imgc_err err;
    struct entry e = ENTRY_INIT;
    char text[64];

    (void)snprintf(text, sizeof text, "f %s", name);
    assert_ok(layer_text_apply(t, text, &err), err);
    assert_ok(entry_add_extent(&e, x, &err), err);
    struct tree_inode *inode = tree_lookup(t, imgc_str_of(name), false)->inode;
    inode->extents = e.extents;
    inode->n_extents = e.n_extents;
    inode->size = size;
    inode->layer = 0; /* whose tar there is */
}

static void mount_large_things(void)
{
    static const struct extent all = { 0, 512, HUGE_BYTES }, one = { HUGE_BYTES, 512, 1 };
    imgc_autoclose int tar_fd = erofs_mount_file(&temp, "tar0");
    imgc_autoclose int fd = erofs_mount_file(&temp, "image");
    imgc_autofree char *mnt = dir_text_join(temp.path, "mnt");
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(8u << 20);
    const struct erofs_args args = { .layer_fds = &tar_fd, .n_layer_fds = 1, .image_fd = fd };
    const struct erofs_mount m = { .image_fd = fd, .tar_fds = &tar_fd, .n_tars = 1 };
    tree_auto struct tree *t = NULL;
    struct imgc_err err;

    assert_ok(tree_new(&t, &err), err);
    imgc_buf_puts(&text, "d wide");
    for (unsigned i = 0; i < WIDE; i++) {
        imgc_buf_printf(&text, "\nf wide/%x", i * 2654435761u);
    }
    assert_ok(layer_text_apply(t, text.ptr, &err), err);
    add_file(t, "huge", HUGE_BYTES, &all);
    add_file(t, "hole", 2 * HUGE_BYTES, &one);
    assert_int_equal(ftruncate(tar_fd, HUGE_BYTES + 1024), 0);
    assert_int_equal(pwrite(tar_fd, "A", 1, 512), 1);
    assert_int_equal(pwrite(tar_fd, "Z", 1, (off_t)(HUGE_BYTES + 511)), 1);
    assert_ok(erofs_write(t, &args, NULL, &err), err);
    assert_int_equal(mkdirat(temp.fd, "mnt", 0700), 0);
    assert_int_equal(erofs_mount(&m, mnt), 0);
    check_wide_directory(mnt);
    check_byte(mnt, "huge", 0, 'A');
    check_byte(mnt, "huge", HUGE_BYTES - 1, 'Z');
    check_byte(mnt, "hole", 0, 0);
    check_byte(mnt, "hole", HUGE_BYTES, 'A');
    check_byte(mnt, "hole", HUGE_BYTES + 1, 0);
    assert_int_equal(umount2(mnt, 0), 0);
    assert_int_equal(unlinkat(temp.fd, "mnt", AT_REMOVEDIR), 0);
}

static void large_things(void **state)
{
    (void)state;
    if (!can_mount) {
        skip(); /* jumps: nothing may be allocated by now */
    }
    mount_large_things();
}

static int setup(void **state)
{
    (void)state;
    temp_dir_make(&temp);
    can_mount = dir_sink_privileged() && erofs_mount_works(&temp);
    if (can_mount) {
        int n = snprintf(ram.path, sizeof ram.path, "%s/ram", temp.path);
        assert_in_range(n, 1, sizeof ram.path - 1);
        assert_int_equal(mkdir(ram.path, 0700), 0);
        assert_int_equal(mount("tmpfs", ram.path, "tmpfs", 0, NULL), 0);
        ram.fd = open(ram.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    can_fsck = can_mount && try_fsck();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (can_mount) {
        imgc_closep(&ram.fd);
        assert_int_equal(umount2(ram.path, MNT_DETACH), 0);
    }
    temp_dir_remove(&temp);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(random_trees_equal_directories),
                                        cmocka_unit_test(odd_tars_equal_directories),
                                        cmocka_unit_test(large_things) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
