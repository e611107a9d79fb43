/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/tree_text.h"

#include "tests/lib/unit.h"

#include "cmd/image_tree.h"
#include "schema/json.h"

static void writes_modes_as_ls(void **state)
{
    static const struct {
        enum entry_type type;
        uint32_t mode;
        const char *want;
    } cases[] = {
        { ENTRY_FILE, 0644, "-rw-r--r--" },    { ENTRY_FILE, 0, "----------" },
        { ENTRY_DIR, 01777, "drwxrwxrwt" },    { ENTRY_DIR, 01666, "drw-rw-rwT" },
        { ENTRY_FILE, 04755, "-rwsr-xr-x" },   { ENTRY_FILE, 04644, "-rwSr--r--" },
        { ENTRY_FILE, 02711, "-rwx--s--x" },   { ENTRY_FILE, 02600, "-rw---S---" },
        { ENTRY_SYMLINK, 0777, "lrwxrwxrwx" }, { ENTRY_CHAR, 0666, "crw-rw-rw-" },
        { ENTRY_BLOCK, 0660, "brw-rw----" },   { ENTRY_FIFO, 07777, "prwsrwsrwt" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tree_inode inode = { .type = cases[i].type, .mode = cases[i].mode };
        char mode[TREE_TEXT_MODE_MAX];
        assert_string_equal(tree_text_mode(&inode, mode), cases[i].want);
    }
}

static void writes_times_of_every_year(void **state)
{
    static const struct {
        int64_t s;
        uint32_t ns;
        const char *shown, *exact;
    } cases[] = {
        { 0, 0, "1970-01-01 00:00:00", "1970-01-01T00:00:00Z" },
        { 1700000000, 5, "2023-11-14 22:13:20", "2023-11-14T22:13:20.000000005Z" },
        { -1, 999999999, "1969-12-31 23:59:59", "1969-12-31T23:59:59.999999999Z" },
        { INT64_MAX, 0, "@9223372036854775807", "@9223372036854775807" },
        { INT64_MIN, 0, "@-9223372036854775808", "@-9223372036854775808" },
        { 67767976233532799, 1, "2147483647-12-31 23:59:59",
          "2147483647-12-31T23:59:59.000000001Z" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tree_inode inode = { .mtime_s = cases[i].s, .mtime_ns = cases[i].ns };
        char text[TREE_TEXT_TIME_MAX];
        assert_string_equal(tree_text_time(&inode, false, text), cases[i].shown);
        assert_string_equal(tree_text_time(&inode, true, text), cases[i].exact);
    }
}

static void puts_names_of_any_bytes_into_json(void **state)
{
    json_auto_free json_t *obj = json_object();
    struct imgc_err err;
    (void)state;

    assert_ok(tree_text_put_name(obj, "a", "gr\xc3\xbc\xc3\x9f\n", &err), err);
    assert_ok(tree_text_put_name(obj, "b", "x\xff\033", &err), err);
    assert_string_equal(json_string_value(json_object_get(obj, "a")), "gr\xc3\xbc\xc3\x9f\n");
    assert_null(json_object_get(obj, "a_hex"));
    assert_string_equal(json_string_value(json_object_get(obj, "b")), "x\xef\xbf\xbd\033");
    assert_string_equal(json_string_value(json_object_get(obj, "b_hex")), "78ff1b");
}

static void splits_image_and_path(void **state)
{
    static const struct {
        const char *arg, *image, *path;
    } cases[] = {
        { "debian", "debian", NULL },
        { "debian:bookworm", "debian:bookworm", NULL },
        { "debian:/etc", "debian", "/etc" },
        { "debian:bookworm:/etc", "debian:bookworm", "/etc" },
        { "127.0.0.1:5000/a/b:tag:/x:/y", "127.0.0.1:5000/a/b:tag", "/x:/y" },
        { "a@sha256:00:/", "a@sha256:00", "/" },
        { "debian:etc", "debian:etc", NULL },
        { "", NULL, NULL },
        { ":/etc", NULL, NULL },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autofree char *image = NULL;
        const char *path = NULL;
        struct imgc_err err;
        int r = image_tree_split(cases[i].arg, &image, &path, &err);
        if (!cases[i].image) {
            assert_err(r, IMGC_E_USAGE);
            continue;
        }
        assert_ok(r, err);
        assert_string_equal(image, cases[i].image);
        assert_string_equal(path ? path : "(none)", cases[i].path ? cases[i].path : "(none)");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_modes_as_ls),
        cmocka_unit_test(writes_times_of_every_year),
        cmocka_unit_test(puts_names_of_any_bytes_into_json),
        cmocka_unit_test(splits_image_and_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
