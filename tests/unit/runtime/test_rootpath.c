/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/rootpath.h"
#include "schema/base/fd.h"

struct tree {
    char dir[64];
    int root; /* DIR/root */
};

static int setup(void **state)
{
    static const struct {
        const char *name, *target;
    } links[] = {
        { "abs", "/etc" },
        { "up", "../../../../etc" },
        { "dangling", "/made/by/link" },
        { "outside", "../outside" },
        { "loop", "loop" },
        { "chain", "chain2/x" },
        { "chain2", "far/away" },
        { "magic", "/proc/self/root" },
    };
    struct tree *t = calloc(1, sizeof *t);
    char path[128];

    assert_non_null(t);
    (void)snprintf(t->dir, sizeof t->dir, "/tmp/imgc-rootpath-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    (void)snprintf(path, sizeof path, "%s/root", t->dir);
    assert_int_equal(mkdir(path, 0755), 0);
    t->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(t->root >= 0);
    assert_int_equal(mkdirat(t->root, "etc", 0755), 0);
    assert_int_equal(mknodat(t->root, "etc/file", S_IFREG | 0644, 0), 0);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        assert_int_equal(symlinkat(links[i].target, t->root, links[i].name), 0);
    }
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct tree *t = *state;
    struct imgc_err err;

    (void)close(t->root);
    int r = fd_remove_tree(AT_FDCWD, t->dir, NULL, &err);
    free(t);
    return r;
}

static bool same_file(int a_fd, int b_dir_fd, const char *b)
{
    struct stat x, y;
    return fstat(a_fd, &x) == 0 && fstatat(b_dir_fd, b, &y, AT_SYMLINK_NOFOLLOW) == 0 &&
           x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void test_open(void **state)
{
    static const struct {
        const char *path;
        int want;
        const char *found;
    } cases[] = {
        { "/etc/file", 0, "etc/file" },          { "/abs/file", 0, "etc/file" },
        { "/up/file", 0, "etc/file" },           { "../../../etc/file", 0, "etc/file" },
        { "/etc/none", ROOTPATH_MISSING, NULL }, { "/etc/file/below", ROOTPATH_MISSING, NULL },
        { "/dangling", ROOTPATH_MISSING, NULL }, { "/loop", -IMGC_E_SYS, NULL },
    };
    const struct tree *t = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autoclose int fd = -1;
        struct imgc_err err;

        assert_int_equal(rootpath_open(t->root, cases[i].path, O_PATH, &fd, &err), cases[i].want);
        if (cases[i].want == 0) {
            assert_true(same_file(fd, t->root, cases[i].found));
        }
    }
}

static void test_create(void **state)
{
    static const struct {
        const char *path;
        bool is_dir;
        int want;
        const char *found;
    } cases[] = {
        { "/etc/file", false, 0, "etc/file" },
        { "/etc", true, 0, "etc" },
        { "/", true, 0, "." },
        { "/a//b/./c/", true, 0, "a/b/c" },
        { "/a/b/f", false, 0, "a/b/f" },
        { "/up/new/dir", true, 0, "etc/new/dir" },
        { "/../../esc", true, 0, "esc" },
        { "/dangling/x", false, 0, "made/by/link/x" },
        { "/chain", true, 0, "far/away/x" },
        /* "../outside" of the root is "/outside" in it. */
        { "/outside/x", true, 0, "outside-in/x" },
        { "/etc/file/below", true, -IMGC_E_SYS, NULL },
        { "/loop/x", true, -IMGC_E_SYS, NULL },
    };
    const struct tree *t = *state;
    char path[128];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autoclose int fd = -1;
        struct imgc_err err;

        if (strcmp(cases[i].path, "/outside/x") == 0) {
            /* Already there as a link to itself would be a loop: point it elsewhere. */
            assert_int_equal(unlinkat(t->root, "outside", 0), 0);
            assert_int_equal(symlinkat("../../outside-in", t->root, "outside"), 0);
        }
        int r = rootpath_create(t->root, cases[i].path, cases[i].is_dir, &fd, &err);
        if (r != cases[i].want) {
            fail_msg("%s: %d %s", cases[i].path, r, r < 0 ? err.msg : "");
        }
        if (r == 0) {
            struct stat st;
            assert_true(same_file(fd, t->root, cases[i].found));
            assert_int_equal(fstat(fd, &st), 0);
            assert_int_equal(S_ISDIR(st.st_mode), cases[i].is_dir);
        }
    }
    /* Nothing was made beside the root. */
    (void)snprintf(path, sizeof path, "%s/outside", t->dir);
    assert_int_equal(access(path, F_OK), -1);
    (void)snprintf(path, sizeof path, "%s/outside-in", t->dir);
    assert_int_equal(access(path, F_OK), -1);
    (void)snprintf(path, sizeof path, "%s/esc", t->dir);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_create_limits(void **state)
{
    const struct tree *t = *state;
    imgc_autoclose int fd = -1;
    struct imgc_err err;
    char name[32], target[32];

    /* Links that lead from one to the next: the kernel stops at 40, and so do we. */
    for (int i = 0; i < 60; i++) {
        (void)snprintf(name, sizeof name, "hop%d", i);
        (void)snprintf(target, sizeof target, "hop%d", i + 1);
        assert_int_equal(symlinkat(target, t->root, name), 0);
    }
    assert_true(rootpath_create(t->root, "/hop0", true, &fd, &err) < 0);
    assert_ok(rootpath_create(t->root, "/hop30", true, &fd, &err), err);

    static char longest[5000];
    memset(longest, 'a', sizeof longest - 1);
    imgc_closep(&fd);
    assert_true(rootpath_create(t->root, longest, true, &fd, &err) < 0);
}

static void test_system_dir(void **state)
{
    const struct tree *t = *state;
    imgc_autoclose int fd = -1;
    struct imgc_err err;

    assert_ok(rootpath_system_dir(t->root, "proc", &fd, &err), err);
    assert_true(same_file(fd, t->root, "proc"));
    imgc_closep(&fd);
    assert_ok(rootpath_system_dir(t->root, "etc", &fd, &err), err);
    imgc_closep(&fd);
    assert_err(rootpath_system_dir(t->root, "abs", &fd, &err), IMGC_E_LAYER);
    assert_err(rootpath_system_dir(t->root, "dangling", &fd, &err), IMGC_E_LAYER);
    assert_int_equal(mknodat(t->root, "sys", S_IFREG | 0644, 0), 0);
    assert_err(rootpath_system_dir(t->root, "sys", &fd, &err), IMGC_E_LAYER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_create, setup, teardown),
        cmocka_unit_test_setup_teardown(test_create_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_system_dir, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
