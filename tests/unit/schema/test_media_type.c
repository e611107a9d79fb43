/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/media_type.h"

static void test_kinds(void **state)
{
    static const struct {
        const char *type;
        enum media_kind want;
    } cases[] = {
        { MEDIA_OCI_MANIFEST, MEDIA_MANIFEST },
        { MEDIA_DOCKER_MANIFEST, MEDIA_MANIFEST },
        { MEDIA_OCI_INDEX, MEDIA_INDEX },
        { MEDIA_DOCKER_LIST, MEDIA_INDEX },
        { MEDIA_OCI_CONFIG, MEDIA_CONFIG },
        { MEDIA_DOCKER_CONFIG, MEDIA_CONFIG },
        { MEDIA_OCI_LAYER, MEDIA_LAYER },
        { MEDIA_OCI_LAYER_ZSTD, MEDIA_LAYER },
        { MEDIA_DOCKER_LAYER_GZIP, MEDIA_LAYER },
        { "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", MEDIA_FOREIGN_LAYER },
        { "application/vnd.docker.distribution.manifest.v1+prettyjws", MEDIA_SCHEMA1 },
        { "application/vnd.oci.empty.v1+json", MEDIA_EMPTY },
        { "Application/VND.OCI.Image.Index.v1+JSON", MEDIA_INDEX },
        { MEDIA_OCI_INDEX "; charset=utf-8", MEDIA_INDEX },
        { MEDIA_OCI_INDEX " ;x", MEDIA_INDEX },
        { MEDIA_OCI_INDEX "x", MEDIA_UNKNOWN },
        { MEDIA_OCI_LAYER_GZIP "+encrypted", MEDIA_UNKNOWN },
        { "application/octet-stream", MEDIA_UNKNOWN },
        { ";", MEDIA_UNKNOWN },
        { "", MEDIA_UNKNOWN },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (media_kind(imgc_str_of(cases[i].type)) != cases[i].want) {
            fail_msg("%s", cases[i].type);
        }
    }
    assert_int_equal(media_kind((struct imgc_str){ NULL, 0 }), MEDIA_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_kinds) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
