/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/data.h"
#include "tests/lib/unit.h"

#include "schema/base/cleanup.h"
#include "schema/index.h"
#include "schema/limits.h"
#include "schema/manifest.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DESC(type) "{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX "\",\"size\":3}"
#define V2 "\"schemaVersion\":2"
#define CONFIG "\"config\":" DESC(MEDIA_OCI_CONFIG)
#define LAYERS "\"layers\":[" DESC(MEDIA_OCI_LAYER_GZIP) "," DESC("application/x-odd") "]"
#define TYPE(type) "\"mediaType\":\"" type "\""
#define GOOD "{" V2 "," CONFIG "," LAYERS "}"

static void test_good(void **state)
{
    static const struct {
        const char *text, *content_type;
        size_t n_layers;
    } cases[] = {
        { GOOD, "", 2 },
        { GOOD, MEDIA_OCI_MANIFEST, 2 },
        { GOOD, MEDIA_DOCKER_MANIFEST "; charset=utf-8", 2 },
        { GOOD, "text/plain", 2 },
        { "{" V2 "," TYPE(MEDIA_OCI_MANIFEST) "," CONFIG "," LAYERS "}", "application/json", 2 },
        { "{" V2 "," TYPE(MEDIA_OCI_MANIFEST) "," CONFIG "}",
          "Application/vnd.oci.image.manifest.v1+json;x", 0 },
        { "{" V2 "," CONFIG "}", "", 0 },
        { "{" V2 "," CONFIG ",\"layers\":null,\"manifests\":null}", "", 0 },
        { "{" V2 "," CONFIG ",\"layers\":[],\"subject\":{},\"x\":[1]}", "", 0 },
        { "{" V2 ",\"config\":" DESC(MEDIA_DOCKER_CONFIG) ",\"artifactType\":\"a/b\"}", "", 0 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        manifest_auto struct manifest m = MANIFEST_INIT;
        struct imgc_err err;

        assert_ok(manifest_parse(imgc_str_of(cases[i].text), imgc_str_of(cases[i].content_type), &m,
                                 &err),
                  err);
        assert_int_equal(m.n_layers, cases[i].n_layers);
        assert_int_equal(m.config.kind, MEDIA_CONFIG);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *content_type;
        int want;
        const char *reason;
    } cases[] = {
        { "[]", "", -IMGC_E_DOCUMENT, "not a JSON object" },
        { "{}", "", -IMGC_E_DOCUMENT, "neither" },
        { "{" V2 "," CONFIG "," LAYERS ",\"manifests\":[]}", "", -IMGC_E_DOCUMENT, "both" },
        { "{" V2 "," CONFIG ",\"manifests\":[]}", MEDIA_OCI_MANIFEST, -IMGC_E_DOCUMENT,
          "has 'manifests'" },
        { "{" V2 "," CONFIG ",\"Manifests\":[]}", MEDIA_OCI_MANIFEST, -IMGC_E_DOCUMENT, "spelt" },
        { "{" V2 "," CONFIG ",\"Layers\":[]}", "", -IMGC_E_DOCUMENT, "spelt" },
        { "{" V2 "," CONFIG "," LAYERS ",\"LAYERS\":[]}", "", -IMGC_E_DOCUMENT, "case" },
        { "{" V2 "," TYPE(MEDIA_OCI_INDEX) "," CONFIG "}", MEDIA_OCI_MANIFEST, -IMGC_E_DOCUMENT,
          "served as" },
        { "{" V2 "," TYPE(MEDIA_OCI_MANIFEST) "," CONFIG "}", MEDIA_DOCKER_MANIFEST,
          -IMGC_E_DOCUMENT, "served as" },
        { "{" V2 "," TYPE(MEDIA_OCI_INDEX) ",\"manifests\":[]}", "", -IMGC_E_DOCUMENT,
          "got an index" },
        { "{\"schemaVersion\":3," CONFIG "}", "", -IMGC_E_DOCUMENT, "neither" },
        { "{" CONFIG "}", "", -IMGC_E_DOCUMENT, "neither" },
        { "{" CONFIG "}", MEDIA_OCI_MANIFEST, -IMGC_E_DOCUMENT, "schemaVersion" },
        { "{" V2 ",\"layers\":[]}", "", -IMGC_E_DOCUMENT, "without a config" },
        { "{" V2 "," CONFIG ",\"layers\":{}}", "", -IMGC_E_DOCUMENT, "not an array" },
        { "{" V2 "," CONFIG ",\"layers\":[1]}", "", -IMGC_E_DOCUMENT, "descriptor 1 of 1" },
        { "{" V2 ",\"config\":{},\"layers\":[]}", "", -IMGC_E_DOCUMENT, "no digest" },
        { "{\"schemaVersion\":1,\"fsLayers\":[],\"history\":[]}", "", -IMGC_E_UNSUPPORTED,
          "schema 1" },
        { "{}", "application/vnd.docker.distribution.manifest.v1+prettyjws", -IMGC_E_UNSUPPORTED,
          "schema 1" },
        { "{" V2 ",\"config\":" DESC("application/vnd.cncf.helm.config.v1+json") "}", "",
          -IMGC_E_UNSUPPORTED,
          "is an artifact (type application/vnd.cncf.helm.config.v1+json), not an image" },
        { "{" V2
          ",\"artifactType\":\"a/b\",\"config\":" DESC("application/vnd.oci.empty.v1+json") "}",
          "", -IMGC_E_UNSUPPORTED, "is an artifact (type a/b), not an image" },
        { "{" V2 ",\"artifactType\":\"a/b\",\"layers\":[]}", "", -IMGC_E_UNSUPPORTED,
          "(type a/b)" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        manifest_auto struct manifest m = MANIFEST_INIT;
        struct imgc_err err;

        int r = manifest_parse(imgc_str_of(cases[i].text), imgc_str_of(cases[i].content_type), &m,
                               &err);
        if (r != cases[i].want || !strstr(err.msg, cases[i].reason)) {
            fail_msg("%s: %d %s", cases[i].text, r, r ? err.msg : "");
        }
    }
}

static void test_kind(void **state)
{
    static const struct {
        const char *text, *content_type;
        enum media_kind want; /* MEDIA_UNKNOWN: refused */
    } cases[] = {
        { GOOD, "", MEDIA_MANIFEST },
        { "{" V2 ",\"manifests\":[]}", "", MEDIA_INDEX },
        { "{" V2 ",\"manifests\":[]}", "text/plain", MEDIA_INDEX },
        { "{" V2 "," TYPE(MEDIA_DOCKER_LIST) ",\"manifests\":[]}", "", MEDIA_INDEX },
        { "{}", MEDIA_DOCKER_LIST, MEDIA_INDEX },
        { "{\"schemaVersion\":1}", "", MEDIA_SCHEMA1 },
        { "{" V2 "," CONFIG ",\"manifests\":[]}", "", MEDIA_UNKNOWN },
        { "{" V2 "," TYPE(MEDIA_OCI_MANIFEST) "}", MEDIA_OCI_INDEX, MEDIA_UNKNOWN },
        { "{" V2 "}", "", MEDIA_UNKNOWN },
        { "<html>", "text/html", MEDIA_UNKNOWN },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum media_kind kind = MEDIA_UNKNOWN;
        struct imgc_err err;

        int r = manifest_kind(imgc_str_of(cases[i].text), imgc_str_of(cases[i].content_type), &kind,
                              &err);
        assert_int_equal(r, cases[i].want == MEDIA_UNKNOWN ? -IMGC_E_DOCUMENT : 0);
        assert_int_equal(kind, cases[i].want);
    }
}

static void test_limits(void **state)
{
    (void)state;

    for (int n = LIMIT_LAYERS; n <= LIMIT_LAYERS + 1; n++) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES);
        manifest_auto struct manifest m = MANIFEST_INIT;
        struct imgc_str text;
        struct imgc_err err;

        imgc_buf_puts(&b, "{" V2 "," CONFIG ",\"layers\":[");
        for (int i = 0; i < n; i++) {
            imgc_buf_printf(&b, "%s" DESC(MEDIA_OCI_LAYER), i ? "," : "");
        }
        imgc_buf_puts(&b, "]}");
        assert_ok(imgc_buf_finish(&b, &text, &err), err);
        int r = manifest_parse(text, IMGC_STR(""), &m, &err);
        assert_int_equal(r, n <= LIMIT_LAYERS ? 0 : -IMGC_E_LIMIT);
    }

    imgc_autofree char *huge = calloc(1, LIMIT_MANIFEST_BYTES + 1);
    struct imgc_err err;
    enum media_kind kind;
    assert_non_null(huge);
    assert_err(manifest_kind((struct imgc_str){ huge, LIMIT_MANIFEST_BYTES + 1 }, IMGC_STR(""),
                             &kind, &err),
               IMGC_E_LIMIT);
}

static void test_write(void **state)
{
    manifest_auto struct manifest m = MANIFEST_INIT, again = MANIFEST_INIT;
    imgc_autofree char *text = NULL, *second = NULL;
    struct imgc_err err;
    (void)state;

    assert_ok(manifest_parse(IMGC_STR(GOOD), IMGC_STR(""), &m, &err), err);
    assert_ok(manifest_write(&m, &text, &err), err);
    assert_string_equal(text, "{" V2 "," TYPE(MEDIA_OCI_MANIFEST) "," CONFIG "," LAYERS "}");
    assert_ok(manifest_parse(imgc_str_of(text), IMGC_STR(MEDIA_OCI_MANIFEST), &again, &err), err);
    assert_ok(manifest_write(&again, &second, &err), err);
    assert_string_equal(text, second);
}

/* What is in it, found without our parser. */
static const char *expected(const char *text)
{
    bool config = strstr(text, MEDIA_OCI_CONFIG "\"") || strstr(text, MEDIA_DOCKER_CONFIG "\"");
    bool type = strstr(text, "\"artifactType\"") != NULL;

    if (!strstr(text, "\"schemaVersion\"") || strstr(text, "\"rootfs\"")) {
        return "other";
    }
    if (strstr(text, "\"manifests\"")) {
        return "index";
    }
    if (config) {
        return "manifest";
    }
    return type || strstr(text, "config") ? "artifact" : "other";
}

static void check_real(const char *path, const char *text)
{
    manifest_auto struct manifest m = MANIFEST_INIT;
    index_auto struct image_index index = INDEX_INIT;
    struct imgc_err err = { .code = IMGC_OK };
    const char *want = expected(text);
    enum media_kind kind;
    int r = 0;

    if (strcmp(want, "manifest") == 0) {
        r = manifest_parse(imgc_str_of(text), IMGC_STR(""), &m, &err);
    } else if (strcmp(want, "index") == 0) {
        r = index_parse(imgc_str_of(text), IMGC_STR(""), &index, &err);
    } else if (strcmp(want, "artifact") == 0) {
        r = manifest_parse(imgc_str_of(text), IMGC_STR(""), &m, &err) != -IMGC_E_UNSUPPORTED;
    } else {
        r = manifest_kind(imgc_str_of(text), IMGC_STR(""), &kind, &err) == 0;
    }
    if (r != 0) {
        fail_msg("%s (%s): %d %s", path, want, r, err.code ? err.msg : "");
    }
}

static void test_real_images(void **state)
{
    (void)state;
    data_each_json("images", check_real);
    data_each_json("busybox", check_real);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_kind),  cmocka_unit_test(test_limits),
        cmocka_unit_test(test_write), cmocka_unit_test(test_real_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
