/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "fetch/push_manifest.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DOCKER "application/vnd.docker."
#define OCI "application/vnd.oci.image."
#define LAYER(type, more) \
    "{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX64 "\",\"size\":7" more "}"
#define IMAGE(type, config, layers)              \
    "{\"schemaVersion\":2,\"mediaType\":\"" type \
    "\",\"config\":" LAYER(config, "") ",\"layers\":[" layers "],\"annotations\":{\"a\":\"b\"}}"
#define DOCKER_IMAGE(layers) \
    IMAGE(DOCKER "distribution.manifest.v2+json", DOCKER "container.image.v1+json", layers)
#define OCI_IMAGE(layers) IMAGE(OCI "manifest.v1+json", OCI "config.v1+json", layers)
#define DOCKER_GZIP DOCKER "image.rootfs.diff.tar.gzip"

static void test_only_what_changed_is_exchanged(void **state)
{
    static const struct {
        const char *text, *want, *type;
        struct push_manifest_layer layers[2];
    } cases[] = {
        /* nothing: the same bytes, blanks too */
        { " " OCI_IMAGE(LAYER(OCI "layer.v1.tar+gzip", "") "," LAYER(OCI "layer.v1.tar", "")),
          " " OCI_IMAGE(LAYER(OCI "layer.v1.tar+gzip", "") "," LAYER(OCI "layer.v1.tar", "")),
          OCI "manifest.v1+json",
          { { .is_changed = false } } },
        /* the annotations of a layer that is another blob now went with it */
        { OCI_IMAGE(LAYER(OCI "layer.v1.tar+zstd", ",\"annotations\":{\"toc\":\"x\"}") "," LAYER(
              OCI "layer.v1.tar+gzip", ",\"annotations\":{\"toc\":\"x\"}")),
          OCI_IMAGE(LAYER(OCI "layer.v1.tar+gzip", "") "," LAYER(
              OCI "layer.v1.tar+gzip", ",\"annotations\":{\"toc\":\"x\"}")),
          OCI "manifest.v1+json",
          { { .is_changed = true, .size = 7, .encoding = ENCODER_GZIP } } },
        { DOCKER_IMAGE(LAYER(DOCKER_GZIP, "") "," LAYER(DOCKER "image.rootfs.diff.tar", "")),
          DOCKER_IMAGE(LAYER(DOCKER_GZIP, "") "," LAYER(DOCKER_GZIP, "")),
          DOCKER "distribution.manifest.v2+json",
          { { .is_changed = false },
            { .is_changed = true, .size = 7, .encoding = ENCODER_GZIP } } },
        /* Docker has no type for zstd */
        { DOCKER_IMAGE(LAYER(DOCKER_GZIP, "") "," LAYER(DOCKER_GZIP, "")),
          OCI_IMAGE(LAYER(OCI "layer.v1.tar+gzip", "") "," LAYER(OCI "layer.v1.tar+zstd", "")),
          OCI "manifest.v1+json",
          { { .is_changed = false },
            { .is_changed = true, .size = 7, .encoding = ENCODER_ZSTD } } },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct push_manifest_layer layers[2] = { cases[i].layers[0], cases[i].layers[1] };
        char *text = NULL;
        const char *type;
        struct imgc_err err;
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(digest_parse(IMGC_STR("sha256:" HEX64), &layers[j].digest, &err), 0);
        }
        assert_int_equal(
            push_manifest_write(imgc_str_of(cases[i].text), layers, 2, &text, &type, &err), 0);
        assert_string_equal(text, cases[i].want);
        assert_string_equal(type, cases[i].type);
        free(text);
    }
}

static void test_another_number_of_layers_is_refused(void **state)
{
    static const struct push_manifest_layer layers[2] = { { .is_changed = true } };
    char *text = NULL;
    const char *type;
    struct imgc_err err;
    (void)state;

    assert_int_equal(
        push_manifest_write(IMGC_STR("{\"layers\":[]}"), layers, 2, &text, &type, &err),
        -IMGC_E_DOCUMENT);
    assert_int_equal(push_manifest_write(IMGC_STR("{}"), layers, 2, &text, &type, &err),
                     -IMGC_E_DOCUMENT);
}

static void test_types_name_encodings(void **state)
{
    (void)state;

    assert_int_equal(push_manifest_encoding(DOCKER_GZIP), ENCODER_GZIP);
    assert_int_equal(push_manifest_encoding(DOCKER "image.rootfs.foreign.diff.tar.gzip"),
                     ENCODER_GZIP);
    assert_int_equal(push_manifest_encoding(DOCKER "image.rootfs.diff.tar"), ENCODER_NONE);
    assert_int_equal(push_manifest_encoding(OCI "layer.v1.tar+zstd"), ENCODER_ZSTD);
    assert_int_equal(push_manifest_encoding(OCI "layer.v1.tar"), ENCODER_NONE);
    assert_int_equal(push_manifest_encoding(""), ENCODER_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_changed_is_exchanged),
        cmocka_unit_test(test_another_number_of_layers_is_refused),
        cmocka_unit_test(test_types_name_encodings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
