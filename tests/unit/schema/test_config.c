/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/data.h"
#include "tests/lib/unit.h"

#include "schema/base/cleanup.h"
#include "schema/config.h"
#include "schema/limits.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ROOTFS "\"rootfs\":{\"diff_ids\":[\"sha256:" HEX "\"],\"type\":\"layers\"}"

/* Sorted and compact, as config_write() has it. */
static const char full[] =
    "{\"architecture\":\"arm\",\"author\":\"me\",\"config\":{\"Cmd\":[],\"Entrypoint\":[\"/e\"],"
    "\"Env\":[\"A=1\",\"B\"],\"ExposedPorts\":{\"80/tcp\":{}},\"Labels\":{\"A\":\"1\",\"a\":\"2\"},"
    "\"StopSignal\":\"SIGINT\",\"User\":\"1:2\",\"Volumes\":{\"/D\":{},\"/d\":{}},"
    "\"WorkingDir\":\"/w\"},\"created\":\"2024-01-02T03:04:05.5+01:00\",\"history\":[{\"author\":"
    "\"a\",\"comment\":\"c\",\"created\":\"x\",\"created_by\":\"RUN\"},{\"empty_layer\":true},{}],"
    "\"os\":\"linux\"," ROOTFS ",\"variant\":\"v7\"}";

static void test_fields(void **state)
{
    config_auto struct image_config c = CONFIG_INIT;
    imgc_autofree char *text = NULL;
    struct imgc_err err;
    (void)state;

    assert_ok(config_parse(imgc_str_of(full), &c, &err), err);
    assert_string_equal(c.platform.variant, "v7");
    assert_true(c.created_s == 1704161045);
    assert_string_equal(c.created, "2024-01-02T03:04:05.5+01:00");
    assert_string_equal(c.env[1], "B");
    assert_null(c.env[2]);
    assert_non_null(c.cmd);
    assert_null(c.cmd[0]);
    assert_int_equal(json_object_size(c.labels), 2);
    assert_int_equal(c.n_diff_ids, 1);
    assert_int_equal(c.n_history, 3);
    assert_true(c.history[1].empty_layer);
    assert_null(c.history[2].created_by);

    assert_ok(config_write(&c, &text, &err), err);
    assert_string_equal(text, full);
}

static void test_absent_is_empty(void **state)
{
    config_auto struct image_config c = CONFIG_INIT;
    struct imgc_err err;
    (void)state;

    assert_ok(config_parse(IMGC_STR("{\"config\":null,\"created\":\"today\",\"unknown\":1,"
                                    "\"history\":null,\"rootfs\":{\"type\":\"layers\"}}"),
                           &c, &err),
              err);
    assert_true(c.created_s == 0 && c.n_diff_ids == 0 && c.n_history == 0);
    assert_null(c.env);
    assert_null(c.labels);
    assert_string_equal(c.created, "today");
    assert_string_equal(c.platform.os, "");
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        { "[]", -IMGC_E_DOCUMENT },
        { "{}", -IMGC_E_DOCUMENT },
        { "{\"rootfs\":{\"type\":\"layer\"}}", -IMGC_E_DOCUMENT },
        { "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[1]}}", -IMGC_E_DOCUMENT },
        { "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"x\"]}}", -IMGC_E_DIGEST },
        { "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"md5:00\"]}}", -IMGC_E_UNSUPPORTED },
        { "{" ROOTFS ",\"Rootfs\":{}}", -IMGC_E_DOCUMENT },
        { "{" ROOTFS ",\"os\":1}", -IMGC_E_DOCUMENT },
        { "{" ROOTFS ",\"config\":[]}", -IMGC_E_DOCUMENT },
        { "{" ROOTFS ",\"config\":{\"Env\":\"A=1\"}}", -IMGC_E_DOCUMENT },
        { "{" ROOTFS ",\"config\":{\"env\":[\"A=1\"]}}", -IMGC_E_DOCUMENT },
        { "{" ROOTFS ",\"config\":{\"Cmd\":[null]}}", -IMGC_E_DOCUMENT },
        { "{" ROOTFS ",\"config\":{\"Labels\":{\"a\":1}}}", -IMGC_E_DOCUMENT },
        { "{" ROOTFS ",\"config\":{\"User\":\"a\\u0000b\"}}", -IMGC_E_DOCUMENT },
        { "{" ROOTFS ",\"history\":[1]}", -IMGC_E_DOCUMENT },
        { "{" ROOTFS ",\"history\":[{\"empty_layer\":1}]}", -IMGC_E_DOCUMENT },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config_auto struct image_config c = CONFIG_INIT;
        struct imgc_err err;

        int r = config_parse(imgc_str_of(cases[i].text), &c, &err);
        if (r != cases[i].want) {
            fail_msg("%s: %d %s", cases[i].text, r, r ? err.msg : "");
        }
    }
}

static void test_limits(void **state)
{
    imgc_autofree char *huge = calloc(1, LIMIT_CONFIG_BYTES + 1);
    config_auto struct image_config c = CONFIG_INIT;
    struct imgc_err err;
    (void)state;

    assert_non_null(huge);
    assert_err(config_parse((struct imgc_str){ huge, LIMIT_CONFIG_BYTES + 1 }, &c, &err),
               IMGC_E_LIMIT);

    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_CONFIG_BYTES);
    struct imgc_str text;
    imgc_buf_puts(&b, "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" HEX "\"");
    for (int i = 0; i < LIMIT_LAYERS; i++) {
        imgc_buf_puts(&b, ",\"sha256:" HEX "\"");
    }
    imgc_buf_puts(&b, "]}}");
    assert_ok(imgc_buf_finish(&b, &text, &err), err);
    assert_err(config_parse(text, &c, &err), IMGC_E_LIMIT);
}

static void check_real(const char *path, const char *text)
{
    config_auto struct image_config c = CONFIG_INIT, again = CONFIG_INIT;
    imgc_autofree char *first = NULL, *second = NULL;
    struct imgc_err err;

    if (!strstr(text, "\"rootfs\"") || !strstr(text, "\"diff_ids\"")) {
        return;
    }
    if (config_parse(imgc_str_of(text), &c, &err) < 0) {
        fail_msg("%s: %s", path, err.msg);
    }
    assert_true(c.n_diff_ids > 0 || !strstr(text, "\"sha256:"));
    assert_true(!strstr(text, "\"linux\"") || strcmp(c.platform.os, "linux") == 0);
    assert_ok(config_write(&c, &first, &err), err);
    assert_ok(config_parse(imgc_str_of(first), &again, &err), err);
    assert_ok(config_write(&again, &second, &err), err);
    assert_string_equal(first, second);
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
        cmocka_unit_test(test_fields),      cmocka_unit_test(test_absent_is_empty),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_real_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
