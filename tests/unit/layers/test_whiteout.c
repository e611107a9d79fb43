/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/whiteout.h"

#include "tests/lib/unit.h"

static const struct {
    const char *path;
    int result; /* 0, or the code that it is refused with */
    enum whiteout_kind kind;
    const char *parent, *name;
} cases[] = {
    { "", 0, WHITEOUT_NONE, "", "" },
    { "a", 0, WHITEOUT_NONE, "", "" },
    { "a/b.wh.c", 0, WHITEOUT_NONE, "a", "" },
    { ".wh.a", 0, WHITEOUT_NAME, "", "a" },
    { "a/b/.wh.c", 0, WHITEOUT_NAME, "a/b", "c" },
    { "a/.wh....", 0, WHITEOUT_NAME, "a", "..." },
    { ".wh.a/b", 0, WHITEOUT_NONE, ".wh.a", "" },
    { ".wh..wh..opq", 0, WHITEOUT_OPAQUE, "", "" },
    { "a/.wh..wh..opq", 0, WHITEOUT_OPAQUE, "a", "" },
    { "a/.wh..wh..opq2", 0, WHITEOUT_META, "a", "" },
    { ".wh..wh..opq/a", 0, WHITEOUT_META, ".wh..wh..opq", "" },
    { ".wh..wh.aufs", 0, WHITEOUT_META, "", "" },
    { ".wh..wh.plnk/12.34", 0, WHITEOUT_META, ".wh..wh.plnk", "" },
    { ".wh..wh.plnk/a/.wh.b", 0, WHITEOUT_META, ".wh..wh.plnk/a", "" },
    { ".wh..opq", 0, WHITEOUT_NAME, "", ".opq" },
    { ".wh.", IMGC_E_LAYER, WHITEOUT_NONE, "", "" },
    { "a/.wh..", IMGC_E_LAYER, WHITEOUT_NONE, "", "" },
    { "a/.wh...", IMGC_E_LAYER, WHITEOUT_NONE, "", "" },
};

static void tells_what_a_path_means(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imgc_err err;
        struct whiteout w = { .kind = WHITEOUT_NONE };
        int r = whiteout_classify(imgc_str_of(cases[i].path), &w, &err);
        assert_int_equal(r, -cases[i].result);
        if (r < 0) {
            continue;
        }
        if (w.kind != cases[i].kind || !imgc_str_eq(w.name, imgc_str_of(cases[i].name)) ||
            !imgc_str_eq(w.parent, imgc_str_of(cases[i].parent))) {
            fail_msg("%s: kind %d, name %.*s", cases[i].path, (int)w.kind, (int)w.name.len,
                     w.name.ptr);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_a_path_means),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
