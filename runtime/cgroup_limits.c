/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_limits.h"

#include <stdarg.h>
#include <stdio.h>

#include "runtime/cgroup_cpuset.h"
#include "runtime/cgroup_host.h"

#define LOG2_10 3.321928094887362
#define WARNING_BYTES 512

static int check_memory(const struct spec_limits *limits, struct imgc_err *reterr)
{
    if (limits->memory_bytes > INT64_MAX / 2) { /* so that twice as much still fits */
        return imgc_fail(reterr, IMGC_E_USAGE, "memory limit of %llu bytes: too large",
                         (unsigned long long)limits->memory_bytes);
    }
    if (limits->memory_bytes > 0 && limits->memory_bytes < CGROUP_LIMITS_MEMORY_MIN) {
        return imgc_fail(reterr, IMGC_E_USAGE, "memory limit of %llu bytes: the minimum is 6 MiB",
                         (unsigned long long)limits->memory_bytes);
    }
    if (limits->memory_swap_bytes > 0 && limits->memory_bytes == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "a limit of memory and swap needs a limit of memory (--memory) as well");
    }
    if (limits->memory_swap_bytes < -1 ||
        (limits->memory_swap_bytes > 0 &&
         (uint64_t)limits->memory_swap_bytes < limits->memory_bytes)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "the limit of memory and swap together (%lld bytes) is below that of "
                         "memory alone (%llu)",
                         (long long)limits->memory_swap_bytes,
                         (unsigned long long)limits->memory_bytes);
    }
    if (limits->memory_reservation_bytes > INT64_MAX ||
        (limits->memory_reservation_bytes > 0 &&
         limits->memory_reservation_bytes < CGROUP_LIMITS_MEMORY_MIN)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "memory reservation of %llu bytes: the minimum is 6 MiB",
                         (unsigned long long)limits->memory_reservation_bytes);
    }
    if (limits->memory_bytes > 0 && limits->memory_reservation_bytes > limits->memory_bytes) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "the memory reservation (%llu bytes) is above the limit (%llu)",
                         (unsigned long long)limits->memory_reservation_bytes,
                         (unsigned long long)limits->memory_bytes);
    }
    if (limits->swappiness_and_one > CGROUP_LIMITS_SWAPPINESS_MAX + 1) {
        return imgc_fail(reterr, IMGC_E_USAGE, "swappiness goes from 0 to 100");
    }
    return 0;
}

static int check_cpu(const struct spec_limits *limits, struct imgc_err *reterr)
{
    uint64_t period_us = cgroup_limits_period_us(limits);

    if (period_us < CGROUP_LIMITS_QUOTA_MIN_US || period_us > CGROUP_LIMITS_PERIOD_MAX_US) {
        return imgc_fail(reterr, IMGC_E_USAGE, "CPU period of %llu us: 1000 to 1000000 are allowed",
                         (unsigned long long)period_us);
    }
    if (limits->cpu_quota_us > 0 && limits->cpu_quota_us < CGROUP_LIMITS_QUOTA_MIN_US) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "CPU limit too small: the minimum is 1000 us in a period of %llu us (%g)",
                         (unsigned long long)period_us,
                         (double)CGROUP_LIMITS_QUOTA_MIN_US / (double)period_us);
    }
    if (limits->cpu_quota_us > INT64_MAX) {
        return imgc_fail(reterr, IMGC_E_USAGE, "CPU limit too large");
    }
    return 0;
}

static int check_cpuset(const char *list, const char *what, struct imgc_err *reterr)
{
    struct cgroup_cpuset ignored;

    return !list || cgroup_cpuset_parse(imgc_str_of(list), &ignored)
               ? 0
               : imgc_fail(reterr, IMGC_E_USAGE, "'%s' is no list of %s such as 0-3,7", list, what);
}

static int check_io(const struct spec_limits *limits, struct imgc_err *reterr)
{
    struct imgc_str device, key;
    uint64_t rate;

    if (limits->io_weight > 0 && (limits->io_weight < CGROUP_LIMITS_IO_WEIGHT_MIN ||
                                  limits->io_weight > CGROUP_LIMITS_IO_WEIGHT_MAX)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "block I/O weight %u: 10 to 1000 are allowed",
                         limits->io_weight);
    }
    for (size_t i = 0; limits->io_max && limits->io_max[i]; i++) {
        if (!cgroup_limits_io_parse(imgc_str_of(limits->io_max[i]), &device, &key, &rate)) {
            return imgc_fail(reterr, IMGC_E_USAGE, "'%s' is no limit of a device",
                             limits->io_max[i]);
        }
    }
    return 0;
}

/* Limits only: not the files by which the kernel, or we, handle the cgroup itself. */
static int check_conf(const char *conf, struct imgc_err *reterr)
{
    struct imgc_str file, value;

    if (!imgc_str_split(imgc_str_of(conf), '=', &file, &value) ||
        imgc_str_find(file, '.') == file.len || imgc_str_find(file, '/') < file.len ||
        imgc_str_starts(file, IMGC_STR(".")) || imgc_str_starts(file, IMGC_STR("cgroup."))) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "'%s' is no setting of a cgroup such as memory.high=64M", conf);
    }
    return 0;
}

int cgroup_limits_check(const struct spec_limits *limits, struct imgc_err *reterr)
{
    int r = check_memory(limits, reterr);
    r = r < 0 ? r : check_cpu(limits, reterr);
    r = r < 0 ? r : check_cpuset(limits->cpuset_cpus, "processors", reterr);
    r = r < 0 ? r : check_cpuset(limits->cpuset_mems, "memory nodes", reterr);
    r = r < 0 ? r : check_io(limits, reterr);
    for (size_t i = 0; r == 0 && limits->cgroup_conf && limits->cgroup_conf[i]; i++) {
        r = check_conf(limits->cgroup_conf[i], reterr);
    }
    if (r == 0 && limits->pids < -1) {
        return imgc_fail(reterr, IMGC_E_USAGE, "limit of %lld processes: use -1 for none",
                         (long long)limits->pids);
    }
    return r;
}

static unsigned conf_controllers(char *const *conf)
{
    unsigned bits = 0;

    for (; conf && *conf; conf++) {
        struct imgc_str name, rest;
        if (imgc_str_split(imgc_str_of(*conf), '.', &name, &rest)) {
            bits |= cgroup_host_controllers(name, ' ');
        }
    }
    return bits;
}

/* Not of @limits.pids below 0, and so on: a limit that is none needs no controller. */
unsigned cgroup_limits_controllers(const struct spec_limits *limits)
{
    bool memory = limits->memory_bytes > 0 || limits->memory_reservation_bytes > 0 ||
                  limits->swappiness_and_one > 0 || limits->oom_kill_disable;
    bool cpu = limits->cpu_quota_us > 0 || limits->cpu_period_us > 0 || limits->cpu_shares > 0;

    return (memory ? CGROUP_HOST_MEMORY : 0) | (cpu ? CGROUP_HOST_CPU : 0) |
           (limits->cpuset_cpus || limits->cpuset_mems ? CGROUP_HOST_CPUSET : 0) |
           (limits->io_weight > 0 || limits->io_max ? CGROUP_HOST_IO : 0) |
           (limits->pids > 0 ? CGROUP_HOST_PIDS : 0) | conf_controllers(limits->cgroup_conf);
}

bool cgroup_limits_same_word(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

bool cgroup_limits_same_words(char *const *a, char *const *b)
{
    for (; a && b && *a && *b; a++, b++) {
        if (strcmp(*a, *b) != 0) {
            return false;
        }
    }
    return !(a && *a) && !(b && *b);
}

unsigned cgroup_limits_changed(const struct cgroup_limits_change *change)
{
    const struct spec_limits *a = change->from, *b = change->to;
    bool memory = a->memory_bytes != b->memory_bytes ||
                  a->memory_swap_bytes != b->memory_swap_bytes ||
                  a->memory_reservation_bytes != b->memory_reservation_bytes ||
                  a->swappiness_and_one != b->swappiness_and_one ||
                  a->oom_kill_disable != b->oom_kill_disable;
    bool cpu = a->cpu_quota_us != b->cpu_quota_us || a->cpu_period_us != b->cpu_period_us ||
               a->cpu_shares != b->cpu_shares;
    bool cpuset = !cgroup_limits_same_word(a->cpuset_cpus, b->cpuset_cpus) ||
                  !cgroup_limits_same_word(a->cpuset_mems, b->cpuset_mems);
    bool io = a->io_weight != b->io_weight || !cgroup_limits_same_words(a->io_max, b->io_max);
    bool conf = !cgroup_limits_same_words(a->cgroup_conf, b->cgroup_conf);

    return (memory ? CGROUP_HOST_MEMORY : 0) | (cpu ? CGROUP_HOST_CPU : 0) |
           (cpuset ? CGROUP_HOST_CPUSET : 0) | (io ? CGROUP_HOST_IO : 0) |
           (a->pids != b->pids ? CGROUP_HOST_PIDS : 0) |
           (conf ? conf_controllers(b->cgroup_conf) : 0);
}

int64_t cgroup_limits_memory_and_swap(const struct spec_limits *limits)
{
    if (limits->memory_bytes == 0) {
        return -1;
    }
    return limits->memory_swap_bytes != 0 ? limits->memory_swap_bytes
                                          : (int64_t)limits->memory_bytes * 2;
}

uint64_t cgroup_limits_period_us(const struct spec_limits *limits)
{
    return limits->cpu_period_us > 0 ? limits->cpu_period_us : CGROUP_LIMITS_PERIOD_US;
}

/* Binary logarithm of x >= 1, a bit of the fraction for each squaring: libm, which has one, would
 * be loaded each time that imgc starts. */
static double log2_of(double x)
{
    double result = 0, bit = 1;

    while (x >= 2) {
        x /= 2;
        result += 1;
    }
    for (int i = 0; i < 50; i++) {
        bit /= 2;
        x *= x;
        if (x >= 2) {
            x /= 2;
            result += bit;
        }
    }
    return result;
}

uint64_t cgroup_limits_weight(uint64_t shares)
{
    uint64_t low = 1, high = 10000;

    if (shares == 0) {
        shares = CGROUP_LIMITS_SHARES;
    }
    if (shares <= CGROUP_LIMITS_SHARES_MIN) {
        return low;
    }
    if (shares >= CGROUP_LIMITS_SHARES_MAX) {
        return high;
    }
    double l = log2_of((double)shares);
    /* The weight's decimal logarithm; the least whole weight that has as much is looked for. */
    double exponent = (l * l + 125 * l) / 612 - 7.0 / 34;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (log2_of((double)middle) >= exponent * LOG2_10 - 1e-9) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

uint64_t cgroup_limits_io_weight(uint32_t weight)
{
    return weight == 0 ? 100 : 1 + (uint64_t)(weight - CGROUP_LIMITS_IO_WEIGHT_MIN) * 9999 / 990;
}

bool cgroup_limits_io_parse(struct imgc_str text, struct imgc_str *ret_device,
                            struct imgc_str *ret_key, uint64_t *ret_rate)
{
    static const char *const keys[] = { "rbps", "wbps", "riops", "wiops" };
    struct imgc_str rest, number, major, minor;
    uint64_t n;

    if (!imgc_str_split(text, ' ', ret_device, &rest) ||
        !imgc_str_split(*ret_device, ':', &major, &minor) || !imgc_str_u64(major, &n) ||
        !imgc_str_u64(minor, &n) || !imgc_str_split(rest, '=', ret_key, &number) ||
        !imgc_str_u64(number, ret_rate) || *ret_rate == 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (imgc_str_eq(*ret_key, imgc_str_of(keys[i]))) {
            return true;
        }
    }
    return false;
}

void cgroup_limits_warn(const struct cgroup_limits_change *change, const char *fmt, ...)
{
    char text[WARNING_BYTES]; /* a longer one is cut */
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (change->warn) {
        change->warn(change->arg, text);
    }
}
