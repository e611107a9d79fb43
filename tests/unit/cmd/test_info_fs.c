/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/info_fs.h"

#include "tests/lib/unit.h"

/* The numbers as statfs(2) lists them. */
static void names_local_and_remote_ones(void **state)
{
    (void)state;

    assert_string_equal(info_fs_name(0xef53), "ext4");
    assert_string_equal(info_fs_name(0x58465342), "xfs");
    assert_string_equal(info_fs_name(0xffffffff9123683e), "btrfs"); /* from a signed field */
    assert_string_equal(info_fs_name(0x6969), "NFS");
    assert_null(info_fs_name(1));
}

static void procfs_holds_nothing(void **state)
{
    json_auto_free json_t *j = info_fs_json("/proc");
    (void)state;

    assert_string_equal(json_string_value(json_object_get(j, "Type")), "0x9fa0");
    assert_false(json_is_true(json_object_get(j, "Overlay")));
    assert_false(json_is_true(json_object_get(j, "Xattrs")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_local_and_remote_ones),
        cmocka_unit_test(procfs_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
