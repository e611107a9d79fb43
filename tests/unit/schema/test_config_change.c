/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/cleanup.h"
#include "schema/config.h"

#define CHANGES_MAX 4

/* What the config says of itself after the changes, without what it always says. */
static void check(const char *const *changes, const char *want)
{
    config_auto struct image_config c = CONFIG_INIT;
    imgc_autofree char *text = NULL, *whole = NULL;
    struct imgc_err err;

    for (size_t i = 0; i < CHANGES_MAX && changes[i]; i++) {
        assert_ok(config_change(&c, imgc_str_of(changes[i]), &err), err);
    }
    assert_ok(config_write(&c, &text, &err), err);
    assert_true(asprintf(&whole,
                         "{\"architecture\":\"\",\"config\":{%s},\"os\":\"\","
                         "\"rootfs\":{\"diff_ids\":[],\"type\":\"layers\"}}",
                         want) > 0);
    assert_string_equal(text, whole);
}

static void test_changes(void **state)
{
    static const struct {
        const char *changes[CHANGES_MAX];
        const char *want;
    } cases[] = {
        { { "CMD [\"a\", \"b c\"]" }, "\"Cmd\":[\"a\",\"b c\"]" },
        { { "CMD []" }, "\"Cmd\":[]" },
        { { "cmd echo  $HOME \"x\"" }, "\"Cmd\":[\"/bin/sh\",\"-c\",\"echo  $HOME \\\"x\\\"\"]" },
        { { "CMD ['a']" }, "\"Cmd\":[\"/bin/sh\",\"-c\",\"['a']\"]" },
        { { "CMD a", "CMD [\"b\"]" }, "\"Cmd\":[\"b\"]" },
        { { "  Entrypoint\t[\"/e\"] " }, "\"Entrypoint\":[\"/e\"]" },
        { { "CMD [\"c\"]", "ENTRYPOINT e" },
          "\"Cmd\":[\"c\"],\"Entrypoint\":[\"/bin/sh\",\"-c\",\"e\"]" },
        { { "ENV A=1 B=2" }, "\"Env\":[\"A=1\",\"B=2\"]" },
        { { "ENV A=1 B=2", "ENV A=3" }, "\"Env\":[\"A=3\",\"B=2\"]" },
        { { "ENV A=1", "ENV AB=2", "ENV A=" }, "\"Env\":[\"A=\",\"AB=2\"]" },
        { { "ENV A=\"x y\" B='p q' C=r\\ s" }, "\"Env\":[\"A=x y\",\"B=p q\",\"C=r s\"]" },
        { { "ENV A=\"q\\\"q\\n\" B='\\'x" }, "\"Env\":[\"A=q\\\"q\\\\n\",\"B=\\\\x\"]" },
        { { "ENV A some words=1" }, "\"Env\":[\"A=some words=1\"]" },
        { { "ENV P=/bin", "ENV P=/x:$P Q=${P}y" }, "\"Env\":[\"P=/x:/bin\",\"Q=/biny\"]" },
        { { "ENV A=$ B='$X' C=\\$X D=\"$NO\"" }, "\"Env\":[\"A=$\",\"B=$X\",\"C=$X\",\"D=\"]" },
        { { "EXPOSE 80" }, "\"ExposedPorts\":{\"80/tcp\":{}}" },
        { { "EXPOSE 80/UDP 443 443" }, "\"ExposedPorts\":{\"443/tcp\":{},\"80/udp\":{}}" },
        { { "EXPOSE 8000-8002/tcp" },
          "\"ExposedPorts\":{\"8000/tcp\":{},\"8001/tcp\":{},\"8002/tcp\":{}}" },
        { { "LABEL b=\"1 2\" a=3", "LABEL \"c d\"=4" },
          "\"Labels\":{\"a\":\"3\",\"b\":\"1 2\",\"c d\":\"4\"}" },
        { { "LABEL version 1.0 beta" }, "\"Labels\":{\"version\":\"1.0 beta\"}" },
        { { "USER 1000:1000" }, "\"User\":\"1000:1000\"" },
        { { "USER a", "USER \"b\"" }, "\"User\":\"b\"" },
        { { "VOLUME /a \"/b c\"" }, "\"Volumes\":{\"/a\":{},\"/b c\":{}}" },
        { { "VOLUME [\"/a\", \"/A\"]" }, "\"Volumes\":{\"/A\":{},\"/a\":{}}" },
        { { "WORKDIR /a/b", "WORKDIR c" }, "\"WorkingDir\":\"/a/b/c\"" },
        { { "WORKDIR /a/./b//../c/" }, "\"WorkingDir\":\"/a/c\"" },
        { { "WORKDIR a" }, "\"WorkingDir\":\"/a\"" },
        { { "WORKDIR /a", "WORKDIR ../../.." }, "\"WorkingDir\":\"/\"" },
        { { "WORKDIR /with blank" }, "\"WorkingDir\":\"/with blank\"" },
        { { "STOPSIGNAL SIGINT" }, "\"StopSignal\":\"SIGINT\"" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check(cases[i].changes, cases[i].want);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *change, *reason;
    } cases[] = {
        { "", "empty" },
        { "   ", "empty" },
        { "ONBUILD RUN x", "'ONBUILD' cannot" },
        { "RUN x", "'RUN' cannot" },
        { "HEALTHCHECK NONE", "'HEALTHCHECK' cannot" },
        { "CMD", "CMD: takes" },
        { "CMD [1]", "strings only" },
        { "CMD a\nUSER root", "one line" },
        { "ENV", "takes an argument" },
        { "ENV A", "'A' is not KEY=VALUE" },
        { "ENV =x", "not a name" },
        { "ENV A=1 B", "'B' is not KEY=VALUE" },
        { "ENV A=\"x", "not closed" },
        { "ENV A=${B:-c}", "only $NAME" },
        { "ENV A=${B", "only $NAME" },
        { "ENV A=\xff", NULL },
        { "LABEL a=\xff", "UTF-8" },
        { "LABEL \xff=a", "UTF-8" },
        { "EXPOSE 0", "PORT" },
        { "EXPOSE 65536", "PORT" },
        { "EXPOSE 90-80", "PORT" },
        { "EXPOSE 80/icmp", "PORT" },
        { "EXPOSE 1:2", "PORT" },
        { "USER a b", "exactly one" },
        { "USER \"\"", "exactly one" },
        { "VOLUME [\"\"]", "path" },
        { "VOLUME ''", "path" },
        { "WORKDIR ''", "path" },
        { "STOPSIGNAL", "STOPSIGNAL: takes" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config_auto struct image_config c = CONFIG_INIT;
        struct imgc_err err;

        int r = config_change(&c, imgc_str_of(cases[i].change), &err);
        if (r == 0 && !cases[i].reason) {
            /* Bytes that JSON cannot hold are caught when it is written. */
            imgc_autofree char *text = NULL;
            assert_err(config_write(&c, &text, &err), IMGC_E_DOCUMENT);
            continue;
        }
        if (r != -IMGC_E_USAGE || !strstr(err.msg, cases[i].reason)) {
            fail_msg("'%s': %d %s", cases[i].change, r, r ? err.msg : "");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
