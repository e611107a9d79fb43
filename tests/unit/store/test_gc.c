/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <signal.h>
#include <sys/wait.h>

#include "store/container.h"
#include "store/disk.h"
#include "store/gc.h"
#include "store/trash.h"
#include "store/view.h"
#include "tests/lib/store.h"

static uint64_t disk(struct test_store *t)
{
    uint64_t bytes = 0;
    assert_ok(disk_tree_bytes(store_root_fd(t->s), "layers", &bytes, &t->err), t->err);
    assert_ok(disk_tree_bytes(store_root_fd(t->s), "blobs", &bytes, &t->err), t->err);
    return bytes;
}

static void make_file(struct test_store *t, const char *path)
{
    int fd = openat(store_root_fd(t->s), path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
}

static void add_view(struct test_store *t, const struct digest *diff_id)
{
    char name[LEASE_NAME_MAX], path[64];
    struct view v = { .chain_id = *diff_id, .diff_id = *diff_id, .form = VIEW_DIRECTORY };

    lease_name(t->lease, name);
    assert_int_equal(mkdirat(lease_dir_fd(t->lease), name, 0755), 0);
    (void)snprintf(path, sizeof path, "%s/f", name);
    int fd = openat(lease_dir_fd(t->lease), path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, path, sizeof path), sizeof path);
    (void)close(fd);
    assert_ok(view_publish_dir(t->s, t->lease, &v, name, &t->err), t->err);
}

static void test_exact_bytes(void **state)
{
    struct test_store *t = *state;
    struct digest a[2] = { test_layer(t, 'a', 100000), test_layer(t, 'b', 200000) };
    struct digest one = test_image(t, "{1}", "a", a, 1);
    struct digest two = test_image(t, "{2}", "b", a, 2);
    struct gc_report estimate, dry, real;

    add_view(t, &a[0]);
    t->lease = lease_end(t->lease);
    assert_ok(gc_collect(t->s, true, &dry, &t->err), t->err);
    assert_int_equal(dry.bytes, 0);
    assert_ok(gc_estimate(t->s, &two, 1, &estimate, &t->err), t->err);
    assert_int_equal(estimate.layers, 1);
    assert_int_equal(estimate.blobs, 1);

    image_auto struct image image = { .size = 0 };
    assert_ok(image_find_id(t->s, &two, &image, &t->err), t->err);
    assert_int_equal(image.unique_size, estimate.bytes);

    uint64_t before = disk(t);
    assert_ok(gc_remove(t->s, &two, &real, &t->err), t->err);
    assert_int_equal(real.bytes, estimate.bytes);
    assert_int_equal(real.layers, 1);
    assert_int_equal(real.blobs, 1);
    assert_int_equal(disk(t), before); /* nothing is touched before the answer */
    assert_ok(gc_collect(t->s, true, &dry, &t->err), t->err);
    assert_int_equal(dry.bytes, 0); /* and nothing is counted twice */
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_int_equal(before - disk(t), real.bytes);

    before = disk(t); /* with a view */
    assert_ok(gc_remove(t->s, &one, &real, &t->err), t->err);
    assert_int_equal(real.views, 1);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_int_equal(before - disk(t), real.bytes);
    assert_int_equal(test_count(t, "layers"), 0);
    assert_int_equal(test_count(t, "tmp"), 0);
}

/* prune: some images, what nothing refers to, and files without rows, in one go. */
static void test_prune(void **state)
{
    struct test_store *t = *state;
    struct digest a = test_layer(t, 'a', 100000), b = test_layer(t, 'b', 200000);
    struct digest ids[2] = { test_image(t, "{1}", "a", &a, 1), test_image(t, "{2}", "b", &b, 1) };
    container_auto struct container c = { .image_id = ids[1] };
    struct gc_report estimate, real;
    bool removed[2];
    image_auto struct image image = { .size = 0 };

    (void)test_layer(t, 'c', 50000); /* of no image */
    make_file(t, "blobs/sha256/0123");
    t->lease = lease_end(t->lease);
    assert_ok(gc_estimate(t->s, ids, 1, &estimate, &t->err), t->err);
    assert_ok(container_create(t->s, &c, &t->err), t->err); /* meanwhile */
    uint64_t before = disk(t);
    assert_ok(gc_prune(t->s, ids, 2, removed, &real, &t->err), t->err);
    assert_true(removed[0]);
    assert_false(removed[1]);
    assert_ok(image_find_id(t->s, &ids[1], &image, &t->err), t->err);
    assert_int_equal(real.layers, 2);
    assert_int_equal(real.bytes, estimate.bytes);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_int_equal(before - disk(t), real.bytes);
    assert_int_equal(test_count(t, "layers"), 1);
}

static void test_leases_hold(void **state)
{
    struct test_store *t = *state;
    struct gc_report report;
    struct layer_info info;
    struct digest layer = test_layer(t, 'a', 1000);
    struct digest blob = test_blob(t, "{}");

    assert_ok(gc_collect(t->s, false, &report, &t->err), t->err);
    assert_int_equal(report.bytes, 0);
    assert_ok(layer_find(t->s, NULL, &layer, &info, &t->err), t->err);
    t->lease = lease_end(t->lease);
    assert_ok(gc_collect(t->s, false, &report, &t->err), t->err);
    assert_int_equal(report.layers, 1);
    assert_int_equal(report.blobs, 1);
    assert_int_equal(layer_find(t->s, NULL, &layer, &info, &t->err), LAYER_MISSING);
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(100);
    assert_int_equal(blob_get(t->s, &blob, &b, &t->err), BLOB_MISSING);
}

/* Another process that holds a layer, until it is killed. */
static pid_t start_holder(struct test_store *t)
{
    int fds[2];
    char ready = 0;

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct test_store child = *t;
        assert_ok(test_store_open(&child), child.err);
        assert_ok(lease_begin(child.s, &child.lease, &child.err), child.err);
        (void)test_layer(&child, 'h', 5000);
        if (write(fds[1], "x", 1) == 1) {
            (void)pause();
        }
        _exit(1);
    }
    (void)close(fds[1]);
    assert_int_equal(read(fds[0], &ready, 1), 1);
    (void)close(fds[0]);
    return pid;
}

static void test_live_and_dead_leases_of_others(void **state)
{
    struct test_store t;
    struct gc_report report;
    struct gc_swept swept;
    (void)state;

    test_store_dir(&t);
    pid_t pid = start_holder(&t);
    assert_ok(test_store_open(&t), t.err);
    assert_ok(gc_sweep(t.s, false, &swept, &t.err), t.err);
    assert_ok(gc_collect(t.s, false, &report, &t.err), t.err);
    assert_int_equal(report.layers, 0);
    assert_int_equal(test_count(&t, "tmp"), 1);
    assert_int_equal(test_count(&t, "layers"), 1);

    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_ok(gc_collect(t.s, true, &report, &t.err), t.err);
    assert_int_equal(report.layers, 1);
    assert_ok(gc_sweep(t.s, false, &swept, &t.err), t.err);
    assert_true(swept.has_work);
    assert_ok(gc_collect(t.s, false, &report, &t.err), t.err);
    assert_int_equal(report.layers, 1);
    assert_ok(trash_empty(t.s, &t.err), t.err);
    assert_int_equal(test_count(&t, "tmp"), 0);
    assert_int_equal(test_count(&t, "layers"), 0);
    test_store_remove(&t);
}

static void test_orphans(void **state)
{
    struct test_store *t = *state;
    struct gc_report dry, real;
    struct gc_usage usage;
    struct gc_swept swept;
    int root = store_root_fd(t->s);

    make_file(t, "blobs/sha256/0123");
    make_file(t, "blobs/sha512/0123");
    assert_int_equal(mkdirat(root, "layers/abc", 0700), 0);
    assert_int_equal(mkdirat(root, "layers/abc/fs", 0700), 0);
    assert_int_equal(mkdirat(root, "layers/abc/fs/x", 0000), 0);
    assert_int_equal(mkdirat(root, "containers/abc", 0700), 0);
    make_file(t, "locks/sha256-00");
    make_file(t, "tmp/left-by-somebody");
    assert_ok(gc_usage(t->s, &usage, &t->err), t->err);
    assert_ok(gc_estimate(t->s, NULL, 0, &dry, &t->err), t->err);
    assert_int_equal(usage.leaked_bytes, dry.bytes);
    assert_ok(gc_sweep(t->s, true, &swept, &t->err), t->err);
    assert_int_equal(swept.bytes, 4096);
    assert_true(swept.has_work);
    assert_ok(gc_collect(t->s, false, &real, &t->err), t->err);
    assert_int_equal(dry.bytes, swept.bytes + real.bytes);
    assert_int_equal(real.layers, 1);
    assert_int_equal(real.blobs, 2);
    assert_ok(gc_usage(t->s, &usage, &t->err), t->err);
    assert_int_equal(usage.leaked_bytes, 0);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_int_equal(test_count(t, "blobs/sha256") + test_count(t, "blobs/sha512") +
                         test_count(t, "layers") + test_count(t, "containers") +
                         test_count(t, "locks"),
                     0);
    assert_int_equal(test_count(t, "tmp"), 1); /* our own lease */
}

static void test_usage(void **state)
{
    struct test_store *t = *state;
    struct gc_usage usage;
    struct digest layer = test_layer(t, 'a', 100000);
    struct digest other = test_layer(t, 'b', 100000);
    struct digest used = test_image(t, "{1}", "a", &layer, 1);
    struct digest unused = test_image(t, "{2}", "b", &other, 1);
    container_auto struct container c = { .image_id = used };
    struct gc_report estimate;

    t->lease = lease_end(t->lease);
    assert_ok(container_create(t->s, &c, &t->err), t->err);
    assert_ok(gc_estimate(t->s, &unused, 1, &estimate, &t->err), t->err);
    assert_ok(gc_usage(t->s, &usage, &t->err), t->err);
    assert_int_equal(usage.images, 2);
    assert_int_equal(usage.images_used, 1);
    assert_int_equal(usage.images_reclaimable, estimate.bytes);
    assert_true(usage.images_bytes > 200000);
    assert_int_equal(usage.containers, 1);
    assert_int_equal(usage.containers_running, 0);
    assert_int_equal(usage.containers_bytes, usage.containers_reclaimable);
    assert_true(usage.containers_bytes > 0);
    assert_int_equal(usage.leaked_bytes, 0);
}

static void test_dead_rm_containers_are_swept(void **state)
{
    struct test_store t;
    struct gc_swept swept;
    container_list_auto struct container_list list = { .n = 0 };
    (void)state;

    test_store_dir(&t);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct container rm = { .auto_remove = true }, stays = { .auto_remove = false };
        assert_ok(test_store_open(&t), t.err);
        assert_ok(container_create(t.s, &rm, &t.err), t.err);
        assert_ok(container_create(t.s, &stays, &t.err), t.err);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_ok(test_store_open(&t), t.err);
    assert_int_equal(test_count(&t, "containers"), 2);
    assert_ok(gc_sweep(t.s, false, &swept, &t.err), t.err);
    assert_true(swept.has_work);
    assert_ok(trash_empty(t.s, &t.err), t.err);
    assert_int_equal(test_count(&t, "containers"), 1);
    assert_ok(container_list(t.s, &list, &t.err), t.err);
    assert_int_equal(list.n, 1);
    assert_false(list.items[0].auto_remove);
    test_store_remove(&t);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_exact_bytes),
        CASE(test_prune),
        CASE(test_leases_hold),
        cmocka_unit_test(test_live_and_dead_leases_of_others),
        CASE(test_orphans),
        CASE(test_usage),
        cmocka_unit_test(test_dead_rm_containers_are_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
