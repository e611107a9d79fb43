/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "store/paths.h"
#include "store/view.h"
#include "tests/lib/store.h"

static void test_write_and_read_back(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_digest("abcdef", 6);
    struct digest blob = test_digest("compressed", 10);
    struct layer_info info;
    char back[8] = "";
    int fd = -1;
    struct layer_writer *w = NULL;

    assert_int_equal(layer_find(t->s, t->lease, &d, &info, &t->err), LAYER_MISSING);
    assert_int_equal(layer_open_tar(t->s, &d, &fd, &t->err), LAYER_MISSING);
    assert_ok(layer_writer_new(t->s, t->lease, &w, &t->err), t->err);
    assert_ok(layer_writer_write(w, "abc", 3, &t->err), t->err);
    assert_ok(layer_writer_write(w, "def", 3, &t->err), t->err);
    assert_int_equal(pread(layer_writer_fd(w), back, 6, 0), 6);
    assert_string_equal(back, "abcdef");
    struct layer_commit c = { &d, &blob, 10, "application/x" };
    assert_ok(layer_writer_commit(w, &c, &t->err), t->err);
    layer_writer_free(w);

    assert_ok(layer_find(t->s, NULL, &d, &info, &t->err), t->err);
    assert_int_equal(info.tar_size, 6);
    assert_true(info.disk_bytes > 0);
    assert_ok(layer_find_blob(t->s, t->lease, &blob, &info, &t->err), t->err);
    assert_true(digest_eq(&info.diff_id, &d));
    assert_ok(layer_open_tar(t->s, &d, &fd, &t->err), t->err);
    assert_int_equal(read(fd, back, 6), 6);
    (void)close(fd);
}

static void test_not_committed_leaves_nothing(void **state)
{
    struct test_store *t = *state;
    struct layer_writer *w = NULL;

    assert_ok(layer_writer_new(t->s, t->lease, &w, &t->err), t->err);
    assert_ok(layer_writer_write(w, "abc", 3, &t->err), t->err);
    layer_writer_free(w);
    assert_int_equal(test_count(t, "layers"), 0);
    t->lease = lease_end(t->lease);
    assert_int_equal(test_count(t, "tmp"), 0);
}

static void test_second_commit_is_dropped(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_layer(t, 'a', 100000);
    struct digest e = test_layer(t, 'a', 100000);

    assert_true(digest_eq(&d, &e));
    assert_int_equal(test_count(t, "layers"), 1);
}

static void test_lost_tar_is_put_right(void **state)
{
    struct test_store *t = *state;
    char path[PATHS_MAX], full[512];
    int fd = -1;
    struct digest d = test_layer(t, 'a', 1000);

    (void)snprintf(full, sizeof full, "%s/%s", t->root, paths_layer_tar(&d, path));
    assert_int_equal(unlink(full), 0);
    assert_err(layer_open_tar(t->s, &d, &fd, &t->err), IMGC_E_STORE);
    (void)test_layer(t, 'a', 1000);
    assert_ok(layer_open_tar(t->s, &d, &fd, &t->err), t->err);
    (void)close(fd);
}

static void make_view_dir(struct test_store *t, char name[LEASE_NAME_MAX], mode_t mode)
{
    lease_name(t->lease, name);
    assert_int_equal(mkdirat(lease_dir_fd(t->lease), name, 0700), 0);
    int dir = openat(lease_dir_fd(t->lease), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(dir, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    (void)close(fd);
    assert_int_equal(linkat(dir, "file", dir, "link", 0), 0);
    assert_int_equal(fchmod(dir, mode), 0);
    (void)close(dir);
}

static void test_views(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_layer(t, 'a', 1000);
    struct view v = { .chain_id = d, .diff_id = d, .form = VIEW_DIRECTORY }, got;
    char name[LEASE_NAME_MAX];
    struct layer_info before, after;
    char *path = NULL;
    struct stat st;
    int fd = -1;

    assert_int_equal(view_find(t->s, &d, VIEW_DIRECTORY, &got, &t->err), VIEW_MISSING);
    assert_ok(layer_find(t->s, NULL, &d, &before, &t->err), t->err);
    for (int i = 0; i < 2; i++) { /* the second one is dropped */
        make_view_dir(t, name, 0555);
        assert_ok(view_publish_dir(t->s, t->lease, &v, name, &t->err), t->err);
        assert_int_equal(faccessat(lease_dir_fd(t->lease), name, F_OK, 0), -1);
    }
    assert_ok(view_find(t->s, &d, VIEW_DIRECTORY, &got, &t->err), t->err);
    assert_ok(layer_find(t->s, NULL, &d, &after, &t->err), t->err);
    assert_int_equal(after.disk_bytes, before.disk_bytes + got.disk_bytes);

    assert_ok(view_path(t->s, &got, &path, &t->err), t->err);
    assert_int_equal(path[0], '/');
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0555);
    free(path);
    assert_ok(view_open(t->s, &got, &fd, &t->err), t->err);
    assert_int_equal(faccessat(fd, "link", F_OK, 0), 0);
    (void)close(fd);

    assert_ok(view_remove(t->s, &got, &t->err), t->err);
    assert_int_equal(view_find(t->s, &d, VIEW_DIRECTORY, &got, &t->err), VIEW_MISSING);
    assert_int_equal(test_count(t, "tmp"), 1); /* our own lease */
}

static void test_view_needs_its_layer(void **state)
{
    struct test_store *t = *state;
    struct digest d = test_digest("none", 4);
    struct view v = { .chain_id = d, .diff_id = d, .form = VIEW_DIRECTORY };
    char name[LEASE_NAME_MAX];

    make_view_dir(t, name, 0755);
    assert_true(view_publish_dir(t->s, t->lease, &v, name, &t->err) < 0);
    assert_int_equal(test_count(t, "layers"), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_write_and_read_back),
        CASE(test_not_committed_leaves_nothing),
        CASE(test_second_commit_is_dropped),
        CASE(test_lost_tar_is_put_right),
        CASE(test_views),
        CASE(test_view_needs_its_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
