/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/data.h"
#include "tests/lib/unit.h"

#include "schema/base/cleanup.h"
#include "schema/ref.h"

#define HEX "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

enum { INPUT, RESULT, DOMAIN, PATH, TAG, DIGEST, FAMILIAR, DEFAULTED, COLUMNS };

static void check_good(const struct ref *ref, char *const *row)
{
    imgc_autofree char *text = NULL, *familiar = NULL, *defaulted = NULL;
    ref_auto struct ref copy = REF_INIT;
    char digest[DIGEST_TEXT_MAX] = "";
    struct imgc_err err;

    assert_string_equal(ref->domain, row[DOMAIN]);
    assert_string_equal(ref->path, row[PATH]);
    assert_string_equal(ref->tag ? ref->tag : "", row[TAG]);
    assert_string_equal(digest_text(&ref->digest, digest), row[DIGEST]);
    assert_ok(ref_familiar(ref, &familiar, &err), err);
    assert_string_equal(familiar, row[FAMILIAR]);

    assert_ok(ref_copy(ref, &copy, &err), err);
    assert_ok(ref_default_tag(&copy, &err), err);
    assert_ok(ref_text(&copy, &defaulted, &err), err);
    assert_string_equal(defaulted, row[DEFAULTED]);

    /* The full form reads back as itself. */
    ref_auto struct ref again = REF_INIT;
    assert_ok(ref_parse(imgc_str_of(defaulted), &again, &err), err);
    assert_ok(ref_text(&again, &text, &err), err);
    assert_string_equal(text, defaulted);
}

/* Every name that distribution/reference's own tests know, with what that library makes of it. */
static void test_truth_table(void **state)
{
    char path[4096], *row[COLUMNS], *line = NULL;
    size_t room = 0;
    int good = 0, bad = 0;
    (void)state;

    if (!data_path("references/reference-table.tsv", path, sizeof path)) {
        skip();
    }
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(data_row(f, &line, &room, row, COLUMNS)); /* the heading */
    while (data_row(f, &line, &room, row, COLUMNS)) {
        ref_auto struct ref ref = REF_INIT;
        struct imgc_err err;
        const char *input = data_unquote(row[INPUT]);
        bool want = strcmp(row[RESULT], "OK") == 0;

        int r = ref_parse(imgc_str_of(input), &ref, &err);
        if (r != (want ? 0 : -IMGC_E_REFERENCE)) {
            fail_msg("'%s' should be %s, gave %d %s", input, row[RESULT], r, r ? err.msg : "");
        }
        if (want) {
            check_good(&ref, row);
        }
        *(want ? &good : &bad) += 1;
    }
    free(line);
    (void)fclose(f);
    assert_true(good >= 279 && bad >= 100);
}

static void test_parts(void **state)
{
    static const struct {
        const char *text, *domain, *path, *tag, *familiar;
        bool digest;
    } cases[] = {
        { "debian", "docker.io", "library/debian", NULL, "debian", false },
        { "debian:12", "docker.io", "library/debian", "12", "debian:12", false },
        { "a/b@sha256:" HEX, "docker.io", "a/b", NULL, "a/b@sha256:" HEX, true },
        { "localhost/a", "localhost", "a", NULL, "localhost/a", false },
        { "localhost:5000/a/b:t", "localhost:5000", "a/b", "t", "localhost:5000/a/b:t", false },
        { "[::1]:5000/a", "[::1]:5000", "a", NULL, "[::1]:5000/a", false },
        { "index.docker.io/debian", "docker.io", "library/debian", NULL, "debian", false },
        { "HOST/a:T-1.x_", "HOST", "a", "T-1.x_", "HOST/a:T-1.x_", false },
        { "quay.io/library/a", "quay.io", "library/a", NULL, "quay.io/library/a", false },
        /* Shorter ones would be other names. */
        { "docker.io/a.b/c", "docker.io", "a.b/c", NULL, "docker.io/a.b/c", false },
        { "docker.io/localhost/c", "docker.io", "localhost/c", NULL, "docker.io/localhost/c",
          false },
        { "library/" HEX, "docker.io", "library/" HEX, NULL, HEX, false },
        { "library/a/b", "docker.io", "library/a/b", NULL, "library/a/b", false },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ref_auto struct ref ref = REF_INIT;
        imgc_autofree char *familiar = NULL, *repository = NULL, *want = NULL;
        struct imgc_err err;

        assert_ok(ref_parse(imgc_str_of(cases[i].text), &ref, &err), err);
        assert_string_equal(ref.domain, cases[i].domain);
        assert_string_equal(ref.path, cases[i].path);
        assert_string_equal(ref.tag ? ref.tag : "none", cases[i].tag ? cases[i].tag : "none");
        assert_int_equal(digest_is_set(&ref.digest), cases[i].digest);
        assert_ok(ref_familiar(&ref, &familiar, &err), err);
        assert_string_equal(familiar, cases[i].familiar);
        assert_ok(ref_repository(&ref, false, &repository, &err), err);
        assert_true(asprintf(&want, "%s/%s", cases[i].domain, cases[i].path) > 0);
        assert_string_equal(repository, want);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        { "", "empty" },
        { "host.io/", "empty" },
        { HEX, "ID" },
        { "a:b:c", "tag" },
        { "a@sha256:" HEX "@sha256:" HEX, "not a digest" },
        { "a@sha384:" HEX, "not supported" },
        { "a@SHA256:" HEX, "not a digest" },
        { "Debian", "lower case" },
        { "a/../b", "malformed" },
        { "../a", "host" },
        { "-x.io/a", "host" },
        { "bad_host.io/a", "host" },
        { "h.io:/a", "host" },
        { "h.io:80x/a", "host" },
        { "[::1/a", "host" },
        { "[::1]x/a", "malformed" },
        { "[::1]:/a", "host" },
        { "a\nb", "malformed" },
        { "a/b/", "malformed" },
        { "a___b", "malformed" },
        { "a:", "tag" },
        { "a:.x", "tag" },
        { "a@", "not a digest" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ref_auto struct ref ref = REF_INIT;
        struct imgc_err err;

        int r = ref_parse(imgc_str_of(cases[i].text), &ref, &err);
        if (r != -IMGC_E_REFERENCE || !strstr(err.msg, cases[i].reason)) {
            fail_msg("'%s': %d %s", cases[i].text, r, r ? err.msg : "");
        }
    }
}

static void test_too_long(void **state)
{
    char text[1024];
    ref_auto struct ref ref = REF_INIT;
    struct imgc_err err;
    (void)state;

    /* 255 bytes of path with a digest are fine, one more is not. */
    memset(text, 'a', 256);
    memcpy(text, "x.io/", 5);
    (void)snprintf(text + 5 + 255 - 4, sizeof text - 256, "aaaa@sha512:" HEX HEX);
    text[8] = '/';
    assert_ok(ref_parse(imgc_str_of(text), &ref, &err), err);
    ref_done(&ref);
    (void)snprintf(text + 5 + 255 - 4, sizeof text - 256, "aaaaa");
    assert_err(ref_parse(imgc_str_of(text), &ref, &err), IMGC_E_REFERENCE);

    memset(text, 'a', sizeof text);
    struct imgc_str huge = { text, sizeof text };
    assert_err(ref_parse(huge, &ref, &err), IMGC_E_REFERENCE);
    text[3] = '\0';
    assert_err(ref_parse((struct imgc_str){ text, 8 }, &ref, &err), IMGC_E_REFERENCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth_table),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
