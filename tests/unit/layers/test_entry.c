/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/entry.h"

#include "schema/limits.h"
#include "tests/lib/unit.h"

static const struct {
    const char *name, *path, *target; /* NULL: refused */
} names[] = {
    { "a", "a", "a" },
    { "./a/b/", "a/b", "a/b" },
    { "/a//b/./c", "a/b/c", "a/b/c" },
    { "", "", "" },
    { ".", "", "" },
    { "/", "", "" },
    { "./", "", "" },
    { "...", "...", "..." },
    { "a/..b", "a/..b", "a/..b" },
    { "..", NULL, "" },
    { "a/../b", NULL, "b" },
    { "../../etc/passwd", NULL, "etc/passwd" },
    { "/a/b/../../../c/d/..", NULL, "c" },
    { "a/b/../c", NULL, "a/c" },
    { "\xff\xfe/\x01", "\xff\xfe/\x01", "\xff\xfe/\x01" },
};

static void cleans_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct imgc_err err;
        imgc_autofree char *path = NULL;
        imgc_autofree char *target = NULL;
        bool is_clean = names[i].path && strcmp(names[i].name, names[i].path) == 0;
        assert_int_equal(entry_is_clean_path(imgc_str_of(names[i].name)), is_clean);
        if (names[i].path) {
            assert_ok(entry_clean_path(imgc_str_of(names[i].name), &path, &err), err);
            assert_string_equal(path, names[i].path);
        } else {
            assert_err(entry_clean_path(imgc_str_of(names[i].name), &path, &err), IMGC_E_LAYER);
        }
        assert_ok(entry_clean_target(imgc_str_of(names[i].name), &target, &err), err);
        assert_string_equal(target, names[i].target);
    }
}

static void refuses_a_nul_in_a_name(void **state)
{
    struct imgc_err err;
    char *path = NULL;

    (void)state;
    assert_err(entry_clean_path((struct imgc_str){ "a\0b", 3 }, &path, &err), IMGC_E_LAYER);
    assert_false(entry_is_clean_path((struct imgc_str){ "a\0b", 3 }));
}

/* @parts components of @len bytes each. */
static int clean_long(size_t parts, size_t len)
{
    struct imgc_err err;
    imgc_autofree char *path = NULL;
    imgc_autofree char *name = calloc(parts, len + 1);

    assert_non_null(name);
    memset(name, 'x', parts * (len + 1));
    for (size_t i = 1; i <= parts; i++) {
        name[i * (len + 1) - 1] = '/';
    }
    const struct imgc_str without_end = { name, parts * (len + 1) - 1 };
    bool is_clean = entry_clean_path(without_end, &path, &err) == 0;
    assert_int_equal(entry_is_clean_path(without_end), is_clean);
    free(imgc_take(path));
    return entry_clean_path((struct imgc_str){ name, parts * (len + 1) }, &path, &err);
}

static void caps_names(void **state)
{
    (void)state;
    assert_int_equal(clean_long(1, LIMIT_NAME_BYTES), 0);
    assert_err(clean_long(1, LIMIT_NAME_BYTES + 1), IMGC_E_LIMIT);
    assert_int_equal(clean_long(16, LIMIT_NAME_BYTES), 0); /* 4095 bytes */
    assert_err(clean_long(17, LIMIT_NAME_BYTES), IMGC_E_LIMIT);
    assert_int_equal(clean_long(LIMIT_PATH_DEPTH, 1), 0);
    assert_err(clean_long(LIMIT_PATH_DEPTH + 1, 1), IMGC_E_LIMIT);
}

static void keeps_the_xattrs_of_an_image_only(void **state)
{
    static const struct {
        const char *name;
        bool kept;
    } cases[] = {
        { "user.a", true },
        { "security.capability", true },
        { "security.ima", true },
        { "trusted.a", true },
        { "system.posix_acl_access", true },
        { "system.posix_acl_default", true },
        { "security.selinux", false },
        { "system.nfs4_acl", false },
        { "trusted.overlay.opaque", false },
        { "user.overlay.redirect", false },
        { "user.overlay", true },
        { "user.", false },
        { "com.apple.quarantine", false },
        { "", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (entry_keeps_xattr(cases[i].name) != cases[i].kept) {
            fail_msg("%s", cases[i].name);
        }
    }
}

static void sorts_xattrs_and_keeps_the_last(void **state)
{
    struct imgc_err err;
    entry_auto struct entry e = ENTRY_INIT;

    (void)state;
    assert_ok(entry_add_xattr(&e, "user.b", "1", 1, &err), err);
    assert_ok(entry_add_xattr(&e, "trusted.overlay.opaque", "y", 1, &err), err);
    assert_ok(entry_add_xattr(&e, "user.a", "\0x", 2, &err), err);
    assert_ok(entry_add_xattr(&e, "user.b", "22", 2, &err), err);
    entry_sort_xattrs(&e);
    assert_int_equal(e.n_xattrs, 2);
    assert_string_equal(e.xattrs[0].name, "user.a");
    assert_int_equal(e.xattrs[0].len, 2);
    assert_string_equal(e.xattrs[1].name, "user.b");
    assert_memory_equal(e.xattrs[1].value, "22", 2);

    imgc_autofree char *big = calloc(1, LIMIT_XATTR_BYTES + 1);
    assert_err(entry_add_xattr(&e, "user.c", big, LIMIT_XATTR_BYTES + 1, &err), IMGC_E_LIMIT);
    for (unsigned i = 2; i < LIMIT_XATTRS_PER_ENTRY; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "user.%u", i);
        assert_ok(entry_add_xattr(&e, name, "", 0, &err), err);
    }
    assert_err(entry_add_xattr(&e, "user.more", "", 0, &err), IMGC_E_LIMIT);
}

static void joins_extents(void **state)
{
    static const struct extent runs[] = {
        { 0, 512, 10 }, { 10, 522, 5 }, { 20, 527, 0 }, { 20, 527, 4 }, { 30, 531, 1 }
    };
    struct imgc_err err;
    entry_auto struct entry e = ENTRY_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        assert_ok(entry_add_extent(&e, &runs[i], &err), err);
    }
    assert_int_equal(e.n_extents, 3);
    assert_int_equal(e.extents[0].len, 15);
    assert_int_equal(e.extents[2].file_offset, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleans_names),
        cmocka_unit_test(refuses_a_nul_in_a_name),
        cmocka_unit_test(caps_names),
        cmocka_unit_test(keeps_the_xattrs_of_an_image_only),
        cmocka_unit_test(sorts_xattrs_and_keeps_the_last),
        cmocka_unit_test(joins_extents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
