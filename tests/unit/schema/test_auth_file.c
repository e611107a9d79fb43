/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/auth_file.h"

#define ENTRY(pair) "{\"auth\":\"" pair "\"}"
#define A ENTRY("YTpwYQ==") /* a:pa */
#define B ENTRY("YjpwYg==") /* b:pb */

static void read_file(const char *text, struct auth_file *ret)
{
    struct imgc_err err;
    assert_ok(auth_file_parse(imgc_str_of(text), ret, &err), err);
}

static void the_most_specific_entry_counts(void **state)
{
    static const struct {
        const char *text, *name, *user; /* NULL: none */
    } rows[] = {
        { "", "r.example/a", NULL },
        { "{}", "r.example/a", NULL },
        { "{\"auths\":{\"r.example\":" A "}}", "r.example/a/b", "a" },
        { "{\"auths\":{\"r.example\":" A ",\"r.example/a\":" B "}}", "r.example/a/b", "b" },
        { "{\"auths\":{\"r.example/a\":" A "}}", "r.example/ab", NULL },
        { "{\"auths\":{\"r.example/a\":" A "}}", "r.example", NULL },
        { "{\"auths\":{\"r.example\":" A "}}", "r.example:5000/a", NULL },
        { "{\"auths\":{\"r.example\":" A "}}", "xr.example/a", NULL },
        { "{\"auths\":{\"https://r.example/v1/\":" A "}}", "r.example/a", "a" },
        { "{\"auths\":{\"http://r.example:5000\":" A "}}", "r.example:5000/a", "a" },
        { "{\"auths\":{\"r.example/v2/\":" A "}}", "r.example/a", "a" },
        { "{\"auths\":{\"https://index.docker.io/v1/\":" A "}}", "docker.io/library/b", "a" },
        { "{\"auths\":{\"docker.io\":" A "}}", "docker.io/library/b", "a" },
        { "{\"auths\":{\"registry-1.docker.io\":" A "}}", "docker.io/library/b", "a" },
        { "{\"auths\":{\"r.example\":{}}}", "r.example/a", NULL }, /* it is elsewhere */
        { "{\"auths\":{\"r.example\":{\"username\":\"c\",\"password\":\"\"}}}", "r.example", "c" },
        { "{\"auths\":[]}", "r.example/a", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        auth_file_auto struct auth_file f = { .doc = NULL };
        credential_auto struct credential c = CREDENTIAL_INIT;
        struct imgc_err err;
        read_file(rows[i].text, &f);
        int r = auth_file_find(&f, imgc_str_of(rows[i].name), &c, &err);
        if (rows[i].user ? r != 0 || strcmp(c.user, rows[i].user) != 0 : r != AUTH_FILE_NONE) {
            fail_msg("%s in %s: %d", rows[i].name, rows[i].text, r);
        }
    }
}

static void entries_that_cannot_be_read_are_errors(void **state)
{
    static const char *const rows[] = { "YQ==", "!", "OnA=", "YTpiAGM=" }; /* a; ; :p; a:b NUL c */

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        auth_file_auto struct auth_file f = { .doc = NULL };
        credential_auto struct credential c = CREDENTIAL_INIT;
        char text[128];
        struct imgc_err err;
        (void)snprintf(text, sizeof text, "{\"auths\":{\"h\":{\"auth\":\"%s\"}}}", rows[i]);
        read_file(text, &f);
        assert_err(auth_file_find(&f, IMGC_STR("h"), &c, &err), IMGC_E_DOCUMENT);
        assert_null(strstr(err.msg, rows[i])); /* secrets are not shown */
    }
    auth_file_auto struct auth_file f = { .doc = NULL };
    struct imgc_err err;
    assert_err(auth_file_parse(IMGC_STR("[]"), &f, &err), IMGC_E_DOCUMENT);
    assert_err(auth_file_parse(IMGC_STR("{\"a\":1,\"a\":2}"), &f, &err), IMGC_E_DOCUMENT);
}

static void passwords_may_hold_colons_and_nuls_at_the_end_are_padding(void **state)
{
    auth_file_auto struct auth_file f = { .doc = NULL };
    credential_auto struct credential c = CREDENTIAL_INIT;
    struct imgc_err err;

    (void)state;
    read_file("{\"auths\":{\"h\":{\"auth\":\"YTpiOmMAAA==\",\"identitytoken\":\"t\"}}}", &f);
    assert_ok(auth_file_find(&f, IMGC_STR("h"), &c, &err), err);
    assert_string_equal(c.user, "a");
    assert_string_equal(c.password, "b:c");
    assert_string_equal(c.identity_token, "t");
}

static void helpers(void **state)
{
    static const struct {
        const char *text, *host, *want;
    } rows[] = {
        { "{}", "h", NULL },
        { "{\"credsStore\":\"s\"}", "h", "s" },
        { "{\"credHelpers\":{\"h\":\"a\"},\"credsStore\":\"s\"}", "h", "a" },
        { "{\"credHelpers\":{\"h\":\"a\"}}", "i", NULL },
        { "{\"credHelpers\":{\"https://index.docker.io/v1/\":\"a\"}}", "docker.io", "a" },
        { "{\"credsStore\":\"../s\"}", "h", NULL },
        { "{\"credsStore\":\"\"}", "h", NULL },
        { "{\"credsStore\":1}", "h", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        auth_file_auto struct auth_file f = { .doc = NULL };
        read_file(rows[i].text, &f);
        const char *got = auth_file_helper(&f, imgc_str_of(rows[i].host));
        if (rows[i].want ? !got || strcmp(got, rows[i].want) != 0 : got != NULL) {
            fail_msg("%s: %s", rows[i].text, got ? got : "none");
        }
    }
    assert_string_equal(auth_file_docker_key("docker.io"), "https://index.docker.io/v1/");
    assert_string_equal(auth_file_docker_key("h:1"), "h:1");
}

static void setting_replaces_and_keeps_the_rest(void **state)
{
    auth_file_auto struct auth_file f = { .doc = NULL };
    imgc_autofree char *text = NULL;
    char user[] = "b", password[] = "pb";
    const struct credential c = { .user = user, .password = password };
    struct imgc_err err;

    (void)state;
    read_file("{\"x\":[1],\"auths\":{\"https://h/v1/\":" A ",\"i\":" A "}}", &f);
    assert_ok(auth_file_set(&f, "h", &c, &err), err);
    assert_ok(auth_file_dump(&f, &text, &err), err);
    auth_file_auto struct auth_file again = { .doc = NULL }, want = { .doc = NULL };
    read_file(text, &again);
    read_file("{\"x\":[1],\"auths\":{\"i\":" A ",\"h\":" B "}}", &want);
    assert_true(json_equal(again.doc, want.doc));
    assert_true(auth_file_remove(&f, "h"));
    assert_false(auth_file_remove(&f, "h"));
    auth_file_clear(&f);
    assert_false(auth_file_remove(&f, "i"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_specific_entry_counts),
        cmocka_unit_test(entries_that_cannot_be_read_are_errors),
        cmocka_unit_test(passwords_may_hold_colons_and_nuls_at_the_end_are_padding),
        cmocka_unit_test(helpers),
        cmocka_unit_test(setting_replaces_and_keeps_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
