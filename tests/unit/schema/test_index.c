/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/cleanup.h"
#include "schema/index.h"
#include "schema/limits.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
/* An entry whose size tells it apart. */
#define ENTRY(size, type, more) \
    "{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX "\",\"size\":" size more "}"
#define FOR(os, arch, variant) \
    ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\",\"variant\":\"" variant "\"}"
#define IMAGE(size, arch, variant) ENTRY(size, MEDIA_OCI_MANIFEST, FOR("linux", arch, variant))
#define INDEX(entries) "{\"schemaVersion\":2,\"manifests\":[" entries "]}"
#define ATTEST                                                     \
    ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}," \
    "\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}"

static void test_choose(void **state)
{
    static const struct {
        const char *index, *want;
        uint64_t size; /* of the chosen one; 0: none */
    } cases[] = {
        { INDEX(IMAGE("1", "arm64", "") "," IMAGE("2", "amd64", "")), "linux/amd64", 2 },
        { INDEX(IMAGE("1", "amd64", "") "," IMAGE("2", "amd64", "")), "linux/amd64", 1 },
        { INDEX(IMAGE("1", "amd64", "v3") "," IMAGE("2", "amd64", "")), "linux/amd64", 2 },
        { INDEX(IMAGE("1", "amd64", "") "," IMAGE("2", "amd64", "v2")), "linux/amd64/v3", 2 },
        { INDEX(IMAGE("1", "arm", "v5") "," IMAGE("2", "arm", "v7")), "linux/arm/v8", 2 },
        { INDEX(IMAGE("1", "arm", "v7") "," IMAGE("2", "arm", "v6")), "linux/arm/v6", 2 },
        { INDEX(IMAGE("1", "arm64", "v8")), "linux/arm64", 1 },
        { INDEX(IMAGE("1", "arm64", "")), "linux/amd64", 0 },
        { INDEX(""), "linux/amd64", 0 },
        /* Without a platform: only where nothing else fits, whatever the order. */
        { INDEX(ENTRY("1", MEDIA_OCI_MANIFEST, "")), "linux/amd64", 1 },
        { INDEX(ENTRY("1", MEDIA_OCI_MANIFEST, "") "," IMAGE("2", "amd64", "")), "linux/amd64", 2 },
        { INDEX(ENTRY("1", MEDIA_OCI_INDEX, "") "," IMAGE("2", "arm", "v5")), "linux/arm/v7", 2 },
        { INDEX(ENTRY("1", MEDIA_OCI_MANIFEST, "") "," IMAGE("2", "arm", "")), "linux/arm/v7", 2 },
        { INDEX(IMAGE("1", "arm64", "") "," ENTRY("2", MEDIA_DOCKER_LIST, "")), "linux/amd64", 2 },
        { INDEX(ENTRY("1", MEDIA_DOCKER_LIST, FOR("linux", "amd64", ""))), "linux/amd64", 1 },
        { INDEX("{\"digest\":\"sha256:" HEX "\",\"size\":7}"), "linux/amd64", 7 },
        /* Never: attestations, what is no image, an attached artifact. */
        { INDEX(ENTRY("1", MEDIA_OCI_MANIFEST, FOR("unknown", "unknown", ""))), "linux/amd64", 0 },
        { INDEX(ENTRY("1", MEDIA_OCI_MANIFEST, ATTEST)), "linux/amd64", 0 },
        { INDEX(ENTRY("1", "application/zip", FOR("linux", "amd64", ""))), "linux/amd64", 0 },
        { INDEX(ENTRY("1", MEDIA_OCI_MANIFEST, ",\"artifactType\":\"a/b\"")), "linux/amd64", 0 },
        { INDEX(ENTRY("1", MEDIA_OCI_MANIFEST, FOR("windows", "amd64", ""))), "linux/amd64", 0 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        index_auto struct image_index index = INDEX_INIT;
        const struct descriptor *d = NULL;
        struct platform want;
        struct imgc_err err;

        assert_ok(platform_parse(imgc_str_of(cases[i].want), &want, &err), err);
        assert_ok(index_parse(imgc_str_of(cases[i].index), IMGC_STR(""), &index, &err), err);
        int r = index_choose(&index, &want, &d, &err);
        if (r != (cases[i].size ? 0 : -IMGC_E_PLATFORM) || (d && d->size != cases[i].size)) {
            fail_msg("%s: %d, %d", cases[i].index, r, d ? (int)d->size : -1);
        }
    }
}

static void test_message_lists_platforms_once(void **state)
{
    index_auto struct image_index index = INDEX_INIT;
    const struct descriptor *d;
    struct platform want;
    struct imgc_err err;
    (void)state;

    assert_ok(platform_parse(IMGC_STR("linux/s390x"), &want, &err), err);
    assert_ok(
        index_parse(IMGC_STR(INDEX(IMAGE("1", "arm", "v7") "," IMAGE("2", "amd64", "") "," IMAGE(
                        "3", "arm", "v7") "," ENTRY("4", MEDIA_OCI_MANIFEST, ATTEST))),
                    IMGC_STR(""), &index, &err),
        err);
    assert_err(index_choose(&index, &want, &d, &err), IMGC_E_PLATFORM);
    assert_string_equal(err.msg, "no image for linux/s390x; there are: linux/arm/v7, linux/amd64");
    index_done(&index);
    assert_err(index_choose(&index, &want, &d, &err), IMGC_E_PLATFORM);
    assert_string_equal(err.msg, "no image for linux/s390x; there are none");
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *content_type;
    } cases[] = {
        { "{\"schemaVersion\":2}", MEDIA_OCI_INDEX },
        { "{\"schemaVersion\":2,\"manifests\":{}}", "" },
        { "{\"schemaVersion\":2,\"manifests\":[[]]}", "" },
        { "{\"schemaVersion\":1,\"manifests\":[]}", "" },
        { "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", MEDIA_OCI_INDEX },
        { "{\"schemaVersion\":2,\"manifests\":[],\"config\":{}}", MEDIA_OCI_INDEX },
        { "{\"schemaVersion\":2,\"manifests\":[],\"Layers\":[]}", MEDIA_OCI_INDEX },
        { "{\"schemaVersion\":2,\"Manifests\":[]}", MEDIA_OCI_INDEX },
        { "{\"schemaVersion\":2,\"manifests\":[]}", MEDIA_OCI_MANIFEST },
        { "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_DOCKER_LIST "\",\"manifests\":[]}",
          MEDIA_OCI_INDEX },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        index_auto struct image_index index = INDEX_INIT;
        struct imgc_err err;

        int r = index_parse(imgc_str_of(cases[i].text), imgc_str_of(cases[i].content_type), &index,
                            &err);
        if (r != -IMGC_E_DOCUMENT) {
            fail_msg("%s: %d", cases[i].text, r);
        }
    }
}

static void test_limit(void **state)
{
    (void)state;

    for (int n = LIMIT_INDEX_ENTRIES; n <= LIMIT_INDEX_ENTRIES + 1; n++) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES);
        index_auto struct image_index index = INDEX_INIT;
        struct imgc_str text;
        struct imgc_err err;

        imgc_buf_puts(&b, "{\"schemaVersion\":2,\"manifests\":[");
        for (int i = 0; i < n; i++) {
            /* Platforms by the thousand, none of which fits, must not overflow the message. */
            imgc_buf_printf(&b,
                            "%s{\"digest\":\"sha256:" HEX
                            "\",\"size\":1,\"platform\":{\"os\":\"os%d\",\"architecture\":\"x\"}}",
                            i ? "," : "", i);
        }
        imgc_buf_puts(&b, "]}");
        assert_ok(imgc_buf_finish(&b, &text, &err), err);
        int r = index_parse(text, IMGC_STR(""), &index, &err);
        assert_int_equal(r, n <= LIMIT_INDEX_ENTRIES ? 0 : -IMGC_E_LIMIT);
        if (r == 0) {
            struct platform host;
            const struct descriptor *d;
            platform_host(&host);
            assert_err(index_choose(&index, &host, &d, &err), IMGC_E_PLATFORM);
            assert_non_null(strstr(err.msg, ", ..."));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_message_lists_platforms_once),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
