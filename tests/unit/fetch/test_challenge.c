/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "fetch/challenge.h"

struct row {
    const char *headers;
    enum challenge_scheme scheme;
    const char *realm, *service, *scope, *error;
};

static const struct row rows[] = {
    { "Bearer realm=\"https://auth.example/token\",service=\"registry.example\","
      "scope=\"repository:library/debian:pull\"",
      CHALLENGE_BEARER, "https://auth.example/token", "registry.example",
      "repository:library/debian:pull", "" },
    { "bEaReR realm=\"https://a/t\"", CHALLENGE_BEARER, "https://a/t", "", "", "" },
    { "Bearer   REALM = \"https://a/t\" ,\tSERVICE\t=\tplain", CHALLENGE_BEARER, "https://a/t",
      "plain", "", "" },
    /* quoted commas and escapes */
    { "Bearer realm=\"https://a/t?x=1,2\",scope=\"repository:a:pull,push \\\"q\\\" \\\\\"",
      CHALLENGE_BEARER, "https://a/t?x=1,2", "", "repository:a:pull,push \"q\" \\", "" },
    /* several challenges in one value, in both orders */
    { "Basic realm=\"x\", Bearer realm=\"https://a/t\"", CHALLENGE_BEARER, "https://a/t", "", "",
      "" },
    { "Bearer realm=\"https://a/t\", Basic realm=\"x\"", CHALLENGE_BEARER, "https://a/t", "", "",
      "" },
    { "Bearer realm=\"https://1/\", Bearer realm=\"https://2/\"", CHALLENGE_BEARER, "https://1/",
      "", "", "" },
    { "Basic realm=\"x, y\"", CHALLENGE_BASIC, "x, y", "", "", "" },
    { "Basic", CHALLENGE_BASIC, "", "", "", "" },
    /* other schemes, with and without credentials in one piece */
    { "Negotiate, NTLM abc==, Bearer realm=\"https://a/t\"", CHALLENGE_BEARER, "https://a/t", "",
      "", "" },
    { "Negotiate YIIabc=, Basic realm=x", CHALLENGE_BASIC, "x", "", "", "" },
    { "Digest realm=\"d\", nonce=\"n\", qop=\"auth\"", CHALLENGE_NONE, "", "", "", "" },
    /* the parameters of one scheme do not leak into the next */
    { "Digest realm=\"d\", service=\"s\", Bearer realm=\"https://a/t\"", CHALLENGE_BEARER,
      "https://a/t", "", "", "" },
    { "Bearer realm=\"https://a/t\",error=\"insufficient_scope\",scope=\"s\"", CHALLENGE_BEARER,
      "https://a/t", "", "s", "insufficient_scope" },
    { "Bearer realm=\"first\", realm=\"second\"", CHALLENGE_BEARER, "first", "", "", "" },
    { ", ,Bearer realm=a,", CHALLENGE_BEARER, "a", "", "", "" },
    /* unusable */
    { "", CHALLENGE_NONE, "", "", "", "" },
    { "Bearer", CHALLENGE_NONE, "", "", "", "" },
    { "Bearer realm=\"\"", CHALLENGE_NONE, "", "", "", "" },
    { "Bearer realm=\"https://a/t", CHALLENGE_NONE, "", "", "", "" },
    { "Bearer realm=\"https://a/t\\", CHALLENGE_NONE, "", "", "", "" },
    { "Bearer realm=", CHALLENGE_NONE, "", "", "", "" },
    { "Bearer realm=\"https://a/\r\nX: y\"", CHALLENGE_NONE, "", "", "", "" },
    { "Bearer realm=\"https://a/\x1b[31m\"", CHALLENGE_NONE, "", "", "", "" },
    { "=", CHALLENGE_NONE, "", "", "", "" },
    { "realm=\"https://a/t\"", CHALLENGE_NONE, "", "", "", "" },
    /* what came before the broken part counts */
    { "Basic realm=x, Bearer realm=\"open", CHALLENGE_BASIC, "x", "", "", "" },
};

static void chooses_the_challenge(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *w = &rows[i];
        struct challenge c;

        challenge_choose(imgc_str_of(w->headers), &c);
        if (c.scheme != w->scheme) {
            fail_msg("'%s': scheme %d, not %d", w->headers, (int)c.scheme, (int)w->scheme);
        }
        assert_string_equal(c.realm, w->realm);
        assert_string_equal(c.service, w->service);
        assert_string_equal(c.scope, w->scope);
        assert_string_equal(c.error, w->error);
    }
}

static void passes_over_what_does_not_fit(void **state)
{
    char text[3000];
    struct challenge c;

    (void)state;
    (void)snprintf(text, sizeof text, "Bearer realm=\"%0*d\", Basic realm=\"b\"", 1024, 7);
    challenge_choose(imgc_str_of(text), &c);
    assert_int_equal(c.scheme, CHALLENGE_BASIC);
    (void)snprintf(text, sizeof text, "Bearer realm=\"%0*d\"", 1023, 7);
    challenge_choose(imgc_str_of(text), &c);
    assert_int_equal(c.scheme, CHALLENGE_BEARER);
    assert_int_equal(strlen(c.realm), 1023);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_the_challenge),
        cmocka_unit_test(passes_over_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
