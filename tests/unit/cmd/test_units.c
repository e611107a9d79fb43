/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/data.h"
#include "tests/lib/unit.h"

#include <inttypes.h>

#include "cmd/units.h"

/* Calls @check for each row of a table of two columns. @return how many rows there were. */
static int each_row(const char *table, void (*check)(char *input, const char *want))
{
    char path[4096], *row[2], *line = NULL;
    size_t room = 0;
    int n = 0;

    if (!data_path(table, path, sizeof path)) {
        skip();
    }
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(data_row(f, &line, &room, row, 2)); /* the heading */
    for (; data_row(f, &line, &room, row, 2); n++) {
        check(row[0], row[1]);
    }
    free(line);
    (void)fclose(f);
    return n;
}

static void check_size(char *input, const char *want)
{
    char out[UNITS_TEXT_MAX];
    uint64_t bytes;

    if (!imgc_str_u64(imgc_str_of(input), &bytes)) {
        /* The peer takes a float; ours is an uint64_t, which this row exceeds. */
        assert_string_equal(input, "1000000000000000000000");
        return;
    }
    assert_string_equal(units_human_size(bytes, out), want);
}

static void test_size_table(void **state)
{
    (void)state;
    assert_true(each_row("truth/units-human-size.tsv", check_size) >= 32);
}

static void check_duration(char *input, const char *want)
{
    char out[UNITS_TEXT_MAX];
    assert_string_equal(units_human_duration(strtoll(input, NULL, 10), out), want);
}

static void test_duration_table(void **state)
{
    (void)state;
    assert_true(each_row("truth/units-human-duration.tsv", check_duration) >= 43);
}

static void check_ram(char *input, const char *want)
{
    int64_t bytes = -1;
    char text[32] = "refused";
    bool ok = units_ram_in_bytes(imgc_str_of(data_unquote(input)), &bytes);

    if (ok) {
        (void)snprintf(text, sizeof text, "%" PRId64, bytes);
    }
    /* Where the peer's number overflows to a negative one, ours is right or refused. */
    if (strcmp(input, "9223372036854775807") == 0) {
        want = input;
    } else if (want[0] == '-' || strncmp(want, "ERR", 3) == 0) {
        want = "refused";
    }
    if (strcmp(text, want) != 0) {
        fail_msg("'%s': %s, should be %s", input, text, want);
    }
}

static void test_ram_table(void **state)
{
    (void)state;
    assert_true(each_row("truth/units-ram-in-bytes.tsv", check_ram) >= 41);
}

/* docker's BytesSize() and HumanSizeWithPrecision(3). */
static void test_other_sizes(void **state)
{
    char out[UNITS_TEXT_MAX];
    (void)state;

    assert_string_equal(units_binary_size(0, out), "0B");
    assert_string_equal(units_binary_size(1023, out), "1023B");
    assert_string_equal(units_binary_size(1024, out), "1KiB");
    assert_string_equal(units_binary_size(134217728, out), "128MiB");
    assert_string_equal(units_binary_size(25276174336, out), "23.54GiB");
    assert_string_equal(units_binary_size(UINT64_MAX, out), "16EiB");
    assert_string_equal(units_short_size(0, out), "0B");
    assert_string_equal(units_short_size(1234, out), "1.23kB");
    assert_string_equal(units_short_size(21000000, out), "21MB");
}

static void test_edges(void **state)
{
    char out[UNITS_TEXT_MAX];
    int64_t n;
    (void)state;

    assert_string_equal(units_human_size(UINT64_MAX, out), "18.45EB");
    assert_string_equal(units_human_size(1090000000, out), "1.09GB");
    assert_string_equal(units_human_duration(-5, out), "Less than a second");
    assert_string_equal(units_human_duration(INT64_MAX, out), "292471208677 years");
    assert_true(units_ram_in_bytes(IMGC_STR("1.5GiB"), &n));
    assert_true(n == INT64_C(1610612736));
    assert_false(units_ram_in_bytes(IMGC_STR("9000p"), &n));
    assert_false(units_ram_in_bytes(IMGC_STR("99999999999999999999"), &n));
}

static void test_parse_duration(void **state)
{
    static const struct {
        const char *text;
        bool want;
        int64_t ns;
    } cases[] = {
        { "0", true, 0 },
        { "24h", true, INT64_C(86400000000000) },
        { "1h30m", true, INT64_C(5400000000000) },
        { "1.5s", true, 1500000000 },
        { "-1.5s", true, -1500000000 },
        { "+10ms", true, 10000000 },
        { "3us", true, 3000 },
        { "3\xc2\xb5s", true, 3000 },
        { "1ns2us", true, 2001 },
        { "2m1h", true, INT64_C(3720000000000) },
        { "", false, 0 },
        { "-", false, 0 },
        { "1", false, 0 },
        { "h", false, 0 },
        { "1d", false, 0 },
        { "1h ", false, 0 },
        { "1h-1m", false, 0 },
        { "--1h", false, 0 },
        { "1e3s", false, 0 },
        { "9999999999h", false, 0 },
        { "2562047h60m", false, 0 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ns = 0;
        bool ok = units_parse_duration(imgc_str_of(cases[i].text), &ns);
        if (ok != cases[i].want || (ok && ns != cases[i].ns)) {
            fail_msg("'%s': %d, %lld", cases[i].text, ok, (long long)ns);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_table), cmocka_unit_test(test_duration_table),
        cmocka_unit_test(test_ram_table),  cmocka_unit_test(test_other_sizes),
        cmocka_unit_test(test_edges),      cmocka_unit_test(test_parse_duration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
