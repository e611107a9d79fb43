/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "fetch/answer.h"

static void error_bodies_are_shown_safely(void **state)
{
    static const struct {
        const char *body, *text;
    } rows[] = {
        { "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}",
          "MANIFEST_UNKNOWN: manifest unknown" },
        { "{\"errors\":[{\"code\":\"DENIED\"}]}", "DENIED" },
        { "{\"errors\":[{\"message\":\"no\"},{\"code\":\"X\"}]}", "no" },
        { "{\"errors\":[{\"code\":\"A\",\"message\":\"\\u001b[31mred\"}]}", "A: \\x1b[31mred" },
        { "{\"errors\":[]}", "{\"errors\":[]}" },
        { "{\"errors\":[{\"code\":5}]}", "{\"errors\":[{\"code\":5}]}" },
        { "{\"details\":\"x\"}", "{\"details\":\"x\"}" },
        { " <html>\n<b>oops</b>\x1b]0;x\x07 ", "<html> <b>oops</b>\\x1b]0;x\\x07" },
        { "", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[ANSWER_TEXT_MAX];
        assert_string_equal(answer_text(imgc_str_of(rows[i].body), out), rows[i].text);
    }
}

static void long_bodies_are_cut(void **state)
{
    char body[1000], out[ANSWER_TEXT_MAX];

    (void)state;
    memset(body, 'x', sizeof body);
    assert_int_equal(strlen(answer_text((struct imgc_str){ body, sizeof body }, out)), 200);
    (void)snprintf(body, sizeof body, "{\"errors\":[{\"message\":\"%0*d\"}]}", 900, 0);
    assert_int_equal(strlen(answer_text(imgc_str_of(body), out)), 200);
}

static void statuses_have_their_codes(void **state)
{
    static const struct {
        long status;
        bool is_image;
        enum imgc_code code;
        const char *part;
    } rows[] = {
        { 401, true, IMGC_E_AUTH, "may not exist, or it needs a login" },
        { 403, false, IMGC_E_AUTH, "HTTP 403 from https://r.example/v2/" },
        { 404, true, IMGC_E_NOIMAGE, "no such image 'a:b' in registry 'r.example'" },
        { 404, false, IMGC_E_REGISTRY, "HTTP 404" },
        { 429, true, IMGC_E_REGISTRY, "come back in 90 s" },
        { 500, true, IMGC_E_REGISTRY, "HTTP 500 from https://r.example/v2/ (oops)" },
        { 302, true, IMGC_E_REGISTRY, "HTTP 302" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct imgc_err err;
        const struct answer a = { .status = rows[i].status,
                                  .url = "https://r.example/v2/",
                                  .body = IMGC_STR("oops"),
                                  .retry_after_ms = 90000,
                                  .what = "image 'a:b'",
                                  .registry = "r.example",
                                  .is_image = rows[i].is_image };
        assert_err(answer_fail(&a, &err), rows[i].code);
        assert_int_equal(err.code, rows[i].code);
        if (!strstr(err.msg, rows[i].part)) {
            fail_msg("%s", err.msg);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_bodies_are_shown_safely),
        cmocka_unit_test(long_bodies_are_cut),
        cmocka_unit_test(statuses_have_their_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
