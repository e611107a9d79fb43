/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/units.h"

#include <stdio.h>

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define MONTH (30 * DAY)
#define YEAR (365 * DAY)

#define N_UNITS 7 /* up to 10^18, which no 64-bit number exceeds by three digits */

static const char *scaled(uint64_t bytes, double base, const char *const names[N_UNITS], int digits,
                          char out[UNITS_TEXT_MAX])
{
    double size = (double)bytes;
    size_t i = 0;

    while (size >= base && i + 1 < N_UNITS) {
        size /= base;
        i++;
    }
    /* Below the base, or below 18.5 EB: at most "999.9" or "1.024e+03" and three letters. */
    (void)snprintf(out, UNITS_TEXT_MAX, "%.*g%s", digits, size, names[i]);
    return out;
}

static const char *const decimal[N_UNITS] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };

const char *units_human_size(uint64_t bytes, char out[UNITS_TEXT_MAX])
{
    return scaled(bytes, 1000.0, decimal, 4, out);
}

const char *units_short_size(uint64_t bytes, char out[UNITS_TEXT_MAX])
{
    return scaled(bytes, 1000.0, decimal, 3, out);
}

const char *units_binary_size(uint64_t bytes, char out[UNITS_TEXT_MAX])
{
    static const char *const names[N_UNITS] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

    return scaled(bytes, 1024.0, names, 4, out);
}

/* The largest unit whose count is at least @least; as a table, since every row differs. */
struct duration_row {
    int64_t below; /* seconds */
    int64_t unit;  /* seconds; 0: the text stands alone */
    const char *text;
};

const char *units_human_duration(int64_t seconds, char out[UNITS_TEXT_MAX])
{
    static const struct duration_row rows[] = {
        { 1, 0, "Less than a second" }, { 2, 0, "1 second" },
        { MINUTE, 1, "seconds" },       { 2 * MINUTE, 0, "About a minute" },
        { HOUR, MINUTE, "minutes" },    { HOUR + HOUR / 2, 0, "About an hour" },
        { 2 * DAY, HOUR, "hours" },     { 2 * WEEK, DAY, "days" },
        { 2 * MONTH, WEEK, "weeks" },   { 2 * YEAR, MONTH, "months" },
        { INT64_MAX, YEAR, "years" },
    };
    const struct duration_row *row = rows;

    while (row->below != INT64_MAX && seconds >= row->below) {
        row++;
    }
    if (row->unit == 0) {
        (void)snprintf(out, UNITS_TEXT_MAX, "%s", row->text);
        return out;
    }
    /* Hours, and only they, are rounded to the nearest. */
    int64_t half = row->unit == HOUR ? HOUR / 2 : 0;
    (void)snprintf(out, UNITS_TEXT_MAX, "%lld %s", (long long)((seconds + half) / row->unit),
                   row->text);
    return out;
}

/* Take "12" or "12.5" from the front of *s; a dot needs digits on both sides. */
static bool take_decimal(struct imgc_str *s, uint64_t *ret_whole, double *ret_fraction)
{
    double fraction = 0, unit = 0.1;
    size_t n = 0;

    while (n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9') {
        n++;
    }
    if (!imgc_str_u64(imgc_str_first(*s, n), ret_whole)) {
        return false;
    }
    *s = imgc_str_from(*s, n);
    if (imgc_str_skip(s, IMGC_STR("."))) {
        for (n = 0; n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9'; n++) {
            fraction += unit * (s->ptr[n] - '0');
            unit /= 10;
        }
        *s = imgc_str_from(*s, n);
    }
    *ret_fraction = fraction;
    return n > 0;
}

/* (whole + fraction) * unit, cut to an integer. */
static bool scale(uint64_t whole, double fraction, int64_t unit, int64_t *ret)
{
    int64_t n;

    return whole <= INT64_MAX && !__builtin_mul_overflow((int64_t)whole, unit, &n) &&
           !__builtin_add_overflow(n, (int64_t)(fraction * (double)unit), ret);
}

/* "k", "kb", "kib" and so on, in either case; "" and "b" for bytes. */
static bool read_binary_unit(struct imgc_str s, int64_t *ret)
{
    static const char letters[] = "kmgtp";
    int64_t unit = 1;

    for (size_t i = 0; s.len > 0 && letters[i]; i++) {
        unit *= 1024;
        if ((s.ptr[0] | 0x20) == letters[i]) {
            s = imgc_str_from(s, 1);
            *ret = unit;
            return s.len == 0 || imgc_str_eq_nocase(s, IMGC_STR("b")) ||
                   imgc_str_eq_nocase(s, IMGC_STR("i")) || imgc_str_eq_nocase(s, IMGC_STR("ib"));
        }
    }
    *ret = 1;
    return s.len == 0 || imgc_str_eq_nocase(s, IMGC_STR("b"));
}

bool units_ram_in_bytes(struct imgc_str s, int64_t *ret)
{
    uint64_t whole;
    double fraction;
    int64_t unit;

    if (!take_decimal(&s, &whole, &fraction)) {
        return false;
    }
    (void)imgc_str_skip(&s, IMGC_STR(" "));
    return read_binary_unit(s, &unit) && scale(whole, fraction, unit, ret);
}

static bool take_time_unit(struct imgc_str *s, int64_t *ret_ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {
        /* "ms" before "m": the first that fits is taken. */
        { "ns", 1 },
        { "us", 1000 },
        { "\xc2\xb5s", 1000 }, /* micro sign */
        { "\xce\xbcs", 1000 }, /* Greek mu */
        { "ms", 1000000 },
        { "s", 1000000000 },
        { "m", INT64_C(60) * 1000000000 },
        { "h", INT64_C(3600) * 1000000000 },
    };

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (imgc_str_skip(s, imgc_str_of(units[i].name))) {
            *ret_ns = units[i].ns;
            return true;
        }
    }
    return false;
}

bool units_parse_duration(struct imgc_str s, int64_t *ret_ns)
{
    bool negative = imgc_str_skip(&s, IMGC_STR("-"));
    int64_t total = 0;

    if (!negative) {
        (void)imgc_str_skip(&s, IMGC_STR("+"));
    }
    if (imgc_str_eq(s, IMGC_STR("0"))) { /* the only number that needs no unit */
        *ret_ns = 0;
        return true;
    }
    if (s.len == 0) {
        return false;
    }
    while (s.len > 0) {
        uint64_t whole;
        double fraction;
        int64_t unit, part;

        if (!take_decimal(&s, &whole, &fraction) || !take_time_unit(&s, &unit) ||
            !scale(whole, fraction, unit, &part) || __builtin_add_overflow(total, part, &total)) {
            return false;
        }
    }
    *ret_ns = negative ? -total : total;
    return true;
}
