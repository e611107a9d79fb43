/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/limits.h"
#include "schema/toml.h"

/* Documents, and what they are in JSON; NULL: refused. */
static const struct {
    const char *toml, *json;
} rows[] = {
    { "", "{}" },
    { "# nothing\r\n\n", "{}" },
    { "\xef\xbb\xbf"
      "a = 1",
      "{\"a\":1}" },
    { "a = 1 # one\nb= -2\n\"c d\" ='x'", "{\"a\":1,\"b\":-2,\"c d\":\"x\"}" },
    { "a = true\nb = false", "{\"a\":true,\"b\":false}" },
    { "a = 0x1F\nb=0o17\nc=0b11\nd=1_000\ne=+7", "{\"a\":31,\"b\":15,\"c\":3,\"d\":1000,\"e\":7}" },
    { "a = 1.5\nb = 1e2\nc = -0.25", "{\"a\":1.5,\"b\":100.0,\"c\":-0.25}" },
    { "a = 1979-05-27T07:32:00Z\nb = 1979-05-27 07:32:00\nc = 07:32:00\nd = 1979-05-27",
      "{\"a\":\"1979-05-27T07:32:00Z\",\"b\":\"1979-05-27 07:32:00\",\"c\":\"07:32:00\",\"d\":"
      "\"1979-05-27\"}" },
    { "a = \"\\t\\\"\\\\\\u00e9\\U0001F600\"", "{\"a\":\"\\t\\\"\\\\\xc3\xa9\xf0\x9f\x98\x80\"}" },
    { "a = 'c:\\dir'", "{\"a\":\"c:\\\\dir\"}" },
    { "a = \"\"\nb = ''", "{\"a\":\"\",\"b\":\"\"}" },
    { "a = \"\"\"\nx\ny\"\"\"", "{\"a\":\"x\\ny\"}" },
    { "a = \"\"\"x \\\n\n   y\"\"\"", "{\"a\":\"x y\"}" },
    { "a = \"\"\"x\"\"\"\"\"", "{\"a\":\"x\\\"\\\"\"}" },
    { "a = '''\n'x'\\n'''", "{\"a\":\"'x'\\\\n\"}" },
    { "a = [ 1, [2], \"x\", # c\n {b = 1}, ]", "{\"a\":[1,[2],\"x\",{\"b\":1}]}" },
    { "a = []", "{\"a\":[]}" },
    { "a = {}\nb = { c.d = 1, e = 2 }", "{\"a\":{},\"b\":{\"c\":{\"d\":1},\"e\":2}}" },
    { "[a]\nb = 1\n[c . \"d\"]\ne = 2", "{\"a\":{\"b\":1},\"c\":{\"d\":{\"e\":2}}}" },
    { "a.b = 1\na.c = 2", "{\"a\":{\"b\":1,\"c\":2}}" },
    { "[a.b]\nx = 1\n[a]\ny = 2", "{\"a\":{\"b\":{\"x\":1},\"y\":2}}" },
    { "[[r]]\na = 1\n[[r.m]]\nb = 2\n[[r.m]]\nb = 3\n[[r]]\n[[r.m]]\nb = 4",
      "{\"r\":[{\"a\":1,\"m\":[{\"b\":2},{\"b\":3}]},{\"m\":[{\"b\":4}]}]}" },
    { "[f]\na.c = 1\n[f.a.t]\nx = 1", "{\"f\":{\"a\":{\"c\":1,\"t\":{\"x\":1}}}}" },

    /* said twice, or added to what is complete */
    { "a = 1\na = 2", NULL },
    { "[a]\n[a]", NULL },
    { "[a]\nb = 1\n[a.b]", NULL },
    { "a = {}\n[a.b]", NULL },
    { "a = {}\na.b = 1", NULL },
    { "a = []\n[[a]]", NULL },
    { "[[a]]\n[a]", NULL },
    { "[a]\n[[a]]", NULL },
    { "a.b = 1\n[a]", NULL },
    { "[a.b.c]\nz = 1\n[a]\nb.c.t = 2", NULL },
    { "a = 1\na.b = 2", NULL },
    { "a = {b = 1, b = 2}", NULL },

    /* what is no TOML */
    { "a", NULL },
    { "a =", NULL },
    { "= 1", NULL },
    { "a = x", NULL },
    { "a = 1 b = 2", NULL },
    { "a = \"x", NULL },
    { "a = \"x\ny\"", NULL },
    { "a = \"\\q\"", NULL },
    { "a = \"\\ud800\"", NULL },
    { "a = \"\\u0000\"", NULL },
    { "a = \"\\u12\"", NULL },
    { "a = \"\xff\"", NULL },
    { "\"\xff\" = 1", NULL },
    { "a = \"\x01\"", NULL },
    { "# \x01", NULL },
    { "a = 01", NULL },
    { "a = 1__0", NULL },
    { "a = _1", NULL },
    { "a = +0x1", NULL },
    { "a = 0x", NULL },
    { "a = 1.", NULL },
    { "a = .5", NULL },
    { "a = inf", NULL },
    { "a = 99999999999999999999", NULL },
    { "a = [1 2]", NULL },
    { "a = [1", NULL },
    { "a = {b = 1,}", NULL },
    { "a = {b = 1\n}", NULL },
    { "a = {b = 1", NULL },
    { "[a", NULL },
    { "[a]]", NULL },
    { "[[a]", NULL },
    { "[]", NULL },
    { "[a] b = 1", NULL },
    { "a = 1\rb = 2", NULL },
};

static void documents_become_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_auto_free json_t *doc = NULL;
        imgc_autofree char *text = NULL;
        struct imgc_err err;
        int r = toml_parse(imgc_str_of(rows[i].toml), "test", &doc, &err);

        if (r < 0 || !rows[i].json) {
            if (r == 0 || rows[i].json || err.code != IMGC_E_DOCUMENT ||
                strncmp(err.msg, "test, line ", 11) != 0) {
                fail_msg("row %zu (%s): %s", i, rows[i].toml, r < 0 ? err.msg : "was taken");
            }
            continue;
        }
        assert_ok(json_dump(doc, false, &text, &err), err);
        assert_string_equal(text, rows[i].json);
    }
}

static void the_line_is_named(void **state)
{
    json_auto_free json_t *doc = NULL;
    struct imgc_err err;

    (void)state;
    assert_err(toml_parse(IMGC_STR("a = 1\n[b]\r\nc = \"\"\"\n\n\"\"\"\nd = ?\n"), "f", &doc, &err),
               IMGC_E_DOCUMENT);
    assert_non_null(strstr(err.msg, "f, line 6:"));
}

static void depth_and_number_are_limited(void **state)
{
    imgc_autobuf struct imgc_buf deep = IMGC_BUF_INIT(1u << 20), many = IMGC_BUF_INIT(1u << 20),
                                 keys = IMGC_BUF_INIT(1u << 20);
    json_auto_free json_t *doc = NULL;
    struct imgc_err err;
    struct imgc_str text;

    (void)state;
    imgc_buf_puts(&deep, "a = ");
    for (size_t i = 0; i < 100000; i++) {
        imgc_buf_putc(&deep, '[');
    }
    assert_ok(imgc_buf_finish(&deep, &text, &err), err);
    assert_err(toml_parse(text, "deep", &doc, &err), IMGC_E_DOCUMENT);

    for (size_t i = 0; i < 100000; i++) {
        imgc_buf_puts(&keys, "a.");
    }
    assert_ok(imgc_buf_finish(&keys, &text, &err), err);
    assert_err(toml_parse(text, "keys", &doc, &err), IMGC_E_DOCUMENT);

    for (size_t i = 0; i <= LIMIT_TOML_TABLES; i++) {
        imgc_buf_puts(&many, "[[a]]\n");
    }
    assert_ok(imgc_buf_finish(&many, &text, &err), err);
    assert_err(toml_parse(text, "many", &doc, &err), IMGC_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_become_json),
        cmocka_unit_test(the_line_is_named),
        cmocka_unit_test(depth_and_number_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
