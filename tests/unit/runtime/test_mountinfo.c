/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <fcntl.h>

#include "runtime/mountinfo.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

static const char text[] = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
                           "36 22 0:5 / /a\\040b rw master:1 propagate_from:2 - tmpfs none rw\n"
                           "37 22 0:6 / /both rw shared:7 master:1 - tmpfs shared:9 rw\n"
                           "38 22 0:7 / /private rw - tmpfs shared:9 rw\n"
                           "3 22 0:8 / /cut rw shared:1\n";

static void test_find(void **state)
{
    static const struct {
        uint64_t id;
        bool found, shared, slave;
        const char *mountpoint;
    } cases[] = {
        { 22, true, true, false, "/" },
        { 36, true, false, true, "/a\\040b" },
        { 37, true, true, true, "/both" },
        { 38, true, false, false, "/private" }, /* what is behind the "-" does not count */
        { 3, false, false, false, NULL },
        { 2, false, false, false, NULL },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mountinfo m;
        assert_int_equal(mountinfo_find(imgc_str_of(text), cases[i].id, &m), cases[i].found);
        if (cases[i].found) {
            assert_int_equal(m.is_shared, cases[i].shared);
            assert_int_equal(m.is_slave, cases[i].slave);
            assert_true(imgc_str_eq(m.mountpoint, imgc_str_of(cases[i].mountpoint)));
        }
    }
}

static void test_of(void **state)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_MOUNTINFO_BYTES);
    imgc_autoclose int fd = open("/proc/self", O_PATH | O_CLOEXEC);
    struct mountinfo m;
    struct imgc_err err;
    (void)state;

    assert_ok(mountinfo_of(fd, &b, &m, &err), err);
    assert_true(imgc_str_eq(m.mountpoint, IMGC_STR("/proc")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
