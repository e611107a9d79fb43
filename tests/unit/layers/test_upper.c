/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/upper.h"

#include "layers/dir_source.h"
#include "schema/limits.h"
#include "tests/lib/unit.h"

static const struct {
    const char *path;
    enum entry_type type;
    unsigned notes;
    int result; /* 0, UPPER_OPAQUE, or the code that it is refused with */
    const char *becomes;
} cases[] = {
    { "a/b", ENTRY_FILE, 0, 0, "a/b" },
    { "a/b", ENTRY_CHAR, DIR_SOURCE_WHITEOUT, 0, "a/.wh.b" },
    { "b", ENTRY_CHAR, DIR_SOURCE_WHITEOUT, 0, ".wh.b" },
    { "b", ENTRY_FILE, DIR_SOURCE_WHITEOUT, 0, ".wh.b" },
    { "b", ENTRY_CHAR, 0, 0, "b" },
    { "b", ENTRY_DIR, DIR_SOURCE_WHITEOUT, 0, "b" },
    { "a", ENTRY_DIR, DIR_SOURCE_OPAQUE, UPPER_OPAQUE, "a" },
    { "a", ENTRY_FILE, DIR_SOURCE_OPAQUE, 0, "a" },
    { "a/.wh.b", ENTRY_FILE, 0, -(int)IMGC_E_UNSUPPORTED, NULL },
    { ".wh.a/b", ENTRY_FILE, 0, 0, ".wh.a/b" },
    { "a", ENTRY_DIR, DIR_SOURCE_PARTIAL, -(int)IMGC_E_UNSUPPORTED, NULL },
    { "a", ENTRY_FILE, DIR_SOURCE_PARTIAL, -(int)IMGC_E_UNSUPPORTED, NULL },
};

static void makes_entries_of_layers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        entry_auto struct entry e = { .path = strdup(cases[i].path),
                                      .type = cases[i].type,
                                      .mode = 0640,
                                      .uid = 7,
                                      .mtime_s = 8 };
        struct imgc_err err;
        int r = upper_translate(&e, cases[i].notes, &err);
        if (r != cases[i].result || (r >= 0 && strcmp(e.path, cases[i].becomes) != 0)) {
            fail_msg("case %zu: %d, %s", i, r, e.path ? e.path : "none");
        }
        if (r >= 0 && strcmp(cases[i].path, cases[i].becomes) != 0) {
            assert_int_equal(e.type, ENTRY_FILE); /* and says nothing of when and by whom */
            assert_int_equal(e.mode + e.uid + e.size, 0);
            assert_int_equal(e.mtime_s, 0);
        }
    }
}

static void hides_what_is_below(void **state)
{
    char none[] = "", name[] = "a/b";
    const struct entry root = { .path = none, .type = ENTRY_DIR };
    const struct entry dir = { .path = name, .type = ENTRY_DIR };
    entry_auto struct entry e = ENTRY_INIT;
    struct imgc_err err;

    (void)state;
    assert_int_equal(upper_hide_below(&root, &e, &err), 0);
    assert_string_equal(e.path, ".wh..wh..opq");
    assert_int_equal(upper_hide_below(&dir, &e, &err), 0);
    assert_string_equal(e.path, "a/b/.wh..wh..opq");
    assert_int_equal(e.type, ENTRY_FILE);
}

static void refuses_names_that_no_layer_holds(void **state)
{
    char name[LIMIT_NAME_BYTES + 1];
    struct imgc_err err;

    (void)state;
    memset(name, 'x', LIMIT_NAME_BYTES);
    name[LIMIT_NAME_BYTES] = '\0';
    entry_auto struct entry e = { .path = strdup(name), .type = ENTRY_CHAR };
    assert_int_equal(upper_translate(&e, DIR_SOURCE_WHITEOUT, &err), -(int)IMGC_E_UNSUPPORTED);
    entry_auto struct entry fits = { .path = strdup(name + 4), .type = ENTRY_CHAR };
    assert_int_equal(upper_translate(&fits, DIR_SOURCE_WHITEOUT, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_entries_of_layers),
        cmocka_unit_test(hides_what_is_below),
        cmocka_unit_test(refuses_names_that_no_layer_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
