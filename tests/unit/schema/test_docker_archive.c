/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/cleanup.h"
#include "schema/docker_archive.h"
#include "schema/limits.h"

#define TWO                                                                             \
    "[{\"Config\":\"c.json\",\"RepoTags\":[\"a:1\",\"b:2\"],\"Layers\":[\"x\",\"y\"]}," \
    "{\"Config\":\"d.json\",\"RepoTags\":null,\"Layers\":[]}]"

static void images_are_read_and_written(void **state)
{
    docker_archive_auto struct docker_archive a = DOCKER_ARCHIVE_INIT;
    imgc_autofree char *text = NULL;
    struct imgc_err err;
    (void)state;

    assert_int_equal(docker_archive_parse(imgc_str_of(TWO), &a, &err), 0);
    assert_int_equal(a.n, 2);
    assert_string_equal(a.images[0].config, "c.json");
    assert_string_equal(a.images[0].tags[1], "b:2");
    assert_int_equal(a.images[0].n_layers, 2);
    assert_string_equal(a.images[0].layers[1], "y");
    assert_null(a.images[1].tags);
    assert_int_equal(a.images[1].n_layers, 0);
    assert_int_equal(docker_archive_write(&a, &text, &err), 0);
    assert_string_equal(text, TWO);
}

static void what_is_no_list_of_images_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{}",
        "[1]",
        "[{}]",
        "[{\"Config\":1}]",
        "[{\"config\":\"a\"}]",
        "[{\"Config\":\"a\",\"Layers\":[1]}]",
        "[{\"Config\":\"a\",\"Layers\":\"x\"}]",
        "[{\"Config\":\"a\",\"RepoTags\":{}}]",
        "[{\"Config\":\"a\"}] []",
    };
    struct imgc_err err;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        docker_archive_auto struct docker_archive a = DOCKER_ARCHIVE_INIT;
        assert_int_equal(docker_archive_parse(imgc_str_of(bad[i]), &a, &err), -IMGC_E_DOCUMENT);
    }
}

static void too_many_are_refused(void **state)
{
    docker_archive_auto struct docker_archive a = DOCKER_ARCHIVE_INIT;
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1u << 20);
    struct imgc_str text;
    struct imgc_err err;
    (void)state;

    imgc_buf_puts(&b, "[{\"Config\":\"a\",\"Layers\":[\"x\"");
    for (int i = 0; i < LIMIT_LAYERS; i++) {
        imgc_buf_puts(&b, ",\"x\"");
    }
    imgc_buf_puts(&b, "]}]");
    assert_int_equal(imgc_buf_finish(&b, &text, &err), 0);
    assert_int_equal(docker_archive_parse(text, &a, &err), -IMGC_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_read_and_written),
        cmocka_unit_test(what_is_no_list_of_images_is_refused),
        cmocka_unit_test(too_many_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
