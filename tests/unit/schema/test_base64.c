/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/base64.h"

static void both_ways(void **state)
{
    static const char *const rows[][2] = { /* RFC 4648 section 10 */
                                           { "", "" },
                                           { "f", "Zg==" },
                                           { "fo", "Zm8=" },
                                           { "foo", "Zm9v" },
                                           { "foob", "Zm9vYg==" },
                                           { "fooba", "Zm9vYmE=" },
                                           { "foobar", "Zm9vYmFy" },
                                           { "\xff\xfe\xfd", "//79" }
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(64), back = IMGC_BUF_INIT(64);
        struct imgc_str s;
        struct imgc_err err;
        base64_encode(imgc_str_of(rows[i][0]), &text);
        assert_ok(imgc_buf_finish(&text, &s, &err), err);
        assert_string_equal(s.ptr, rows[i][1]);
        assert_true(base64_decode(s, &back));
        assert_ok(imgc_buf_finish(&back, &s, &err), err);
        assert_string_equal(s.ptr, rows[i][0]);
    }
}

static void refuses_what_is_none(void **state)
{
    static const char *const rows[] = {
        "Z", "Zg=a", "Zm9v\n", "Zm 9v", "Zm9v====", "Zh==", "-_=="
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(64);
        if (base64_decode(imgc_str_of(rows[i]), &b)) {
            fail_msg("%s", rows[i]);
        }
    }
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(64);
    assert_true(base64_decode(IMGC_STR("Zg"), &b)); /* without padding */
    assert_false(base64_decode((struct imgc_str){ "Zg\0", 3 }, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(both_ways),
                                        cmocka_unit_test(refuses_what_is_none) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
