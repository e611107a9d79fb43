/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/cleanup.h"
#include "schema/descriptor.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DIGEST "\"digest\":\"sha256:" HEX "\""

static int parse(const char *text, struct descriptor *d, struct imgc_err *err)
{
    json_auto_free json_t *j = NULL;
    int r = json_parse(imgc_str_of(text), "descriptor", &j, err);
    return r < 0 ? r : descriptor_parse(j, d, err);
}

static void test_fields(void **state)
{
    static const char text[] =
        "{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\"," DIGEST ",\"size\":12,\"data\":\"e30=\","
        "\"artifactType\":\"a/b\",\"urls\":[\"https://x\"],"
        "\"platform\":{\"os\":\"linux\",\"architecture\":\"aarch64\",\"variant\":\"v8\","
        "\"os.version\":\"1\",\"os.features\":[\"x\"]},"
        "\"annotations\":{\"org.opencontainers.image.ref.name\":\"1.0\"}}";
    imgc_autofree char *dump = NULL;
    json_auto_free json_t *j = NULL;
    struct descriptor d;
    struct imgc_err err;
    (void)state;

    assert_ok(parse(text, &d, &err), err);
    assert_int_equal(d.kind, MEDIA_MANIFEST);
    assert_true(d.size == 12 && d.has_platform && !d.is_attestation);
    assert_string_equal(d.platform.arch, "arm64");
    assert_string_equal(d.platform.variant, "");
    assert_string_equal(d.ref_name, "1.0");
    assert_string_equal(d.artifact_type, "a/b");

    assert_ok(descriptor_json(&d, &j, &err), err);
    assert_ok(json_dump(j, false, &dump, &err), err);
    assert_string_equal(dump, "{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\"," DIGEST ",\"size\":12}");
    json_freep(&j);
    d.size = UINT64_MAX;
    assert_err(descriptor_json(&d, &j, &err), IMGC_E_LIMIT);
}

static void test_outcomes(void **state)
{
    static const struct {
        const char *text;
        int want;
        bool attestation;
    } cases[] = {
        { "{" DIGEST ",\"size\":0}", 0, false },
        { "{" DIGEST ",\"size\":0,\"platform\":null,\"annotations\":null}", 0, false },
        { "{" DIGEST ",\"size\":0,\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}}",
          0, true },
        { "{" DIGEST ",\"size\":0,\"annotations\":{\"vnd.docker.reference.type\":"
          "\"attestation-manifest\"}}",
          0, true },
        { "{" DIGEST ",\"size\":0,\"annotations\":{\"a\":\"1\",\"A\":\"2\",\"b\":[]}}", 0, false },
        { "[]", -IMGC_E_DOCUMENT, false },
        { "{}", -IMGC_E_DOCUMENT, false },
        { "{" DIGEST "}", -IMGC_E_DOCUMENT, false },
        { "{" DIGEST ",\"size\":null}", -IMGC_E_DOCUMENT, false },
        { "{" DIGEST ",\"size\":-1}", -IMGC_E_DOCUMENT, false },
        { "{" DIGEST ",\"size\":\"1\"}", -IMGC_E_DOCUMENT, false },
        { "{" DIGEST ",\"Size\":1}", -IMGC_E_DOCUMENT, false },
        { "{\"size\":1}", -IMGC_E_DOCUMENT, false },
        { "{" DIGEST ",\"size\":1,\"mediaType\":1}", -IMGC_E_DOCUMENT, false },
        { "{" DIGEST ",\"size\":1,\"platform\":[]}", -IMGC_E_DOCUMENT, false },
        { "{" DIGEST ",\"size\":1,\"platform\":{\"os\":1}}", -IMGC_E_DOCUMENT, false },
        { "{" DIGEST ",\"size\":1,\"annotations\":[]}", -IMGC_E_DOCUMENT, false },
        { "{\"digest\":\"sha256:x/../y\",\"size\":1}", -IMGC_E_DIGEST, false },
        { "{\"digest\":\"md5:d41d8cd98f00b204\",\"size\":1}", -IMGC_E_UNSUPPORTED, false },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct descriptor d = { .is_attestation = false };
        struct imgc_err err;

        int r = parse(cases[i].text, &d, &err);
        if (r != cases[i].want || d.is_attestation != cases[i].attestation) {
            fail_msg("%s: %d %s", cases[i].text, r, r ? err.msg : "");
        }
    }
}

static void test_long_texts(void **state)
{
    char text[1024];
    char name[300];
    struct descriptor d;
    struct imgc_err err;
    (void)state;

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    (void)snprintf(text, sizeof text,
                   "{" DIGEST ",\"size\":1,\"mediaType\":\"%s\","
                   "\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}}",
                   name, name);
    assert_ok(parse(text, &d, &err), err);
    assert_int_equal(strlen(d.media_type), sizeof d.media_type - 1);
    assert_string_equal(d.ref_name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
