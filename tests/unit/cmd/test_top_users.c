/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/top_users.h"

#include "tests/lib/unit.h"

static void names_and_numbers_are_the_containers(void **state)
{
    struct top_users u = { .uids = { .n = 0 } };
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1024);
    struct imgc_err err;
    (void)state;

    top_users_parse_map(IMGC_STR("         0       1000          1\n         1     100000 65536\n"),
                        &u.uids);
    top_users_parse_map(IMGC_STR("no map\n"), &u.gids);
    assert_int_equal(u.uids.n, 2);
    assert_int_equal(user_names_parse(IMGC_STR("root:x:0:\njoe:x:7:\n"), &u.users, &err), 0);
    static const uint32_t ids[] = { 1000, 100006, 100007, 0, 165535, 165536 };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        top_users_write(&u, TOP_USERS_USER, ids[i], &b);
        imgc_buf_putc(&b, ' ');
        top_users_write_number(&u, TOP_USERS_USER, ids[i], &b);
        imgc_buf_putc(&b, ';');
    }
    assert_string_equal(b.ptr, "root 0;joe 7;8 8;65534 65534;65536 65536;65534 65534;");
    imgc_buf_clear(&b);
    top_users_write_host(TOP_USERS_USER, 0, &b);
    top_users_write_host(TOP_USERS_GROUP, 4123456789u, &b);
    assert_string_equal(b.ptr, "root4123456789");
    top_users_done(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers_are_the_containers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
