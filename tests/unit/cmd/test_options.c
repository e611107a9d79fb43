/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "cmd/options.h"
#include "cmd/suggest.h"

struct opts {
    bool all, tty, hard, insecure;
    const char *memory;
    struct option_list env;
    uint64_t pids;
};

static const struct option table[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct opts, all), NULL, "everything" },
    { 't', "tty", OPT_FLAG, offsetof(struct opts, tty), NULL, "a terminal" },
    { 0, "hard", OPT_FLAG, offsetof(struct opts, hard), NULL, NULL },
    { 'm', "memory", OPT_STRING, offsetof(struct opts, memory), "BYTES", "a limit" },
    { 'e', "env", OPT_LIST, offsetof(struct opts, env), "NAME", "a variable" },
    { 'V', "verify", OPT_NEGATED, offsetof(struct opts, insecure), NULL, NULL },
    { 0, "pids-limit", OPT_UINT, offsetof(struct opts, pids), "N", "a number" },
    { 0, NULL, OPT_FLAG, 0, NULL, NULL },
};

#define ARGV_MAX 10

static int parse(const char *const *words, bool stop_early, struct opts *out, struct args *args,
                 const char **argv, struct imgc_err *err)
{
    const struct options_args how = {
        .table = table, .out = out, .stop_early = stop_early, .command = "imgc x"
    };
    int argc = 0;

    argv[argc++] = "x";
    for (size_t i = 0; words[i]; i++) {
        argv[argc++] = words[i];
    }
    argv[argc] = NULL;
    *out = (struct opts){ .all = false };
    return options_parse(&how, argc, argv, args, err);
}

static void test_negated(void **state)
{
    static const struct {
        const char *words[3];
        bool insecure;
    } cases[] = {
        { { "x" }, false },
        { { "--verify", "x" }, false },
        { { "--verify=true" }, false },
        { { "--verify=false", "x" }, true },
        { { "-V=0" }, true },
        { { "--verify=false", "--verify" }, false },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct opts o;
        struct args args;
        struct imgc_err err;
        const char *argv[ARGV_MAX];

        assert_ok(parse(cases[i].words, false, &o, &args, argv, &err), err);
        assert_int_equal(o.insecure, cases[i].insecure);
        options_done(table, &o);
    }
}

static void test_values(void **state)
{
    static const struct {
        const char *words[6];
        bool all, tty;
        const char *memory;
        uint64_t pids;
        const char *rest; /* joined by blanks */
    } cases[] = {
        { { "-a", "one" }, true, false, NULL, 0, "one" },
        { { "-at", "one" }, true, true, NULL, 0, "one" },
        { { "one", "-a", "two" }, true, false, NULL, 0, "one two" },
        { { "--all=false", "-t" }, false, true, NULL, 0, "" },
        { { "-a=false" }, false, false, NULL, 0, "" },
        { { "-m64m", "x" }, false, false, "64m", 0, "x" },
        { { "-m=64m" }, false, false, "64m", 0, "" },
        { { "-tm", "64m" }, false, true, "64m", 0, "" },
        { { "--memory", "64m" }, false, false, "64m", 0, "" },
        { { "--memory=64m", "--memory=1g" }, false, false, "1g", 0, "" },
        { { "--memory=" }, false, false, "", 0, "" },
        { { "--memory", "-1" }, false, false, "-1", 0, "" },
        { { "--pids-limit", "20" }, false, false, NULL, 20, "" },
        { { "--", "-a", "--no" }, false, false, NULL, 0, "-a --no" },
        { { "-", "-a" }, true, false, NULL, 0, "-" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *argv[ARGV_MAX];
        char rest[64] = "";
        struct opts o;
        struct args args;
        struct imgc_err err;

        assert_ok(parse(cases[i].words, false, &o, &args, argv, &err), err);
        assert_int_equal(o.all, cases[i].all);
        assert_int_equal(o.tty, cases[i].tty);
        assert_int_equal(o.pids, cases[i].pids);
        if (cases[i].memory) {
            assert_string_equal(o.memory, cases[i].memory);
        } else {
            assert_null(o.memory);
        }
        for (size_t j = 0; j < args.n; j++) {
            (void)snprintf(rest + strlen(rest), sizeof rest - strlen(rest), "%s%s", j ? " " : "",
                           args.v[j]);
        }
        assert_string_equal(rest, cases[i].rest);
        assert_null(args.v[args.n]);
    }
}

static void test_stop_early(void **state)
{
    static const char *const words[] = { "-t", "debian", "ls", "-a", "--", "x", NULL };
    const char *argv[ARGV_MAX];
    struct opts o;
    struct args args;
    struct imgc_err err;
    (void)state;

    assert_ok(parse(words, true, &o, &args, argv, &err), err);
    assert_true(o.tty);
    assert_false(o.all);
    assert_int_equal(args.n, 5);
    assert_string_equal(args.v[0], "debian");
    assert_string_equal(args.v[2], "-a");
    assert_string_equal(args.v[3], "--");
    assert_null(args.v[5]);
}

static void test_lists(void **state)
{
    static const char *const words[] = { "-e", "A=1", "--env=B", "-eC=", NULL };
    const char *argv[ARGV_MAX];
    struct opts o;
    struct args args;
    struct imgc_err err;
    (void)state;

    assert_ok(parse(words, false, &o, &args, argv, &err), err);
    assert_int_equal(o.env.n, 3);
    assert_string_equal(o.env.items[0], "A=1");
    assert_string_equal(o.env.items[1], "B");
    assert_string_equal(o.env.items[2], "C=");
    assert_null(o.env.items[3]);
    options_done(table, &o);
    assert_null(o.env.items);
}

static void test_refused(void **state)
{
    static const struct {
        const char *words[4];
        const char *says; /* part of the message */
    } cases[] = {
        { { "--al" }, "unknown option '--al'" },
        { { "--memry=1" }, "did you mean '--memory'?" },
        { { "--pids" }, "did you mean '--pids-limit'?" },
        { { "--hardd" }, "unknown option '--hardd'" }, /* hidden ones are not suggested */
        { { "-z" }, "unknown option '-z'" },
        { { "-az" }, "'-z' in '-az'" },
        { { "--memory" }, "--memory needs a value" },
        { { "-m" }, "--memory needs a value" },
        { { "--pids-limit", "many" }, "needs a whole number, not 'many'" },
        { { "--pids-limit=-1" }, "needs a whole number" },
        { { "--all=maybe" }, "true or false, not 'maybe'" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *argv[ARGV_MAX];
        struct opts o;
        struct args args;
        struct imgc_err err;

        assert_err(parse(cases[i].words, false, &o, &args, argv, &err), IMGC_E_USAGE);
        if (!strstr(err.msg, cases[i].says) || strncmp(err.msg, "imgc x: ", 8) != 0) {
            fail_msg("'%s' does not say '%s'", err.msg, cases[i].says);
        }
        options_done(table, &o);
    }
}

static void test_help_is_an_outcome(void **state)
{
    static const char *const words[][3] = { { "--help" }, { "-h" }, { "-ah" }, { "x", "--help" } };
    (void)state;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *argv[ARGV_MAX];
        struct opts o;
        struct args args;
        struct imgc_err err;

        assert_int_equal(parse(words[i], false, &o, &args, argv, &err), OPTIONS_HELP);
    }
}

static void test_help_text(void **state)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1000);
    struct imgc_str s;
    struct imgc_err err;
    (void)state;

    options_help(table, &b);
    assert_ok(imgc_buf_finish(&b, &s, &err), err);
    assert_string_equal(s.ptr, "  -a, --all           everything\n"
                               "  -t, --tty           a terminal\n"
                               "  -m, --memory BYTES  a limit\n"
                               "  -e, --env NAME      a variable\n"
                               "      --pids-limit N  a number\n"
                               "  -h, --help          show this text\n");
}

static void test_distance(void **state)
{
    static const struct {
        const char *a, *b;
        size_t want;
    } cases[] = {
        { "", "", 0 },        { "abc", "abc", 0 }, { "abc", "acb", 1 }, { "images", "imgaes", 1 },
        { "pull", "pul", 1 }, { "run", "rum", 1 }, { "rm", "rmi", 1 },  { "kitten", "sitting", 3 },
        { "", "three", 5 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(suggest_distance(imgc_str_of(cases[i].a), imgc_str_of(cases[i].b)),
                         cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_negated),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_stop_early),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_help_text),
        cmocka_unit_test(test_help_is_an_outcome),
        cmocka_unit_test(test_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
