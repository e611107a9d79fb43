/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/buf.h"

static void test_appends(void **state)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1000);
    struct imgc_str s;
    struct imgc_err err;
    (void)state;

    imgc_buf_puts(&b, "a");
    imgc_buf_putc(&b, 'b');
    imgc_buf_str(&b, IMGC_STR("cd"));
    imgc_buf_add(&b, NULL, 0);
    imgc_buf_printf(&b, "%03d%s", 7, "");
    for (int i = 0; i < 100; i++) {
        imgc_buf_putc(&b, '.');
    }
    assert_ok(imgc_buf_finish(&b, &s, &err), err);
    assert_int_equal(s.len, 107);
    assert_int_equal(strlen(s.ptr), 107);
    assert_memory_equal(s.ptr, "abcd007..", 9);
}

static void test_empty_is_a_string(void **state)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(0);
    imgc_autofree char *z = NULL;
    struct imgc_str s;
    struct imgc_err err;
    (void)state;

    assert_ok(imgc_buf_finish(&b, &s, &err), err);
    assert_string_equal(s.ptr, "");
    assert_int_equal(s.len, 0);
    assert_ok(imgc_buf_take(&b, &z, &err), err);
    assert_string_equal(z, "");
    assert_null(b.ptr);
}

/* The cap is the number of bytes that fit; after a failure nothing is added until it is cleared. */
static void test_cap(void **state)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(4);
    struct imgc_str s;
    struct imgc_err err;
    char *z;
    (void)state;

    imgc_buf_puts(&b, "abcd");
    assert_ok(imgc_buf_finish(&b, &s, &err), err);
    imgc_buf_putc(&b, 'e');
    imgc_buf_clear(&b);
    imgc_buf_puts(&b, "ab");
    imgc_buf_printf(&b, "%s", "cde");
    imgc_buf_putc(&b, 'c');
    assert_err(imgc_buf_finish(&b, &s, &err), IMGC_E_LIMIT);
    assert_non_null(strstr(err.msg, "4"));
    assert_err(imgc_buf_take(&b, &z, &err), IMGC_E_LIMIT);
    assert_int_equal(b.len, 2);
    imgc_buf_clear(&b);
    imgc_buf_add(&b, "x", SIZE_MAX);
    assert_err(imgc_buf_finish(&b, &s, &err), IMGC_E_LIMIT);
}

static void test_take(void **state)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(10);
    imgc_autofree char *first = NULL, *second = NULL;
    struct imgc_err err;
    (void)state;

    imgc_buf_puts(&b, "one");
    assert_ok(imgc_buf_take(&b, &first, &err), err);
    imgc_buf_puts(&b, "two");
    assert_ok(imgc_buf_take(&b, &second, &err), err);
    assert_string_equal(first, "one");
    assert_string_equal(second, "two");
    imgc_buf_init(&b, 3);
    assert_int_equal(b.max, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_empty_is_a_string),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
