/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "runtime/fs_kind.h"

/* The numbers as statfs(2) lists them. */
static void test_what_others_may_change(void **state)
{
    (void)state;

    assert_string_equal(fs_kind_remote(0x6969), "NFS");
    assert_string_equal(fs_kind_remote(0x01021997), "9p");
    assert_string_equal(fs_kind_remote(0x65735546), "FUSE");
    assert_string_equal(fs_kind_remote(0xff534d42), "SMB");
    assert_string_equal(fs_kind_remote(0xffffffffff534d42), "SMB"); /* from a signed 32-bit field */
}

static void test_local_ones(void **state)
{
    (void)state;

    assert_null(fs_kind_remote(0xef53));     /* ext4 */
    assert_null(fs_kind_remote(0x01021994)); /* tmpfs */
    assert_null(fs_kind_remote(0x794c7630)); /* overlayfs has words of its own */
    assert_null(fs_kind_remote(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_others_may_change),
        cmocka_unit_test(test_local_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
