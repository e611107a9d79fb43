/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/top_columns.h"

#include "tests/lib/unit.h"

static void writes_durations_as_go(void **state)
{
    static const struct {
        uint64_t hundredths;
        const char *want;
    } cases[] = {
        { 0, "0s" },          { 1, "10ms" },           { 99, "990ms" },  { 100, "1s" },
        { 150, "1.5s" },      { 105, "1.05s" },        { 6000, "1m0s" }, { 9050, "1m30.5s" },
        { 360000, "1h0m0s" }, { 366101, "1h1m1.01s" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(64);
        top_columns_duration(cases[i].hundredths, &b);
        assert_string_equal(b.ptr, cases[i].want);
    }
}

static void reads_columns_and_options_of_ps(void **state)
{
    static const struct {
        const char *words[4];
        const char *want; /* titles; NULL: refused */
    } cases[] = {
        { { NULL }, "USER|PID|PPID|%CPU|ELAPSED|TTY|TIME|COMMAND" },
        { { "pid", "user,args" }, "PID|USER|COMMAND" },
        { { "%C", "%p" }, "%CPU|PID" },
        { { "user" }, "USER" },
        { { "-ef" }, "UID|PID|PPID|C|STIME|TTY|TIME|CMD" },
        { { "-e" }, "PID|TTY|TIME|CMD" },
        { { "aux" }, "USER|PID|%CPU|%MEM|VSZ|RSS|TTY|STAT|START|TIME|COMMAND" },
        { { "ax" }, "PID|TTY|STAT|TIME|COMMAND" },
        { { "-o", "pid,user" }, "PID|USER" },
        { { "-eo", "pid", "-ocomm" }, "PID|COMMAND" },
        { { "-o", "user=WHO" }, "WHO" },
        { { "-o", "pid,user=WHO,IT" }, "PID|WHO,IT" },
        { { "-o", "pid=" }, "" },
        { { "axo", "pid comm" }, "PID|COMMAND" },
        { { "nonsense" }, NULL },
        { { "" }, NULL },
        { { "pid", "" }, NULL },
        { { "-o" }, NULL },
        { { "-o", "" }, NULL },
        { { "-o", "huser" }, NULL },
        { { "-p", "1" }, NULL },
        { { "pid", "-o", "pid" }, NULL },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1024);
        struct top_columns c;
        struct imgc_err err;

        int r = top_columns_parse(cases[i].words, &c, &err);
        assert_int_equal(r, cases[i].want ? 0 : -IMGC_E_USAGE);
        for (size_t j = 0; r == 0 && j < c.n; j++) {
            imgc_buf_printf(&b, "%s%s", j > 0 ? "|" : "", c.items[j].title);
        }
        if (r == 0) {
            assert_string_equal(b.ptr, cases[i].want);
        }
    }
}

static void refuses_more_columns_than_a_table_has(void **state)
{
    char many[4 * (TABLE_COLUMNS_MAX + 1) + 1] = "";
    struct top_columns c;
    struct imgc_err err;
    (void)state;

    for (size_t i = 0; i <= TABLE_COLUMNS_MAX; i++) {
        strcat(many, "pid,"); /* NOLINT: as large as it has to be */
    }
    assert_int_equal(top_columns_parse((const char *[]){ many, NULL }, &c, &err), -IMGC_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_durations_as_go),
        cmocka_unit_test(reads_columns_and_options_of_ps),
        cmocka_unit_test(refuses_more_columns_than_a_table_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
