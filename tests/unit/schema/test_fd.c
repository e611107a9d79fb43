/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fd.h"

/* Every test has a new directory, whose fd is *state. */
static int setup(void **state)
{
    char path[] = "/tmp/imgc-fd-XXXXXX";
    struct imgc_err err;
    int *fd = malloc(sizeof *fd);

    *state = fd;
    return fd && mkdtemp(path) ? fd_open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, fd, &err)
                               : -1;
}

static int teardown(void **state)
{
    int fd = *(int *)*state;
    char self[64], path[4096] = "";
    struct imgc_err err;

    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (readlink(self, path, sizeof path - 1) < 0) {
        return -1;
    }
    (void)close(fd);
    free(*state);
    return fd_remove_tree(AT_FDCWD, path, NULL, &err);
}

static int create(int dir, const char *name, const char *text)
{
    struct imgc_err err;
    int fd = -1;

    assert_ok(fd_open_at(dir, name, O_RDWR | O_CREAT | O_EXCL, 0600, &fd, &err), err);
    assert_ok(fd_write_all(fd, text, strlen(text), &err), err);
    return fd;
}

static void test_open(void **state)
{
    int dir = *(int *)*state;
    imgc_autoclose int fd = create(dir, "f", "hello"), sub = -1, none = -1;
    struct imgc_err err;

    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_err(fd_open_at(dir, "no", O_RDONLY, 0, &none, &err), IMGC_E_SYS);
    assert_int_equal(err.sys, ENOENT);
    assert_int_equal(none, -1);
    assert_ok(fd_open_dir_at(dir, "d", 0700, &sub, &err), err);
    imgc_closep(&sub);
    assert_int_equal(sub, -1);
    assert_ok(fd_open_dir_at(dir, "d", 0700, &sub, &err), err);
    assert_err(fd_open_dir_at(dir, "f", 0700, &none, &err), IMGC_E_SYS);
    assert_int_equal(err.sys, ENOTDIR);
}

static void test_mkdir_p(void **state)
{
    int dir = *(int *)*state;
    char path[64];
    struct imgc_err err;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/a/b//c/", dir);
    assert_ok(fd_mkdir_p(path, 0700, &err), err);
    assert_ok(fd_mkdir_p(path, 0700, &err), err);
    assert_int_equal(faccessat(dir, "a/b/c", X_OK, 0), 0);
    imgc_autoclose int fd = create(dir, "f", "");
    assert_true(fd >= 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/f/x", dir);
    assert_err(fd_mkdir_p(path, 0700, &err), IMGC_E_SYS);
}

static void test_read_all(void **state)
{
    int dir = *(int *)*state;
    imgc_autoclose int fd = create(dir, "f", "0123456789");
    imgc_autobuf struct imgc_buf fits = IMGC_BUF_INIT(10), less = IMGC_BUF_INIT(9);
    struct imgc_err err;
    char c[4];
    size_t n;

    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_ok(fd_read_all(fd, &fits, &err), err);
    assert_string_equal(fits.ptr, "0123456789");
    assert_ok(fd_read_some(fd, c, sizeof c, &n, &err), err);
    assert_int_equal(n, 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_err(fd_read_all(fd, &less, &err), IMGC_E_LIMIT);
    assert_err(fd_read_some(-1, c, sizeof c, &n, &err), IMGC_E_SYS);
    assert_err(fd_write_all(-1, c, sizeof c, &err), IMGC_E_SYS);
}

static void test_copy_range(void **state)
{
    int dir = *(int *)*state, pipes[2];
    imgc_autoclose int from = create(dir, "from", "0123456789"), to = create(dir, "to", "....");
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(100);
    struct imgc_err err;

    assert_ok(fd_copy_range(from, 2, to, 1, 5, &err), err);
    assert_int_equal(lseek(to, 0, SEEK_SET), 0);
    assert_ok(fd_read_all(to, &b, &err), err);
    assert_string_equal(b.ptr, ".23456");
    assert_err(fd_copy_range(from, 8, to, 0, 3, &err), IMGC_E_LAYER);
    assert_ok(fd_copy_range(from, 100, to, 0, 0, &err), err);

    /* A pipe takes the way through the buffer, and refuses the position there. */
    assert_int_equal(pipe(pipes), 0);
    assert_err(fd_copy_range(from, 0, pipes[1], 0, 1, &err), IMGC_E_SYS);
    assert_int_equal(err.sys, ESPIPE);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}

static void test_remove_tree(void **state)
{
    int dir = *(int *)*state;
    imgc_autoclose int keep = create(dir, "keep", "x"), file = -1, linked = -1;
    uint64_t bytes = 0;
    struct stat st;
    struct imgc_err err;

    assert_true(keep >= 0);
    assert_int_equal(mkdirat(dir, "t", 0700), 0);
    assert_int_equal(mkdirat(dir, "t/closed", 0700), 0);
    file = create(dir, "t/closed/f", "some data");
    linked = create(dir, "t/linked", "other");
    assert_true(linked >= 0);
    assert_int_equal(fsync(file), 0);
    assert_int_equal(fchmodat(dir, "t/closed", 0, 0), 0);
    assert_int_equal(symlinkat("../keep", dir, "t/link"), 0);
    assert_int_equal(symlinkat("..", dir, "t/up"), 0);
    assert_int_equal(linkat(dir, "t/linked", dir, "other", 0), 0);

    assert_ok(fd_remove_tree(dir, "t", &bytes, &err), err);
    assert_int_equal(fstatat(dir, "t", &st, AT_SYMLINK_NOFOLLOW), -1);
    assert_int_equal(faccessat(dir, "keep", R_OK, 0), 0);
    assert_int_equal(faccessat(dir, "other", R_OK, 0), 0);
    assert_int_equal(fstat(file, &st), 0);
    assert_true(bytes >= (uint64_t)st.st_blocks * 512);

    /* A link is removed, not what it leads to; what is not there is fine. */
    assert_int_equal(symlinkat(".", dir, "self"), 0);
    assert_ok(fd_remove_tree(dir, "self", NULL, &err), err);
    assert_ok(fd_remove_tree(dir, "missing", NULL, &err), err);
    assert_int_equal(faccessat(dir, "keep", R_OK, 0), 0);
}

/* What a process in a container can make: deeper than there are fds, stack or bytes in a path. */
static void test_remove_deep_tree(void **state)
{
    int dir = *(int *)*state;
    struct rlimit few = { 0 }, old;
    struct stat st;
    struct imgc_err err;

    assert_int_equal(mkdirat(dir, "t", 0700), 0);
    assert_int_equal(mkdirat(dir, "t/imgc-deep-0", 0700), 0);
    assert_int_equal(mknodat(dir, "t/imgc-deep-0/f", S_IFREG | 0600, 0), 0);
    assert_int_equal(mknodat(dir, "t/imgc-deep-1", S_IFREG | 0600, 0), 0);
    int fd = openat(dir, "t", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(fd, "d", 0700), 0);
        assert_int_equal(symlinkat("../..", fd, "up"), 0);
        int next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        (void)close(fd);
        fd = next;
    }
    (void)close(fd);

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = old;
    few.rlim_cur = 256;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int r = fd_remove_tree(dir, "t", NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_ok(r, err);
    assert_int_equal(fstatat(dir, "t", &st, AT_SYMLINK_NOFOLLOW), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mkdir_p, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy_range, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove_deep_tree, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
