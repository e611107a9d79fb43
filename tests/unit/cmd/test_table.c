/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "cmd/table.h"

static char *printed(const struct table *t)
{
    char *text = NULL;
    size_t size = 0;
    struct output o;
    struct imgc_err err;

    output_init(&o, LOG_LEVEL_WARN);
    o.out = open_memstream(&text, &size);
    assert_non_null(o.out);
    assert_ok(table_print(t, &o, &err), err);
    assert_int_equal(fclose(o.out), 0);
    return text;
}

static void test_columns(void **state)
{
    table_auto struct table t = TABLE_INIT;
    (void)state;

    table_line(&t, IMGC_STR("NAME\tTAG\tSIZE\n"));
    table_line(&t, IMGC_STR("debian\tbookworm\t1MB"));
    table_row(&t);
    table_cell(&t, "gr\xc3\xbc\xc3\x9f"
                   "e");
    table_cell(&t, "\xe4\xb8\xad\xe6\x96\x87"); /* two columns each */
    table_cell(&t, "");
    table_line(&t, IMGC_STR("a"));
    imgc_autofree char *text = printed(&t);
    assert_string_equal(text, "NAME     TAG        SIZE\n"
                              "debian   bookworm   1MB\n"
                              "gr\xc3\xbc\xc3\x9f"
                              "e    \xe4\xb8\xad\xe6\x96\x87       \n"
                              "a\n");
}

static void test_cells_are_escaped(void **state)
{
    table_auto struct table t = TABLE_INIT;
    (void)state;

    table_row(&t);
    table_cell(&t, "\033]0;title\007x\ny");
    imgc_autofree char *text = printed(&t);
    assert_null(strchr(text, '\033'));
    assert_null(strchr(text, '\007'));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void test_empty_and_wide(void **state)
{
    table_auto struct table t = TABLE_INIT;
    table_auto struct table wide = TABLE_INIT;
    (void)state;

    imgc_autofree char *nothing = printed(&t);
    assert_string_equal(nothing, "");
    table_row(&wide);
    for (int i = 0; i < 2 * TABLE_COLUMNS_MAX; i++) {
        table_cell(&wide, "x"); /* what is too much is left out */
    }
    imgc_autofree char *text = printed(&wide);
    assert_int_equal(strlen(text), 4 * (TABLE_COLUMNS_MAX - 1) + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_cells_are_escaped),
        cmocka_unit_test(test_empty_and_wide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
