/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <signal.h>
#include <unistd.h>

#include "runtime/caps.h"
#include "runtime/spec.h"
#include "schema/base/path.h"
#include "schema/limits.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The words of a list, each ended with '|'. */
static void join(char *const *list, char *out, size_t size)
{
    size_t len = 0;

    out[0] = '\0';
    for (; list && *list; list++) {
        len += (size_t)snprintf(out + len, size - len, "%s|", *list);
    }
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_argv(void **state)
{
    static char sh[] = "sh", c[] = "-c", hello[] = "hello";
    static char *entrypoint[] = { sh, c, NULL }, *cmd[] = { hello, NULL };
    const struct {
        bool has_image_entrypoint, has_image_cmd;
        const char *const *args;
        const char *entrypoint; /* NULL: no --entrypoint */
        const char *want;       /* NULL: refused */
    } cases[] = {
        { true, true, NULL, NULL, "sh|-c|hello|" },
        { true, false, NULL, NULL, "sh|-c|" },
        { false, true, NULL, NULL, "hello|" },
        { true, true, WORDS("x", "y"), NULL, "sh|-c|x|y|" },
        { false, true, WORDS("x"), NULL, "x|" },
        { true, true, NULL, "new", "new|" }, /* clears Cmd */
        { true, true, WORDS("x"), "new", "new|x|" },
        { true, true, WORDS("x"), "", "x|" },
        { true, true, NULL, "[\"a\", \"b c\"]", "a|b c|" },
        { true, true, NULL, "two words", "two words|" },
        { true, true, NULL, "", NULL },
        { false, false, NULL, NULL, NULL },
        { true, true, NULL, "[1]", NULL },
        { true, true, NULL, "[\"a\"", NULL },
        { true, true, NULL, "[]", NULL },
        { false, false, WORDS(""), NULL, NULL },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image_config config = CONFIG_INIT;
        struct spec_options o = { .args = cases[i].args,
                                  .has_entrypoint = cases[i].entrypoint != NULL,
                                  .entrypoint = cases[i].entrypoint };
        spec_auto struct spec s = SPEC_INIT;
        struct imgc_err err;
        char got[256];

        config.entrypoint = cases[i].has_image_entrypoint ? entrypoint : NULL;
        config.cmd = cases[i].has_image_cmd ? cmd : NULL;
        int r = spec_from_config(ID, &config, &o, &s, &err);
        if (!cases[i].want) {
            bool is_empty = cases[i].args && cases[i].args[0][0] == '\0';
            assert_int_equal(r, is_empty ? -IMGC_E_NOCOMMAND : -IMGC_E_USAGE);
            continue;
        }
        assert_int_equal(r, 0);
        join(s.argv, got, sizeof got);
        assert_string_equal(got, cases[i].want);
    }
}

#define PATH_ENV "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|"

static void test_env(void **state)
{
    static char a[] = "A=image", path[] = "PATH=/bin", term[] = "TERM=dumb", junk[] = "JUNK",
                empty[] = "=x";
    static char *env[] = { a, junk, empty, NULL }, *path_env[] = { path, term, NULL };
    const struct {
        char **image;
        const char *const *options;
        bool terminal;
        const char *want;
    } cases[] = {
        { NULL, NULL, false, PATH_ENV "HOSTNAME=0123456789ab|" },
        { NULL, NULL, true, PATH_ENV "HOSTNAME=0123456789ab|TERM=xterm|" },
        { env, NULL, false, PATH_ENV "HOSTNAME=0123456789ab|A=image|" },
        { env, WORDS("A=option", "B=", "C=x=y"), false,
          PATH_ENV "HOSTNAME=0123456789ab|A=option|B=|C=x=y|" },
        { path_env, NULL, true, "PATH=/bin|HOSTNAME=0123456789ab|TERM=dumb|" },
        { env, WORDS("A"), false, PATH_ENV "HOSTNAME=0123456789ab|" }, /* not set here: removed */
        { NULL, WORDS("SPEC_TEST"), false, PATH_ENV "HOSTNAME=0123456789ab|SPEC_TEST=mine|" },
    };
    (void)state;

    assert_int_equal(setenv("SPEC_TEST", "mine", 1), 0);
    assert_int_equal(unsetenv("A"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image_config config = CONFIG_INIT;
        struct spec_options o = { .args = WORDS("x"),
                                  .env = cases[i].options,
                                  .terminal = cases[i].terminal };
        spec_auto struct spec s = SPEC_INIT;
        struct imgc_err err;
        char got[512];

        config.env = cases[i].image;
        assert_ok(spec_from_config(ID, &config, &o, &s, &err), err);
        join(s.env, got, sizeof got);
        assert_string_equal(got, cases[i].want);
    }
}

static void test_env_limits(void **state)
{
    spec_auto struct spec s = SPEC_INIT;
    struct imgc_err err;
    (void)state;

    struct spec_options o = { .args = WORDS("x"), .env = WORDS("=x") };
    assert_err(spec_from_config(ID, NULL, &o, &s, &err), IMGC_E_USAGE);

    char *big = malloc(LIMIT_ENV_BYTES + 10);
    assert_non_null(big);
    memset(big, 'x', LIMIT_ENV_BYTES + 9);
    big[LIMIT_ENV_BYTES + 9] = '\0';
    big[1] = '=';
    o.env = WORDS(big);
    assert_err(spec_from_config(ID, NULL, &o, &s, &err), IMGC_E_LIMIT);
    free(big);
}

static void test_image_volumes(void **state)
{
    struct image_config config = CONFIG_INIT;
    struct spec_options o = { .args = WORDS("x") };
    spec_auto struct spec s = SPEC_INIT;
    struct imgc_err err;
    char got[512];
    (void)state;

    config.volumes = json_pack("{s:{}, s:{}, s:{}}", "/data", "rel/./a", "/../up/");
    assert_non_null(config.volumes);
    assert_ok(spec_from_config(ID, &config, &o, &s, &err), err);
    join(s.volumes, got, sizeof got);
    assert_string_equal(got, "/data|/rel/a|/up|");
    spec_done(&s);

    for (int i = 0; i < LIMIT_VOLUMES; i++) {
        (void)snprintf(got, sizeof got, "/v%d", i);
        assert_int_equal(json_object_set_new(config.volumes, got, json_object()), 0);
    }
    assert_err(spec_from_config(ID, &config, &o, &s, &err), IMGC_E_LIMIT);
    json_decref(config.volumes);
}

static void test_rest(void **state)
{
    static char dir[] = "/srv/./app/", user[] = "app:app", stop[] = "SIGQUIT";
    struct image_config config = CONFIG_INIT;
    struct spec_options o = { .args = WORDS("x") };
    spec_auto struct spec s = SPEC_INIT;
    struct imgc_err err;
    (void)state;

    config.working_dir = dir;
    config.user = user;
    config.stop_signal = stop;
    assert_ok(spec_from_config(ID, &config, &o, &s, &err), err);
    assert_string_equal(s.cwd, "/srv/app");
    assert_string_equal(s.user, "app:app");
    assert_string_equal(s.hostname, "0123456789ab");
    assert_int_equal(s.stop_signal, SIGQUIT);
    assert_true(s.capabilities == caps_default());
    spec_done(&s);

    o.workdir = "/w/../x";
    o.user = "";
    o.hostname = "box.example";
    assert_ok(spec_from_config(ID, &config, &o, &s, &err), err);
    assert_string_equal(s.cwd, "/x");
    assert_string_equal(s.user, "");
    assert_string_equal(s.hostname, "box.example");
    spec_done(&s);

    struct spec_options host = { .args = WORDS("x"), .network = SPEC_NETWORK_HOST };
    assert_ok(spec_from_config(ID, NULL, &host, &s, &err), err);
    assert_string_equal(s.hostname, "");
    assert_string_equal(s.cwd, "/");
    assert_int_equal(s.stop_signal, SIGTERM);
    spec_done(&s);

    static const char *const bad_names[] = { "-x", ".x", "a b", "a\nb", "a/b" };
    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++) {
        o.hostname = bad_names[i];
        assert_err(spec_from_config(ID, &config, &o, &s, &err), IMGC_E_USAGE);
    }
    o.hostname = NULL;
    o.workdir = "relative";
    assert_err(spec_from_config(ID, &config, &o, &s, &err), IMGC_E_USAGE);
    o.workdir = NULL;
    stop[3] = 'X';
    assert_err(spec_from_config(ID, &config, &o, &s, &err), IMGC_E_DOCUMENT);
}

static bool has_word(char *const *list, const char *word)
{
    while (*list && strcmp(*list, word) != 0) {
        list++;
    }
    return *list != NULL;
}

static void test_systemd(void **state)
{
    static const struct {
        const char *command;
        enum spec_systemd mode;
        bool want;
    } cases[] = {
        { "/sbin/init", SPEC_SYSTEMD_TRUE, true },
        { "/usr/sbin/init", SPEC_SYSTEMD_TRUE, true },
        { "/usr/local/sbin/init", SPEC_SYSTEMD_TRUE, true },
        { "/lib/systemd/systemd", SPEC_SYSTEMD_TRUE, true },
        { "systemd", SPEC_SYSTEMD_TRUE, true },
        { "init", SPEC_SYSTEMD_TRUE, false },
        { "/bin/notsystemd", SPEC_SYSTEMD_TRUE, false },
        { "/bin/systemd-run", SPEC_SYSTEMD_TRUE, false },
        { "/sbin/init", SPEC_SYSTEMD_FALSE, false },
        { "sh", SPEC_SYSTEMD_ALWAYS, true },
    };
    static char stop[] = "SIGUSR2";
    struct image_config config = CONFIG_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const words[] = { cases[i].command, NULL };
        struct spec_options o = { .args = words, .systemd = cases[i].mode };
        spec_auto struct spec s = SPEC_INIT;
        struct imgc_err err;

        assert_ok(spec_from_config(ID, NULL, &o, &s, &err), err);
        assert_int_equal(s.isolation.systemd, cases[i].want);
        assert_int_equal(s.stop_signal, cases[i].want ? SIGRTMIN + 3 : SIGTERM);
        assert_int_equal(has_word(s.env, "container=imgc"), cases[i].want);
        spec_done(&s);
        config.stop_signal = stop; /* the image knows better */
        assert_ok(spec_from_config(ID, &config, &o, &s, &err), err);
        assert_int_equal(s.stop_signal, SIGUSR2);
    }
}

static void test_signals(void **state)
{
    static const struct {
        const char *text;
        int want; /* 0: none */
    } cases[] = {
        { "SIGTERM", SIGTERM },
        { "TERM", SIGTERM },
        { "term", SIGTERM },
        { "sigHup", SIGHUP },
        { "15", 15 },
        { "1", 1 },
        { "KILL", SIGKILL },
        { "WINCH", SIGWINCH },
        { "SIGRTMIN", 0 },
        { "RTMIN+3", 0 },
        { "RTMAX-1", 0 },
        { "0", 0 },
        { "65", 0 },
        { "-1", 0 },
        { "", 0 },
        { "SIG", 0 },
        { "TERMX", 0 },
        { "RTMIN-1", 0 },
        { "RTMIN+99", 0 },
        { "15 ", 0 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int got = 0, want = cases[i].want;
        if (strcmp(cases[i].text, "SIGRTMIN") == 0) {
            want = SIGRTMIN;
        } else if (strcmp(cases[i].text, "RTMIN+3") == 0) {
            want = SIGRTMIN + 3;
        } else if (strcmp(cases[i].text, "RTMAX-1") == 0) {
            want = SIGRTMAX - 1;
        }
        assert_int_equal(spec_parse_signal(imgc_str_of(cases[i].text), &got), want != 0);
        assert_int_equal(got, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_argv),       cmocka_unit_test(test_env),
        cmocka_unit_test(test_env_limits), cmocka_unit_test(test_image_volumes),
        cmocka_unit_test(test_rest),       cmocka_unit_test(test_signals),
        cmocka_unit_test(test_systemd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
