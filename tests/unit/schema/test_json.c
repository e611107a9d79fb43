/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/cleanup.h"
#include "schema/base/clock.h"
#include "schema/json.h"
#include "schema/limits.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        const char *reason; /* NULL: accepted */
    } cases[] = {
        { "{}", NULL },
        { "[]", NULL },
        { " {\"a\":{\"b\":1},\"c\":{\"b\":1}}\n", NULL },
        { "{\"a\":1,\"ab\":2,\"b\":3}", NULL },
        { "{\"Labels\":{\"a\":1,\"A\":2}}", NULL },
        { "{\"Volumes\":{\"/data\":{},\"/Data\":{}}}", NULL },
        { "{\"annotations\":{\"x\":\"\",\"X\":\"\"}}", NULL },
        { "{\"a\":\"[[[[{{{{\\\"[[\"}", NULL },
        { "", "line" },
        { "1", "line" },
        { "{} {}", "end of file" },
        { "{}x", "end of file" },
        { "{\"a\":1", "line" },
        { "{\"a\":1,\"a\":2}", "duplicate" },
        { "{\"annotations\":{\"x\":\"\",\"x\":\"\"}}", "duplicate" },
        { "{\"a\":1,\"A\":2}", "differ only in case" },
        { "{\"layers\":1,\"b\":2,\"c\":3,\"layerS\":2}", "differ only in case" },
        { "{\"layers\":1,\"layer\xc5\xbf\":2}", "differ only in case" },
        { "{\"k\":1,\"\xe2\x84\xaa\":2}", "differ only in case" },
        { "{\"x\":[{\"y\":{\"a\":1,\"A\":2}}]}", "differ only in case" },
        { "{\"Labels\":{\"x\":{\"a\":1,\"A\":2}}}", "differ only in case" },
        { "{\"a\":\"\\u0000\"}", "line" },
        { "{\"a\":\"\xff\"}", "line" },
        { "{\"a\":99999999999999999999}", "line" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_auto_free json_t *j = NULL;
        struct imgc_err err;

        int r = json_parse(imgc_str_of(cases[i].text), "thing", &j, &err);
        if (r != (cases[i].reason ? -IMGC_E_DOCUMENT : 0) ||
            (r < 0 && (!strstr(err.msg, cases[i].reason) || !strstr(err.msg, "thing")))) {
            fail_msg("'%s': %d %s", cases[i].text, r, r ? err.msg : "");
        }
        assert_int_equal(j != NULL, r == 0);
    }
}

static void test_bytes_after_the_slice(void **state)
{
    json_auto_free json_t *j = NULL;
    struct imgc_err err;
    (void)state;

    assert_ok(json_parse((struct imgc_str){ "{}x", 2 }, "thing", &j, &err), err);
    json_freep(&j);
    assert_err(json_parse((struct imgc_str){ "{}\0x", 4 }, "thing", &j, &err), IMGC_E_DOCUMENT);
    assert_err(json_parse((struct imgc_str){ NULL, 0 }, "thing", &j, &err), IMGC_E_DOCUMENT);
}

static void test_depth(void **state)
{
    char text[4 * LIMIT_JSON_DEPTH];
    (void)state;

    for (int depth = LIMIT_JSON_DEPTH; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
        json_auto_free json_t *j = NULL;
        struct imgc_err err;
        size_t n = (size_t)depth;

        memset(text, '[', n);
        memset(text + n, ']', n);
        int r = json_parse((struct imgc_str){ text, 2 * n }, "thing", &j, &err);
        assert_int_equal(r, depth <= LIMIT_JSON_DEPTH ? 0 : -IMGC_E_DOCUMENT);
    }
}

/* One object of many keys, each of which has many neighbours in the order of comparison. */
static void test_time_is_linear(void **state)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(64u << 20);
    json_auto_free json_t *j = NULL;
    struct imgc_err err;
    struct imgc_str text;
    (void)state;

    imgc_buf_putc(&b, '{');
    for (int i = 0; i < 200000; i++) {
        imgc_buf_printf(&b, "\"key%d\":%d,", i, i);
    }
    imgc_buf_puts(&b, "\"last\":[");
    for (int i = 0; i < 200000; i++) {
        imgc_buf_puts(&b, "{},");
    }
    imgc_buf_puts(&b, "{}]}");
    assert_ok(imgc_buf_finish(&b, &text, &err), err);
    int64_t start = clock_monotonic_ns();
    assert_ok(json_parse(text, "thing", &j, &err), err);
    /* Some 0.2 s; a quadratic check would take minutes. */
    assert_true(clock_monotonic_ns() - start < INT64_C(20000000000));
}

static void test_getters(void **state)
{
    static const char text[] = "{\"s\":\"x\",\"n\":7,\"neg\":-1,\"t\":true,\"o\":{},\"a\":[\"p\","
                               "\"q\"],\"mixed\":[\"p\",1],\"null\":null,\"real\":1.5,\"Up\":1}";
    json_auto_free json_t *j = NULL;
    const json_t *v;
    const char *s;
    struct imgc_err err;
    uint64_t n;
    bool b;
    (void)state;

    assert_ok(json_parse(imgc_str_of(text), "thing", &j, &err), err);
    assert_ok(json_get_string(j, "s", &s, &err), err);
    assert_string_equal(s, "x");
    assert_ok(json_get_string(j, "none", &s, &err), err);
    assert_null(s);
    assert_ok(json_get_string(j, "null", &s, &err), err);
    assert_null(s);
    assert_err(json_get_string(j, "n", &s, &err), IMGC_E_DOCUMENT);
    assert_string_equal(err.msg, "'n' is not a string");
    assert_ok(json_get_u64(j, "n", &n, &err), err);
    assert_true(n == 7);
    assert_ok(json_get_u64(j, "none", &n, &err), err);
    assert_true(n == 0);
    assert_err(json_get_u64(j, "neg", &n, &err), IMGC_E_DOCUMENT);
    assert_err(json_get_u64(j, "real", &n, &err), IMGC_E_DOCUMENT);
    assert_ok(json_get_bool(j, "t", &b, &err), err);
    assert_true(b);
    assert_ok(json_get_bool(j, "none", &b, &err), err);
    assert_false(b);
    assert_err(json_get_bool(j, "n", &b, &err), IMGC_E_DOCUMENT);
    assert_ok(json_get_object(j, "o", &v, &err), err);
    assert_true(json_is_object(v));
    assert_err(json_get_array(j, "o", &v, &err), IMGC_E_DOCUMENT);
    /* What a Go reader would take for "up" must not go unseen. */
    assert_err(json_get_u64(j, "up", &n, &err), IMGC_E_DOCUMENT);
    assert_string_equal(err.msg, "key 'Up' must be spelt 'up'");
    assert_ok(json_get_string(NULL, "s", &s, &err), err);
    assert_null(s);
}

static void test_strings(void **state)
{
    json_auto_free json_t *j = NULL;
    struct imgc_err err;
    char **list;
    size_t n = 9;
    (void)state;

    assert_ok(json_parse(IMGC_STR("{\"a\":[\"p\",\"q\"],\"e\":[],\"m\":[\"p\",1]}"), "x", &j, &err),
              err);
    assert_ok(json_get_strings(j, "a", &list, &n, &err), err);
    assert_int_equal(n, 2);
    assert_string_equal(list[1], "q");
    assert_null(list[2]);
    assert_null(json_strings_free(list));
    assert_ok(json_get_strings(j, "e", &list, &n, &err), err);
    assert_int_equal(n, 0);
    assert_non_null(list);
    json_strings_free(list);
    assert_ok(json_get_strings(j, "none", &list, NULL, &err), err);
    assert_null(list);
    assert_err(json_get_strings(j, "m", &list, NULL, &err), IMGC_E_DOCUMENT);
}

static void test_dump(void **state)
{
    json_auto_free json_t *j = json_object();
    imgc_autofree char *plain = NULL, *sorted = NULL;
    char x[] = "x", *list[] = { x, NULL };
    struct imgc_err err;
    (void)state;

    assert_ok(json_put_string(j, "b", "1/2\n", &err), err);
    assert_ok(json_put_string(j, "none", NULL, &err), err);
    assert_ok(json_put_strings(j, "a", list, &err), err);
    assert_err(json_put(j, "x", NULL, &err), IMGC_E_NOMEM);
    assert_err(json_put_string(j, "x", "\xff", &err), IMGC_E_DOCUMENT);
    assert_ok(json_dump(j, false, &plain, &err), err);
    assert_string_equal(plain, "{\"b\":\"1/2\\n\",\"a\":[\"x\"]}");
    assert_ok(json_dump(j, true, &sorted, &err), err);
    assert_string_equal(sorted, "{\"a\":[\"x\"],\"b\":\"1/2\\n\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),   cmocka_unit_test(test_bytes_after_the_slice),
        cmocka_unit_test(test_depth),   cmocka_unit_test(test_time_is_linear),
        cmocka_unit_test(test_getters), cmocka_unit_test(test_strings),
        cmocka_unit_test(test_dump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
