/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/clock.h"

#include <stdio.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)
#define SECONDS_PER_DAY INT64_C(86400)

static int64_t read_clock(clockid_t id)
{
    struct timespec ts = { 0, 0 };

    /* Cannot fail for the two clocks used here. */
    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t clock_now_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* Take exactly @digits decimal digits from the front of *s. */
static bool take_number(struct imgc_str *s, size_t digits, unsigned *ret)
{
    uint64_t v;

    if (s->len < digits || !imgc_str_u64(imgc_str_first(*s, digits), &v)) {
        return false;
    }
    *s = imgc_str_from(*s, digits);
    *ret = (unsigned)v; /* at most four digits */
    return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month == 2 && leap ? 29 : days[month - 1];
}

/* "YYYY-MM-DD" to days since 1970. */
static bool take_date(struct imgc_str *s, int64_t *ret_days)
{
    unsigned year, month, day;

    if (!take_number(s, 4, &year) || !imgc_str_skip(s, IMGC_STR("-")) ||
        !take_number(s, 2, &month) || !imgc_str_skip(s, IMGC_STR("-")) ||
        !take_number(s, 2, &day)) {
        return false;
    }
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
        return false;
    }
    struct tm tm = { .tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)day };
    *ret_days = (int64_t)timegm(&tm) / SECONDS_PER_DAY;
    return true;
}

/* "hh:mm:ss" to seconds of the day. A leap second counts as the second before it, as Unix time
 * has none. */
static bool take_time(struct imgc_str *s, int64_t *ret_seconds)
{
    unsigned hour, minute, second;

    if (!take_number(s, 2, &hour) || !imgc_str_skip(s, IMGC_STR(":")) ||
        !take_number(s, 2, &minute) || !imgc_str_skip(s, IMGC_STR(":")) ||
        !take_number(s, 2, &second)) {
        return false;
    }
    if (hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *ret_seconds = (int64_t)hour * 3600 + (int64_t)minute * 60 + (second > 59 ? 59 : second);
    return true;
}

/* ".digits" to ns; digits after the ninth are cut off. None at all is fine. */
static bool take_fraction(struct imgc_str *s, int64_t *ret_ns)
{
    int64_t ns = 0, unit = NS_PER_S / 10;
    size_t n = 0;

    *ret_ns = 0;
    if (!imgc_str_skip(s, IMGC_STR("."))) {
        return true;
    }
    for (; n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9'; n++) {
        ns += (s->ptr[n] - '0') * unit;
        unit /= 10;
    }
    *s = imgc_str_from(*s, n);
    *ret_ns = ns;
    return n > 0;
}

/* "Z" or "+hh:mm" to the seconds that local time is ahead of UTC; must fill all of @s. */
static bool read_offset(struct imgc_str s, int64_t *ret_seconds)
{
    unsigned hour, minute;

    if (imgc_str_eq_nocase(s, IMGC_STR("Z"))) {
        *ret_seconds = 0;
        return true;
    }
    bool west = imgc_str_skip(&s, IMGC_STR("-"));
    if ((!west && !imgc_str_skip(&s, IMGC_STR("+"))) || !take_number(&s, 2, &hour) ||
        !imgc_str_skip(&s, IMGC_STR(":")) || !take_number(&s, 2, &minute) || s.len != 0 ||
        hour > 23 || minute > 59) {
        return false;
    }
    int64_t seconds = (int64_t)hour * 3600 + (int64_t)minute * 60;
    *ret_seconds = west ? -seconds : seconds;
    return true;
}

bool clock_parse_rfc3339(struct imgc_str s, int64_t *ret_ns)
{
    int64_t days, seconds, ns, ahead, total;

    if (!take_date(&s, &days)) {
        return false;
    }
    if (!imgc_str_skip(&s, IMGC_STR("T")) && !imgc_str_skip(&s, IMGC_STR("t"))) {
        return false;
    }
    if (!take_time(&s, &seconds) || !take_fraction(&s, &ns) || !read_offset(s, &ahead)) {
        return false;
    }
    /* The years that fit are 1677 to 2262. Go's zero time (year 1) is therefore not one. */
    if (__builtin_mul_overflow(days * SECONDS_PER_DAY + seconds - ahead, NS_PER_S, &total) ||
        __builtin_add_overflow(total, ns, &total)) {
        return false;
    }
    *ret_ns = total;
    return true;
}

const char *clock_rfc3339(int64_t ns, bool nanos, char out[CLOCK_TEXT_MAX])
{
    int64_t seconds = ns / NS_PER_S, fraction = ns % NS_PER_S;
    struct tm tm;

    if (fraction < 0) {
        fraction += NS_PER_S;
        seconds--;
    }
    time_t t = (time_t)seconds;
    (void)gmtime_r(&t, &tm);
    /* An int64_t of nanoseconds has four-digit years, so that 30 bytes hold the longest text. */
    size_t len = strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    if (nanos && fraction != 0) {
        len += (size_t)snprintf(out + len, CLOCK_TEXT_MAX - len, ".%09u", (unsigned)fraction);
        while (out[len - 1] == '0') {
            len--;
        }
    }
    out[len] = 'Z';
    out[len + 1] = '\0';
    return out;
}
