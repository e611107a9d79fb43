/* SPDX-License-Identifier: Apache-2.0 */
/* Random stacks of layers are punched, read, changed, killed and restored. */
#include "tests/lib/unit.h"

#include <signal.h>
#include <sys/wait.h>

#include "layers/punch.h"
#include "layers/rootfs.h"
#include "layers/rootfs_stack.h"
#include "schema/base/fd.h"
#include "store/disk.h"
#include "store/gc.h"
#include "store/store_handle.h"
#include "store/sync.h"
#include "store/trash.h"
#include "tests/lib/layer_store.h"
#include "tests/lib/whiteout.h"

#define LAYERS 3
#define SEEDS 12
#define DATA_BYTES (256u << 10)
#define KILLS 25
#define LIFE_US_MAX 6000

static int open_data(struct test_store *t)
{
    char path[128];
    uint64_t seed = 99;
    uint32_t *data = malloc(DATA_BYTES);

    assert_non_null(data);
    for (size_t i = 0; i < DATA_BYTES / sizeof *data; i++) {
        data[i] = layer_gen_random(&seed, UINT32_MAX);
    }
    (void)snprintf(path, sizeof path, "%s/data", t->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, data, DATA_BYTES), DATA_BYTES);
    free(data);
    return fd;
}

/* The generator's files are smaller than the blocks of a file system: make some of them larger. */
static void enlarge(struct layer_gen *layer, uint64_t *seed)
{
    for (size_t i = 0; i < layer->n; i++) {
        struct layer_gen_entry *e = &layer->entries[i];
        uint64_t at = 0;
        for (size_t k = 0; k < e->n_extents && layer_gen_random(seed, 4); k++) {
            at += layer_gen_random(seed, 2) ? 0 : layer_gen_random(seed, 9000);
            e->extents[k] = (struct extent){
                .file_offset = at,
                .source_offset = layer_gen_random(seed, DATA_BYTES / 2),
                .len = 1 + layer_gen_random(seed, DATA_BYTES / 4),
            };
            at += e->extents[k].len;
            e->size = k + 1 == e->n_extents || at > e->size ? at : e->size;
            if (k + 1 < e->n_extents && e->extents[k + 1].file_offset < at) {
                e->extents[k + 1].file_offset = at;
            }
        }
        for (size_t k = 0; k < e->n_extents; k++) {
            uint64_t end = e->extents[k].file_offset + e->extents[k].len;
            e->size = end > e->size ? end : e->size;
        }
    }
}

static void put_random(struct test_store *t, uint64_t seed, struct digest diff_ids[LAYERS])
{
    struct layer_gen layers[LAYERS];
    int fd = open_data(t);

    seed = seed * 7919 + 1;
    layer_gen_stack(layers, LAYERS, &seed);
    for (size_t i = 0; i < LAYERS; i++) {
        enlarge(&layers[i], &seed);
        diff_ids[i] = layer_store_put(t, &layers[i], fd);
    }
    (void)close(fd);
}

/* One layer: two files, with names on both sides of a hard link. */
static struct digest put_simple(struct test_store *t, const char *name)
{
    struct layer_gen layer = {
        .n = 4,
        .entries = { { .type = ENTRY_FILE,
                       .path = "d/big",
                       .mode = 0644,
                       .size = 100000,
                       .n_extents = 1,
                       .extents = { { 0, 100, 100000 } } },
                     { .type = ENTRY_HARDLINK, .path = "d/same", .target = "d/big" },
                     { .type = ENTRY_FILE,
                       .mode = 0644,
                       .size = 10,
                       .n_extents = 1,
                       .extents = { { 0, 0, 10 } } },
                     { .type = ENTRY_FILE,
                       .path = "replaced",
                       .mode = 0644,
                       .size = 50000,
                       .n_extents = 1,
                       .extents = { { 0, 7, 50000 } } } },
    };
    int fd = open_data(t);
    (void)snprintf(layer.entries[2].path, sizeof layer.entries[2].path, "%s", name);
    struct digest d = layer_store_put(t, &layer, fd);
    (void)close(fd);
    return d;
}

static void prepare(struct test_store *t, const struct digest *diff_ids, size_t n)
{
    whiteout_or_skip(store_root_fd(t->s));
    const struct rootfs_args args = { .store = t->s,
                                      .lease = t->lease,
                                      .diff_ids = diff_ids,
                                      .n_diff_ids = n,
                                      .form = ROOTFS_DIRECTORY };
    assert_ok(rootfs_build(&args, NULL, &t->err), t->err);
}

/* An image of these layers, with its directories, all on disk. */
static void put_image(struct test_store *t, const char *config, const struct digest *diff_ids,
                      size_t n)
{
    (void)test_image(t, config, NULL, diff_ids, n);
    prepare(t, diff_ids, n);
    assert_ok(sync_now(t->s, &t->err), t->err);
}

static int64_t number(struct test_store *t, const char *sql)
{
    int64_t n = -1;
    assert_ok(db_number(t->s->db, sql, &n, &t->err), t->err);
    return n;
}

static void layer_file(struct test_store *t, const struct digest *diff_id, const char *name,
                       char out[512])
{
    char path[PATHS_MAX];
    (void)snprintf(out, 512, "%s/%s/%s", t->root, paths_layer(diff_id, path), name);
}

static struct stat stat_tar(struct test_store *t, const struct digest *diff_id)
{
    struct stat st;
    char path[512];

    layer_file(t, diff_id, "tar", path);
    assert_int_equal(stat(path, &st), 0);
    return st;
}

/* What the tar itself holds, without any map. */
static bool tar_is_whole(struct test_store *t, const struct digest *diff_id)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(64u << 20);
    imgc_autoclose int fd = -1;
    char path[512];

    layer_file(t, diff_id, "tar", path);
    assert_ok(fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, &t->err), t->err);
    assert_ok(fd_read_all(fd, &b, &t->err), t->err);
    struct digest d = test_digest(b.ptr, b.len);
    return digest_eq(&d, diff_id);
}

static void expect_right(struct test_store *t, const struct digest *diff_ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char path[PATHS_MAX];
        struct layer_info info;
        uint64_t bytes = 0;
        assert_ok(rootfs_verify_layer(t->s, &diff_ids[i], &t->err), t->err);
        assert_ok(layer_find(t->s, NULL, &diff_ids[i], &info, &t->err), t->err);
        assert_ok(disk_tree_bytes(t->s->root_fd, paths_layer(&diff_ids[i], path), &bytes, &t->err),
                  t->err);
        assert_int_equal(info.disk_bytes, bytes);
    }
    assert_ok(rootfs_verify_views(t->s, diff_ids, n, &t->err), t->err);
}

static void test_random(void **state)
{
    uint64_t before = 0, after = 0;
    (void)state;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct test_store *t = NULL;
        struct digest diff_ids[LAYERS];
        (void)test_store_setup((void **)&t);
        put_random(t, seed, diff_ids);
        put_image(t, "{}", diff_ids, LAYERS);
        for (size_t i = 0; i < LAYERS; i++) {
            before += (uint64_t)stat_tar(t, &diff_ids[i]).st_blocks;
        }
        assert_ok(punch_all(t->s, &t->err), t->err);
        assert_int_equal(number(t, "SELECT count(*) FROM layer WHERE whole = 1"), 0);
        assert_int_equal(number(t, "SELECT count(*) FROM punch WHERE done = 0"), 0);
        for (size_t i = 0; i < LAYERS; i++) {
            after += (uint64_t)stat_tar(t, &diff_ids[i]).st_blocks;
        }
        expect_right(t, diff_ids, LAYERS);

        for (size_t i = 0; i < LAYERS; i++) {
            assert_ok(punch_restore(t->s, &diff_ids[i], &t->err), t->err);
            assert_true(tar_is_whole(t, &diff_ids[i]));
        }
        assert_int_equal(number(t, "SELECT count(*) FROM layer WHERE whole = 0"), 0);
        expect_right(t, diff_ids, LAYERS);
        (void)test_store_teardown((void **)&t);
    }
    assert_true(after * 2 < before);
}

static void test_names_damage(void **state)
{
    struct test_store *t = *state;
    struct digest layer = put_simple(t, "x");
    char path[512], chain[DIGEST_HEX_MAX], name[256];

    put_image(t, "{}", &layer, 1);
    assert_ok(punch_all(t->s, &t->err), t->err);
    assert_false(tar_is_whole(t, &layer));
    assert_true((uint64_t)stat_tar(t, &layer).st_blocks * 512 < 40000);
    expect_right(t, &layer, 1);

    (void)snprintf(name, sizeof name, "fs/%s/d/same", digest_hex(&layer, chain));
    layer_file(t, &layer, name, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "#", 1, 50000), 1);
    assert_err(rootfs_verify_layer(t->s, &layer, &t->err), IMGC_E_STORE);
    assert_non_null(strstr(t->err.msg, "'d/big'"));
    assert_non_null(strstr(t->err.msg, "pull again"));
    assert_err(punch_restore(t->s, &layer, &t->err), IMGC_E_STORE);
    assert_int_equal(number(t, "SELECT whole FROM layer"), 0);

    assert_int_equal(ftruncate(fd, 60000), 0);
    (void)close(fd);
    assert_err(rootfs_verify_layer(t->s, &layer, &t->err), IMGC_E_STORE);
    assert_non_null(strstr(t->err.msg, "'d/big' in the layer's directory is too short"));

    (void)snprintf(name, sizeof name, "fs/%s/d/big", digest_hex(&layer, chain));
    layer_file(t, &layer, name, path);
    assert_int_equal(unlink(path), 0);
    assert_err(rootfs_verify_layer(t->s, &layer, &t->err), IMGC_E_STORE);
    assert_non_null(strstr(t->err.msg, "'d/big' in the layer's directory is missing"));
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_err(rootfs_verify_layer(t->s, &layer, &t->err), IMGC_E_STORE);

    layer_file(t, &layer, "punched", path);
    assert_int_equal(unlink(path), 0);
    assert_err(rootfs_verify_layer(t->s, &layer, &t->err), IMGC_E_STORE);
    assert_non_null(strstr(t->err.msg, "pull again"));
}

/* A file of the directory that is not what the tar says is no place for the only copy. */
static void test_keeps_what_differs(void **state)
{
    struct test_store *t = *state;
    struct digest layer = put_simple(t, "x");
    char path[512], chain[DIGEST_HEX_MAX], name[256];

    put_image(t, "{}", &layer, 1);
    (void)snprintf(name, sizeof name, "fs/%s/d/big", digest_hex(&layer, chain));
    layer_file(t, &layer, name, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "#", 1, 50000), 1);
    (void)close(fd);
    assert_ok(punch_all(t->s, &t->err), t->err);
    assert_true((uint64_t)stat_tar(t, &layer).st_blocks * 512 > 100000);
    assert_ok(rootfs_verify_layer(t->s, &layer, &t->err), t->err);
    assert_err(rootfs_verify_views(t->s, &layer, 1, &t->err), IMGC_E_STORE);
}

static void test_not_before_it_is_synced(void **state)
{
    struct test_store *t = *state;
    struct digest layer = put_simple(t, "x");

    (void)test_image(t, "{}", NULL, &layer, 1);
    prepare(t, &layer, 1);
    assert_ok(punch_all(t->s, &t->err), t->err);
    assert_int_equal(number(t, "SELECT whole FROM layer"), 1);
    assert_true(tar_is_whole(t, &layer));
    assert_ok(sync_now(t->s, &t->err), t->err);
    assert_ok(punch_all(t->s, &t->err), t->err);
    assert_int_equal(number(t, "SELECT whole FROM layer"), 0);
}

static void test_not_under_erofs(void **state)
{
    struct test_store *t = *state;
    struct digest layer = put_simple(t, "x");
    char name[LEASE_NAME_MAX];
    const struct view view = { .chain_id = layer, .diff_id = layer, .form = VIEW_EROFS };
    const struct view_stack stack = { .diff_ids = &layer, .n = 1 };

    put_image(t, "{}", &layer, 1);
    lease_name(t->lease, name);
    (void)close(openat(lease_dir_fd(t->lease), name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_ok(view_publish_erofs(t->s, t->lease, &view, &stack, name, &t->err), t->err);
    assert_ok(punch_all(t->s, &t->err), t->err);
    assert_true(tar_is_whole(t, &layer));

    assert_ok(view_remove(t->s, &view, &t->err), t->err);
    assert_ok(punch_all(t->s, &t->err), t->err);
    assert_false(tar_is_whole(t, &layer));
    lease_name(t->lease, name);
    (void)close(openat(lease_dir_fd(t->lease), name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(view_publish_erofs(t->s, t->lease, &view, &stack, name, &t->err),
                     VIEW_NOT_WHOLE);
    assert_ok(punch_restore(t->s, &layer, &t->err), t->err);
    lease_name(t->lease, name);
    (void)close(openat(lease_dir_fd(t->lease), name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_ok(view_publish_erofs(t->s, t->lease, &view, &stack, name, &t->err), t->err);
}

/* Who has the tar open from before never sees zeros. */
static void test_waits_for_readers(void **state)
{
    struct test_store *t = *state;
    struct digest layer = put_simple(t, "x");

    put_image(t, "{}", &layer, 1);
    {
        punched_auto struct punched_layer files = PUNCHED_LAYER_INIT;
        tar_data_auto struct tar_data data = TAR_DATA_FD(-1);
        assert_ok(rootfs_stack_open_layer(t->s, &layer, &files, &data, &t->err), t->err);
        assert_ok(punch_all(t->s, &t->err), t->err);
        assert_int_equal(number(t, "SELECT whole FROM layer"), 0);
        assert_int_equal(number(t, "SELECT done FROM punch"), 0);
        assert_true(tar_is_whole(t, &layer));
        expect_right(t, &layer, 0);
        assert_ok(rootfs_verify_layer(t->s, &layer, &t->err), t->err);
    }
    assert_ok(punch_all(t->s, &t->err), t->err);
    assert_int_equal(number(t, "SELECT done FROM punch"), 1);
    assert_false(tar_is_whole(t, &layer));
    expect_right(t, &layer, 1);
}

/* A mount whose EROFS view was removed keeps the tar open, as this does, and takes no lock. */
static void test_waits_for_mounts(void **state)
{
    struct test_store *t = *state;
    struct digest layer = put_simple(t, "x");
    char path[512];
    imgc_autoclose int fd = -1;

    put_image(t, "{}", &layer, 1);
    layer_file(t, &layer, "tar", path);
    assert_ok(fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, &t->err), t->err);
    assert_ok(punch_all(t->s, &t->err), t->err);
    assert_true(tar_is_whole(t, &layer));
    imgc_closep(&fd);
    assert_ok(punch_all(t->s, &t->err), t->err);
    assert_false(tar_is_whole(t, &layer));
}

/* What a restore filled before it failed, or was killed, is punched again. */
static void test_restore_fails(void **state)
{
    struct test_store *t = *state;
    struct digest layer = put_simple(t, "x");
    char path[512], away[520], chain[DIGEST_HEX_MAX], name[256];

    put_image(t, "{}", &layer, 1);
    assert_ok(punch_all(t->s, &t->err), t->err);
    (void)snprintf(name, sizeof name, "fs/%s/replaced", digest_hex(&layer, chain));
    layer_file(t, &layer, name, path);
    (void)snprintf(away, sizeof away, "%s.away", path);
    assert_int_equal(rename(path, away), 0);
    blkcnt_t before = stat_tar(t, &layer).st_blocks;
    assert_err(punch_restore(t->s, &layer, &t->err), IMGC_E_STORE);
    assert_true(stat_tar(t, &layer).st_blocks > before);
    assert_int_equal(rename(away, path), 0);

    assert_ok(punch_all(t->s, &t->err), t->err);
    assert_int_equal(stat_tar(t, &layer).st_blocks, before);
    assert_ok(rootfs_verify_layer(t->s, &layer, &t->err), t->err);
}

/* The directory stays as long as the layer, although no image has its stack any more; the same
 * layer on another one is written from it. */
static void test_pins_its_view(void **state)
{
    struct test_store *t = *state;
    struct digest a[2] = { put_simple(t, "one"), put_simple(t, "top") };
    struct digest b[2] = { put_simple(t, "two"), a[1] };
    struct digest chain[2];
    struct gc_report report;
    struct layer_info info;

    put_image(t, "{a}", a, 2);
    assert_ok(punch_all(t->s, &t->err), t->err);
    put_image(t, "{b}", b, 2);
    assert_ok(punch_all(t->s, &t->err), t->err);
    expect_right(t, a, 2);
    expect_right(t, b, 2);

    t->lease = lease_end(t->lease);
    struct digest id = test_digest("{a}", 3);
    assert_ok(gc_remove(t->s, &id, &report, &t->err), t->err);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_int_equal(report.layers, 1);
    assert_int_equal(layer_find(t->s, NULL, &a[0], &info, &t->err), LAYER_MISSING);
    expect_right(t, b, 2);

    assert_ok(digest_chain(a, 2, chain, &t->err), t->err);
    const struct view holder = { .chain_id = chain[1], .diff_id = a[1], .form = VIEW_DIRECTORY };
    assert_err(view_remove(t->s, &holder, &t->err), IMGC_E_STORE);
    assert_ok(punch_restore(t->s, &a[1], &t->err), t->err);
    assert_true(tar_is_whole(t, &a[1]));
    assert_ok(gc_collect(t->s, false, &report, &t->err), t->err);
    assert_int_equal(report.views, 1);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    expect_right(t, b, 2);

    id = test_digest("{b}", 3);
    assert_ok(punch_all(t->s, &t->err), t->err);
    expect_right(t, b, 2);
    assert_ok(gc_remove(t->s, &id, &report, &t->err), t->err);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_int_equal(report.layers, 2);
    assert_int_equal(number(t, "SELECT count(*) FROM punch"), 0);
    assert_int_equal(test_count(t, "layers"), 0);
    assert_ok(lease_begin(t->s, &t->lease, &t->err), t->err);
}

/* A layer that lost its tar gets a new one, and is whole again. */
static void test_new_tar(void **state)
{
    struct test_store *t = *state;
    struct digest layer = put_simple(t, "x");
    char path[512];

    put_image(t, "{}", &layer, 1);
    assert_ok(punch_all(t->s, &t->err), t->err);
    struct digest again = put_simple(t, "x"); /* it is there: nothing changes */
    assert_true(digest_eq(&layer, &again));
    assert_int_equal(number(t, "SELECT whole FROM layer"), 0);
    layer_file(t, &layer, "tar", path);
    assert_int_equal(unlink(path), 0);
    (void)put_simple(t, "x");
    assert_int_equal(number(t, "SELECT whole FROM layer"), 1);
    assert_int_equal(number(t, "SELECT count(*) FROM punch"), 0);
    assert_true(tar_is_whole(t, &layer));
    assert_ok(rootfs_verify_layer(t->s, &layer, &t->err), t->err);
    assert_ok(sync_now(t->s, &t->err), t->err);
    assert_ok(punch_all(t->s, &t->err), t->err);
    expect_right(t, &layer, 1);
}

static _Noreturn void punch_and_restore(struct test_store *t, const struct digest *diff_ids)
{
    if (test_store_open(t) < 0) {
        _exit(1);
    }
    for (;;) {
        if (punch_all(t->s, &t->err) < 0) {
            (void)dprintf(2, "child: %s\n", t->err.msg);
            _exit(1);
        }
        for (size_t i = 0; i < LAYERS; i++) {
            if (punch_restore(t->s, &diff_ids[i], &t->err) < 0) {
                (void)dprintf(2, "child: %s\n", t->err.msg);
                _exit(1);
            }
        }
    }
}

static void test_killed(void **state)
{
    struct test_store *t = *state;
    struct digest diff_ids[LAYERS];
    uint64_t seed = 5;

    put_random(t, 4, diff_ids);
    put_image(t, "{}", diff_ids, LAYERS);
    for (unsigned i = 0; i < KILLS; i++) {
        t->lease = lease_end(t->lease);
        t->s = store_close(t->s);
        pid_t pid = fork();
        if (pid == 0) {
            punch_and_restore(t, diff_ids);
        }
        int status = 0;
        (void)usleep(2000 + layer_gen_random(&seed, LIFE_US_MAX));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status)); /* it did not fail before */
        assert_ok(test_store_open(t), t->err);
        assert_ok(lease_begin(t->s, &t->lease, &t->err), t->err);
        for (size_t k = 0; k < LAYERS; k++) {
            assert_ok(rootfs_verify_layer(t->s, &diff_ids[k], &t->err), t->err);
        }
    }
    assert_ok(punch_all(t->s, &t->err), t->err);
    assert_int_equal(number(t, "SELECT count(*) FROM punch WHERE done = 1"), LAYERS);
    expect_right(t, diff_ids, LAYERS);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, test_store_setup, test_store_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        TEST(test_names_damage),
        TEST(test_keeps_what_differs),
        TEST(test_not_before_it_is_synced),
        TEST(test_not_under_erofs),
        TEST(test_waits_for_readers),
        TEST(test_waits_for_mounts),
        TEST(test_restore_fails),
        TEST(test_pins_its_view),
        TEST(test_new_tar),
        TEST(test_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
