/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/user.h"
#include "schema/base/fd.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "# a comment\n"
                             "broken line\n"
                             "1234:x:7:7:named like a number:/seven:/bin/sh\n"
                             "huge:x:4294967296:1:too large:/:/bin/sh\n"
                             "joe:x:1000:1001:Joe:/home/joe:/bin/sh\n"
                             "nohome:x:1002:1002:::/bin/sh\n"
                             "relative:x:1003:1003::home:/bin/sh";
static const char group[] = "root:x:0:\nwheel:x:10:root,joe\nusers:x:100:joe\n"
                            "short:x:200\n55:x:56:\njoes:x:1001:joe\nbad:x:-1:joe\n";

static void test_parse(void **state)
{
    static const struct {
        const char *spec;
        int want;
        uid_t uid;
        gid_t gid;
        size_t n_groups;
        gid_t groups[4];
        const char *home;
    } cases[] = {
        { "", 0, 0, 0, 2, { 0, 10 }, "/root" },
        { "root", 0, 0, 0, 2, { 0, 10 }, "/root" },
        { "0", 0, 0, 0, 2, { 0, 10 }, "/root" },
        { "joe", 0, 1000, 1001, 3, { 1001, 10, 100 }, "/home/joe" },
        { "1000", 0, 1000, 1001, 3, { 1001, 10, 100 }, "/home/joe" },
        { "joe:", 0, 1000, 1001, 3, { 1001, 10, 100 }, "/home/joe" },
        { "joe:users", 0, 1000, 100, 1, { 100 }, "/home/joe" },
        { "joe:5", 0, 1000, 5, 1, { 5 }, "/home/joe" },
        { "1:1", 0, 1, 1, 1, { 1 }, "/" },
        { "4711", 0, 4711, 0, 1, { 0 }, "/" },
        { ":users", 0, 0, 100, 1, { 100 }, "/root" },
        { ":77", 0, 0, 77, 1, { 77 }, "/root" },
        { "joe:short", 0, 1000, 200, 1, { 200 }, "/home/joe" },
        /* A number is never a name, neither of a user nor of a group. */
        { "1234", 0, 1234, 0, 1, { 0 }, "/" },
        { "1:55", 0, 1, 55, 1, { 55 }, "/" },
        { "007", 0, 7, 7, 1, { 7 }, "/seven" },
        { "2147483647", 0, 2147483647, 0, 1, { 0 }, "/" },
        { "nohome", 0, 1002, 1002, 1, { 1002 }, "/" },
        { "relative", 0, 1003, 1003, 1, { 1003 }, "/" },
        { .spec = "2147483648", .want = -IMGC_E_USAGE },
        { .spec = "4294967296", .want = -IMGC_E_USAGE },
        { .spec = "99999999999999999999999", .want = -IMGC_E_USAGE },
        { .spec = "1:2147483648", .want = -IMGC_E_USAGE },
        { .spec = "-1", .want = -IMGC_E_USAGE },
        { .spec = "+1", .want = -IMGC_E_USAGE },
        { .spec = "1 ", .want = -IMGC_E_USAGE },
        { .spec = "0x10", .want = -IMGC_E_USAGE },
        { .spec = "nobody", .want = -IMGC_E_USAGE },
        { .spec = "huge", .want = -IMGC_E_USAGE },
        { .spec = "broken line", .want = -IMGC_E_USAGE },
        { .spec = "joe:nogroup", .want = -IMGC_E_USAGE },
        { .spec = "joe:bad", .want = -IMGC_E_USAGE },
        { .spec = "joe:1:2", .want = -IMGC_E_USAGE },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        user_auto struct user u = USER_INIT;
        struct imgc_err err;

        int r = user_parse(imgc_str_of(cases[i].spec), imgc_str_of(passwd), imgc_str_of(group), &u,
                           &err);
        if (r != cases[i].want) {
            fail_msg("'%s': %d", cases[i].spec, r);
        }
        if (r < 0) {
            continue;
        }
        if (u.uid != cases[i].uid || u.gid != cases[i].gid || u.n_groups != cases[i].n_groups) {
            fail_msg("'%s': %u %u %zu", cases[i].spec, u.uid, u.gid, u.n_groups);
        }
        assert_memory_equal(u.groups, cases[i].groups, u.n_groups * sizeof *u.groups);
        assert_string_equal(u.home, cases[i].home);
    }
}

static void test_no_files(void **state)
{
    user_auto struct user u = USER_INIT;
    struct imgc_err err;
    struct imgc_str none = { NULL, 0 };
    (void)state;

    assert_ok(user_parse(IMGC_STR("5:6"), none, none, &u, &err), err);
    assert_int_equal(u.uid, 5);
    assert_int_equal(u.groups[0], 6);
    user_done(&u);
    assert_err(user_parse(IMGC_STR("root"), none, none, &u, &err), IMGC_E_USAGE);
}

/* Files of the image are hostile: a FIFO must not block, a giant must not be read. */
static void test_hostile_files(void **state)
{
    char dir[] = "/tmp/imgc-user-XXXXXX";
    user_auto struct user u = USER_INIT;
    struct imgc_err err;
    (void)state;

    assert_non_null(mkdtemp(dir));
    imgc_autoclose int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_ok(user_resolve(root, "3", &u, &err), err);
    assert_int_equal(u.uid, 3);

    assert_int_equal(mkdirat(root, "etc", 0755), 0);
    assert_int_equal(mkfifoat(root, "etc/passwd", 0644), 0);
    user_done(&u);
    assert_err(user_resolve(root, "3", &u, &err), IMGC_E_LAYER);

    assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);
    int fd = openat(root, "etc/passwd", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (2 << 20)), 0);
    (void)close(fd);
    assert_err(user_resolve(root, "3", &u, &err), IMGC_E_LIMIT);

    /* A link leads nowhere but into the root. */
    assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);
    assert_int_equal(symlinkat("/../../etc/passwd", root, "etc/passwd"), 0);
    int r = user_resolve(root, "root", &u, &err);
    assert_true(r < 0);
    assert_ok(fd_remove_tree(AT_FDCWD, dir, NULL, &err), err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_no_files),
        cmocka_unit_test(test_hostile_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
