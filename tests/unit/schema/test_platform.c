/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/platform.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text, *want; /* NULL: refused */
    } cases[] = {
        { "linux/amd64", "linux/amd64" },
        { "Linux/AMD64", "linux/amd64" },
        { "linux/x86_64", "linux/amd64" },
        { "linux/amd64/v1", "linux/amd64" },
        { "linux/amd64/v3", "linux/amd64/v3" },
        { "linux/aarch64", "linux/arm64" },
        { "linux/arm64/v8", "linux/arm64" },
        { "linux/arm64/8", "linux/arm64" },
        { "linux/arm64/v9", "linux/arm64/v9" },
        { "linux/armhf", "linux/arm/v7" },
        { "linux/armel", "linux/arm/v6" },
        { "linux/arm/7", "linux/arm/v7" },
        { "linux/arm", "linux/arm" },
        { "linux/i686", "linux/386" },
        { "windows/amd64", "windows/amd64" },
        { "arm64", "linux/arm64" },
        { "x86_64", "linux/amd64" },
        { "riscv64", "linux/riscv64" },
        { "armhf", "linux/arm/v7" },
        { "", NULL },
        { "/", NULL },
        { "linux/", NULL },
        { "/amd64", NULL },
        { "vax", NULL },
        { "linux/amd64/v1/x", NULL },
        { "linux/am d64", NULL },
        { "linux/amd64\n", NULL },
        { "linux/?", NULL },
        { "linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct platform p;
        struct imgc_err err;
        char text[PLATFORM_TEXT_MAX] = "refused";
        const char *want = cases[i].want ? cases[i].want : text;

        int r = platform_parse(imgc_str_of(cases[i].text), &p, &err);
        assert_int_equal(r, cases[i].want ? 0 : -IMGC_E_USAGE);
        assert_string_equal(r == 0 ? platform_text(&p, text) : text, want);
    }
}

static void test_host(void **state)
{
    struct platform host, parsed;
    struct imgc_err err;
    (void)state;

    platform_host(&host);
    assert_string_equal(host.os, "linux");
    assert_true(host.arch[0] != '\0');
    assert_ok(platform_parse(IMGC_STR("linux"), &parsed, &err), err);
    assert_true(platform_match(&host, &parsed) > 0);
}

/* Candidates from best to worst; a '!' before it: does not run at all. */
static void test_match(void **state)
{
    static const struct {
        const char *want, *have[7];
    } cases[] = {
        { "linux/amd64", { "linux/amd64", "!linux/amd64/v2", "!linux/arm64", "!windows/amd64" } },
        { "linux/amd64/v3",
          { "linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "!linux/amd64/v4" } },
        { "linux/arm64", { "linux/arm64/v8", "!linux/arm64/v9", "!linux/arm/v7" } },
        { "linux/arm64/v9", { "linux/arm64/v9", "linux/arm64" } },
        { "linux/arm/v8",
          { "linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5", "linux/arm" } },
        { "linux/arm/v6", { "linux/arm/v6", "linux/arm/v5", "linux/arm", "!linux/arm/v7" } },
        { "linux/arm", { "linux/arm", "linux/arm/v7", "linux/arm/v6", "!linux/arm/v8" } },
        { "linux/riscv64", { "linux/riscv64", "!linux/riscv64/rva23u64" } },
        { "linux/riscv64/rva23u64", { "linux/riscv64/rva23u64", "linux/riscv64" } },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct platform want, have;
        struct imgc_err err;
        int before = 1000;

        assert_ok(platform_parse(imgc_str_of(cases[i].want), &want, &err), err);
        for (size_t j = 0; j < 7 && cases[i].have[j]; j++) {
            struct imgc_str text = imgc_str_of(cases[i].have[j]);
            bool refused = imgc_str_skip(&text, IMGC_STR("!"));
            assert_ok(platform_parse(text, &have, &err), err);
            int score = platform_match(&want, &have);
            if (refused ? score != 0 : score <= 0 || score >= before) {
                fail_msg("%s on %s: %d", cases[i].have[j], cases[i].want, score);
            }
            before = score;
        }
    }
}

static void test_documents_never_fail(void **state)
{
    struct platform p, want;
    struct imgc_err err;
    char text[PLATFORM_TEXT_MAX];
    (void)state;

    assert_ok(platform_parse(IMGC_STR("linux/amd64"), &want, &err), err);
    platform_set(&p, NULL, NULL, NULL);
    assert_string_equal(platform_text(&p, text), "/");
    assert_int_equal(platform_match(&p, &p), 0);
    platform_set(&p, "linux", "amd64amd64amd64amd64amd64amd64amd64amd64", "v1");
    assert_int_equal(platform_match(&want, &p), 0);
    platform_set(&p, "linux", "amd64", "v1v1v1v1v1v1v1v1v1v1v1v1v1v1v1v1v1v1v1v1");
    assert_int_equal(platform_match(&want, &p), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_documents_never_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
