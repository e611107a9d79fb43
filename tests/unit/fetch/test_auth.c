/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "fetch/auth.h"

/* Build the URL and compare; @want NULL: it is refused. */
static void check_url(const struct auth_ask *ask, bool allow_plain, const char *want)
{
    imgc_autobuf struct imgc_buf url = IMGC_BUF_INIT(4096);
    struct imgc_err err;

    int r = auth_url(ask, NULL, allow_plain, &url, &err);
    if (!want) {
        assert_err(r, IMGC_E_AUTH);
        return;
    }
    assert_ok(r, err);
    assert_string_equal(url.ptr, want);
}

static void builds_the_url(void **state)
{
    static const struct {
        struct auth_ask ask;
        bool allow_plain;
        const char *want; /* NULL: refused */
    } rows[] = {
        { { "https://auth.docker.io/token", "registry.docker.io",
            "repository:library/debian:pull" },
          false,
          "https://auth.docker.io/token?service=registry.docker.io&scope=repository:library/"
          "debian:pull" },
        { { "https://a/t?account=x", "s", "c" }, false, "https://a/t?account=x&service=s&scope=c" },
        { { "https://a/t", "", "c" }, false, "https://a/t?scope=c" },
        { { "https://a/t", "a b&c=d#\x01\xc3\xa9", "c" },
          false,
          "https://a/t?service=a%20b%26c%3Dd%23%01%C3%A9&scope=c" },
        { { "http://a/t", "s", "c" }, false, NULL },
        { { "http://a/t", "s", "c" }, true, "http://a/t?service=s&scope=c" },
        { { "HTTPS://a/t", "s", "c" }, true, NULL },
        { { "file:///etc/passwd", "s", "c" }, true, NULL },
        { { "ftp://a/t", "s", "c" }, true, NULL },
        { { "https://a/t x", "s", "c" }, false, NULL },
        { { "https://a/t#f", "s", "c" }, false, NULL },
        { { "https://\xc3\xa9/t", "s", "c" }, false, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_url(&rows[i].ask, rows[i].allow_plain, rows[i].want);
    }
}

/* Read a token and compare; @want NULL: it is refused. */
static void check_token(const char *body, const char *want, uint64_t want_seconds)
{
    imgc_autofree char *token = NULL;
    uint64_t seconds = 0;
    struct imgc_err err;

    int r = auth_parse(imgc_str_of(body), &token, &seconds, &err);
    if (!want) {
        assert_err(r, IMGC_E_DOCUMENT);
        return;
    }
    assert_ok(r, err);
    assert_string_equal(token, want);
    assert_int_equal(seconds, want_seconds);
}

static void reads_tokens(void **state)
{
    static const struct {
        const char *body, *token; /* token NULL: refused */
        uint64_t seconds;
    } rows[] = {
        { "{\"token\":\"abc.def\"}", "abc.def", 60 },
        { "{\"access_token\":\"x\",\"expires_in\":300,\"issued_at\":\"2020-01-01T00:00:00Z\"}", "x",
          300 },
        { "{\"token\":\"a\",\"access_token\":\"b\",\"expires_in\":0}", "a", 60 },
        { "{\"token\":\"a\",\"expires_in\":99999999999}", "a", 86400 },
        { "{}", NULL, 0 },
        { "[]", NULL, 0 },
        { "", NULL, 0 },
        { "<html>", NULL, 0 },
        { "{\"token\":\"\"}", NULL, 0 },
        { "{\"token\":7}", NULL, 0 },
        { "{\"token\":\"a\\r\\nX-Evil: 1\"}", NULL, 0 },
        { "{\"token\":\"a b\"}", NULL, 0 },
        { "{\"token\":\"a\",\"token\":\"b\"}", NULL, 0 },
        { "{\"token\":\"a\",\"expires_in\":-5}", NULL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_token(rows[i].body, rows[i].token, rows[i].seconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_the_url),
        cmocka_unit_test(reads_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
