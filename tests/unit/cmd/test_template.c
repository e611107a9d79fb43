/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <jansson.h>

#include "cmd/template.h"

/* Parse and run. @ret  caller frees. @return 0; 1 for a parse error; 2 for one while it runs. */
static int evaluate(const char *text, json_t *data, bool strict, const char *const *maps,
                    char **ret, struct imgc_err *err)
{
    template_auto struct template *t = NULL;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1u << 20);
    const struct template_args args = { .data = data, .strict = strict, .maps = maps };

    if (template_parse(imgc_str_of(text), &t, err) < 0) {
        return 1;
    }
    if (template_run(t, &args, &b, err) < 0 || imgc_buf_take(&b, ret, err) < 0) {
        return 2;
    }
    return 0;
}

/* ---- docker's results ---- */

static FILE *open_truth(const char *name)
{
    const char *dir = getenv("IMGC_TEST_DATA");
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/truth/%s", dir ? dir : IMGC_SOURCE_DIR "/../shared/data",
                   name);
    FILE *f = fopen(path, "r");
    if (!f) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    return f;
}

/* Undo Go's %q from @text on, which starts with the quote. @return what follows. */
static const char *unquote(const char *text, char *out, size_t size)
{
    json_error_t e;
    json_t *j = json_loads(text, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &e);

    assert_true(json_is_string(j));
    assert_true(json_string_length(j) < size);
    memcpy(out, json_string_value(j), json_string_length(j) + 1);
    json_decref(j);
    return text + e.position;
}

/* Go reads numbers of a JSON document as float64. */
static json_t *as_go_reads(json_t *j)
{
    if (json_is_integer(j)) {
        return json_real((double)json_integer_value(j));
    }
    if (json_is_array(j)) {
        json_t *copy = json_array();
        for (size_t i = 0; i < json_array_size(j); i++) {
            assert_int_equal(json_array_append_new(copy, as_go_reads(json_array_get(j, i))), 0);
        }
        return copy;
    }
    if (json_is_object(j)) {
        json_t *copy = json_object();
        const char *key;
        json_t *value;
        json_object_foreach(j, key, value)
        {
            assert_int_equal(json_object_set_new(copy, key, as_go_reads(value)), 0);
        }
        return copy;
    }
    return json_incref(j);
}

/* What Go refuses over untyped documents only; docker's and podman's own documents are typed, and
 * there this is what people use. */
static const char *deliberate(const char *text)
{
    return strcmp(text, "{{join .Names \",\"}}") == 0      ? "x,y"
           : strcmp(text, "{{join .RepoTags \" \"}}") == 0 ? "127.0.0.1:5000/library/"
                                                             "busybox:1.38-glibc"
                                                           : NULL;
}

static void test_truth(void **state)
{
    FILE *doc_file = open_truth("go-templates-doc.json");
    FILE *f = open_truth("go-templates.tsv");
    json_t *raw = json_loadf(doc_file, 0, NULL);
    json_t *doc = as_go_reads(raw);
    char *line = NULL;
    size_t room = 0;
    unsigned rows = 0, wrong = 0;
    (void)state;

    assert_non_null(doc);
    assert_true(getline(&line, &room, f) > 0); /* headings */
    while (getline(&line, &room, f) > 0) {
        char text[4096], want[16384] = "";
        const char *result = unquote(line, text, sizeof text) + 1; /* the tab */
        imgc_autofree char *got = NULL;
        struct imgc_err err;
        int kind = strncmp(result, "PARSE-ERR", 9) == 0  ? 1
                   : strncmp(result, "EXEC-ERR", 8) == 0 ? 2
                                                         : 0;

        if (kind == 0) {
            (void)unquote(result, want, sizeof want);
        }
        if (deliberate(text)) {
            kind = 0;
            (void)snprintf(want, sizeof want, "%s", deliberate(text));
        }
        int r = evaluate(text, doc, false, NULL, &got, &err);
        if (r != kind || (r == 0 && strcmp(got, want) != 0)) {
            print_error("%s\n  got  %d %s\n  want %d %s\n", text, r, r ? err.msg : got, kind, want);
            wrong++;
        }
        rows++;
    }
    free(line);
    json_decref(raw);
    json_decref(doc);
    (void)fclose(doc_file);
    (void)fclose(f);
    print_message("%u templates\n", rows);
    assert_true(rows > 0);
    assert_int_equal(wrong, 0);
}

/* ---- what the table has not ---- */

static void test_more(void **state)
{
    static const char document[] =
        "{\"Size\": 4683471, \"Neg\": -5, \"F\": 0.5, \"Tags\": [\"a\", \"b\"], \"Nums\": [1, 2],"
        " \"Labels\": {\"k\": \"v\"}, \"N\": null, \"S\": \"\xe2\x82\xac\xe2\x82\xac\"}";
    static const struct {
        const char *text;
        int result;
        const char *want;
    } cases[] = {
        { "{{.Size}} {{json .}}", 0,
          "4683471 {\"F\":0.5,\"Labels\":{\"k\":\"v\"},\"N\":null,\"Neg\":-5,\"Nums\":[1,2],"
          "\"S\":\"\xe2\x82\xac\xe2\x82\xac\",\"Size\":4683471,\"Tags\":[\"a\",\"b\"]}" },
        { "{{join .Tags \", \"}}", 0, "a, b" },
        { "{{join .Nums \", \"}}", 2, NULL },
        { "{{if gt .Size 1000.5}}big{{end}}", 0, "big" },
        { "{{if eq .N nil}}nil{{end}}", 0, "nil" },
        { "{{if lt .Tags 1}}{{end}}", 2, NULL },
        { "{{eq \"a\" 1}}", 2, NULL },
        { "{{range $i, $t := .Tags}}{{if $i}},{{end}}{{$t}}{{end}}", 0, "a,b" },
        { "{{range .Size}}{{end}}", 2, NULL },
        { "{{if .N}}a{{else if .Size}}b{{else}}c{{end}}", 0, "b" },
        { "{{with .N}}a{{else with .Tags}}{{index . 1}}{{end}}", 0, "b" },
        { "{{(index .Tags 0 | printf \"%s!\")}}", 0, "a!" },
        { "{{printf \"%05d|%-5d|%+d|%x\" .Neg 7 7 255}}", 0, "-0005|7    |+7|ff" },
        { "{{printf \"%3s|%.1s|%q\" .S .S \"a\\n\"}}", 0,
          " \xe2\x82\xac\xe2\x82\xac|\xe2\x82\xac|\"a\\n\"" },
        { "{{printf \"%d\"}} {{printf \"x\" 1}} {{printf \"%z\" 1}}", 0,
          "%!d(MISSING) x%!(EXTRA int=1) %!z(int=1)" },
        { "{{printf \"%t %v %5.2f %%\" true .N .F}}", 0, "true <nil>  0.50 %" },
        { "{{slice .Tags 1}} {{slice \"abc\" 1 2}} {{slice \"abc\"}}", 0, "[b] b abc" },
        { "{{slice \"abc\" 2 9}}", 2, NULL },
        { "{{index .Tags -1}}", 2, NULL },
        { "{{split \"abc\" \"\"}} {{split \"\" \",\"}} {{split \"a,\" \",\"}}", 0,
          "[a b c] [] [a ]" },
        { "{{\"\\u20ac\\x41\\101\\t\"}}", 0,
          "\xe2\x82\xac"
          "AA\t" },
        { "{{0x10}} {{1_000}} {{1e3}} {{-2}} {{0b11}} {{0o17}}", 0, "16 1000 1000 -2 3 15" },
        { "{{- 3 -}} x", 0, "3x" },
        { "a {{- /* c */ -}} b", 0, "ab" },
        { "{{$x := 1}}{{range .Tags}}{{$x = .}}{{end}}{{$x}}", 0, "b" },
        { "{{if true}}{{$y := 1}}{{end}}{{$y}}", 2, NULL },
        { "{{block \"b\" .Tags}}{{len .}}{{end}}", 0, "2" },
        { "{{define \"r\"}}{{template \"r\" .}}{{end}}{{template \"r\" .}}", 2, NULL },
        { "{{template \"none\"}}", 2, NULL },
        { "{{break}}", 1, NULL },
        { "{{else}}", 1, NULL },
        { "{{if .N}}", 1, NULL },
        { "{{\"a}}", 1, NULL },
        { "{{.Size 1}}", 2, NULL },
        { "{{1 | 2}}", 2, NULL },
        { "{{len}}", 2, NULL },
        { "{{.Size | }}", 1, NULL },
        { "{{(.Size}}", 1, NULL },
        { "{{.Size)}}", 1, NULL },
        { "{{/* x", 1, NULL },
        { "{{#}}", 1, NULL },
        { "", 0, "" },
    };
    json_t *doc = json_loads(document, 0, NULL);
    (void)state;

    assert_non_null(doc);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autofree char *got = NULL;
        struct imgc_err err;
        int r = evaluate(cases[i].text, doc, false, NULL, &got, &err);

        if (r != cases[i].result || (r == 0 && strcmp(got, cases[i].want) != 0)) {
            fail_msg("%s: %d %s", cases[i].text, r, r ? err.msg : got);
        }
    }
    json_decref(doc);
}

static void test_strict(void **state)
{
    static const char *const maps[] = { "Labels", NULL };
    static const struct {
        const char *text, *want; /* NULL: refused */
    } cases[] = {
        { "{{.Id}} {{.ID}} {{.id}}", "x x x" },
        { "{{.Nope}}", NULL },
        { "{{.Config.Labels.nope}}", "<no value>" },
        { "{{.Config.Nope}}", NULL },
        { "{{.Config.cmd}}", "<no value>" },
        { "{{.Config.Cmd.Deeper}}", "<no value>" },
        { "{{with .Config}}{{.Labels.a}}{{end}}", "1" },
        { "{{.Id.Deeper}}", NULL },
    };
    json_t *doc = json_loads(
        "{\"Id\": \"x\", \"Config\": {\"Cmd\": null, \"Labels\": {\"a\": \"1\"}}}", 0, NULL);
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autofree char *got = NULL;
        struct imgc_err err;
        int r = evaluate(cases[i].text, doc, true, maps, &got, &err);

        if (cases[i].want ? r != 0 || strcmp(got, cases[i].want) != 0 : r != 2) {
            fail_msg("%s: %d %s", cases[i].text, r, r ? err.msg : got);
        }
    }
    json_decref(doc);
}

static void test_limits(void **state)
{
    static const char range[] = "{{range .}}{{range $}}{{range $}}{{range $}}{{range $}}{{range $}}"
                                "{{range $}}{{.}}{{end}}{{end}}{{end}}{{end}}{{end}}{{end}}{{end}}";
    json_t *doc = json_array();
    char *deep = calloc(1, 70000);
    char *got = NULL;
    struct imgc_err err;
    (void)state;

    assert_non_null(deep);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(json_array_append_new(doc, json_string("")), 0);
        (void)strcat(deep, "{{if 1}}");
    }
    assert_int_equal(evaluate(range, doc, false, NULL, &got, &err), 2); /* 10^14 rounds */
    assert_int_equal(err.code, IMGC_E_LIMIT);
    assert_int_equal(evaluate(deep, doc, false, NULL, &got, &err), 1);
    assert_int_equal(err.code, IMGC_E_LIMIT);
    (void)strcpy(deep, "{{");
    memset(deep + 2, '(', 60000);
    assert_int_equal(evaluate(deep, doc, false, NULL, &got, &err), 1);
    assert_int_equal(err.code, IMGC_E_LIMIT);
    assert_int_equal(evaluate("{{range .}}{{printf \"%1000d\" 1}}{{printf \"%1000d\" 1}}{{range $}}"
                              "{{printf \"%1000d\" 1}}{{end}}{{end}}",
                              doc, false, NULL, &got, &err),
                     2); /* over the buffer's cap */
    assert_int_equal(err.code, IMGC_E_LIMIT);
    free(deep);
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth),
        cmocka_unit_test(test_more),
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
