/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <errno.h>

#include "cmd/output.h"

static void test_safe(void **state)
{
    char longer[301];
    static const struct {
        const char *in, *want;
    } cases[] = {
        { "debian:bookworm", "debian:bookworm" },
        { "\033[31mred", "\\x1B[31mred" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "a\nb", "a b" },
        { "", "" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1000);
        struct imgc_str s;
        struct imgc_err err;

        output_safe(&b, cases[i].in);
        assert_ok(imgc_buf_finish(&b, &s, &err), err);
        if (strcasecmp(s.ptr, cases[i].want) != 0) {
            fail_msg("'%s' for '%s'", s.ptr, cases[i].want);
        }
    }

    /* Pieces end between characters: no three-byte character is torn apart. */
    for (size_t i = 0; i < 100; i++) {
        memcpy(longer + 3 * i, "\xe2\x82\xac", 3);
    }
    longer[300] = '\0';
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(1000);
    output_safe(&b, longer);
    assert_string_equal(b.ptr, longer);
}

/* What @say printed to stderr at @level; the caller frees it. */
static char *said(enum log_level level, void (*say)(struct output *o))
{
    char *text = NULL;
    size_t size = 0;
    struct output o;

    output_init(&o, level);
    o.err = open_memstream(&text, &size);
    assert_non_null(o.err);
    say(&o);
    assert_int_equal(fclose(o.err), 0);
    return text;
}

static void say_all(struct output *o)
{
    output_warn(o, "w %s", "\033[0m");
    output_info(o, "i");
    output_debug(o, "d");
}

static void test_levels(void **state)
{
    static const struct {
        enum log_level level;
        const char *want;
    } cases[] = {
        { LOG_LEVEL_ERROR, "" },
        { LOG_LEVEL_WARN, "imgc: warning: w \\x1b[0m\n" },
        { LOG_LEVEL_INFO, "imgc: warning: w \\x1b[0m\nimgc: i\n" },
        { LOG_LEVEL_DEBUG, "imgc: warning: w \\x1b[0m\nimgc: i\nimgc: debug: d\n" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = said(cases[i].level, say_all);
        if (strcasecmp(text, cases[i].want) != 0) {
            fail_msg("'%s' for '%s'", text, cases[i].want);
        }
        free(text);
    }
}

static void say_error_with_remedy(struct output *o)
{
    struct imgc_err err;

    (void)imgc_fail(&err, IMGC_E_NOSPACE, "write layer");
    output_error(o, &err);
}

static void say_error_without(struct output *o)
{
    struct imgc_err err;

    (void)imgc_fail_sys(&err, EIO, "write layer");
    output_error(o, &err);
}

static void test_error_is_one_line(void **state)
{
    (void)state;

    char *text = said(LOG_LEVEL_ERROR, say_error_with_remedy);
    assert_string_equal(text,
                        "Error: write layer (free space, for example with 'imgc prune -a')\n");
    free(text);
    text = said(LOG_LEVEL_ERROR, say_error_without);
    assert_string_equal(text, "Error: write layer: Input/output error\n");
    free(text);
}

static void test_full_disk_is_seen(void **state)
{
    struct output o;
    struct imgc_err err;
    (void)state;

    output_init(&o, LOG_LEVEL_WARN);
    o.out = fopen("/dev/full", "w");
    if (!o.out) {
        skip(); /* no /dev/full here */
    }
    output_print(&o, "%s\n", "anything");
    assert_err(output_finish(&o, &err), IMGC_E_SYS);
    assert_int_equal(err.sys, ENOSPC);
    (void)fclose(o.out);
}

static void test_names(void **state)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        { "plain name", "plain name" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "a\nb\tc\\d", "a\\nb\\tc\\\\d" },
        { "\033[31m\xff", "\\x1b[31m\\xff" },
        { "\xc2\x9b", "\\xc2\\x9b" }, /* the C1 form of the same */
        { "", "" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int tty = 0; tty < 2; tty++) {
            char *text = NULL;
            size_t size = 0;
            struct output o;
            output_init(&o, LOG_LEVEL_WARN);
            o.out = open_memstream(&text, &size);
            o.out_is_tty = tty;
            output_name(&o, cases[i].in);
            assert_int_equal(fclose(o.out), 0);
            assert_string_equal(text, tty ? cases[i].want : cases[i].in);
            free(text);
        }
    }
}

static void test_long_name_is_whole(void **state)
{
    char longer[301], *text = NULL;
    size_t size = 0;
    struct output o;
    (void)state;

    for (size_t i = 0; i < 100; i++) {
        memcpy(longer + 3 * i, "\xe2\x82\xac", 3);
    }
    longer[300] = '\0';
    output_init(&o, LOG_LEVEL_WARN);
    o.out = open_memstream(&text, &size);
    o.out_is_tty = true;
    output_name(&o, longer);
    assert_int_equal(fclose(o.out), 0);
    assert_string_equal(text, longer);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safe),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_error_is_one_line),
        cmocka_unit_test(test_full_disk_is_seen),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_name_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
