/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_limits.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cmd/units.h"
#include "runtime/cgroup_limits.h"

#define CPUS_MIN 0.01 /* the kernel's least quota is 1 ms per period */
#define CPUS_MAX 8192.0
#define RULE_BYTES 96 /* "MAJOR:MINOR KEY=N": three numbers of at most 20 digits */

static int bad_value(const char *option, const char *text, const char *why, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_USAGE, "--%s '%s': %s", option, text, why);
}

static int parse_bytes(const char *option, const char *text, bool minus_one, int64_t *ret,
                       struct imgc_err *reterr)
{
    if (!text) {
        return 0;
    }
    if (minus_one && strcmp(text, "-1") == 0) {
        *ret = -1;
        return 0;
    }
    if (!units_ram_in_bytes(imgc_str_of(text), ret) || *ret < 0) { /* docker: 0 is no limit */
        return bad_value(option, text, "not a size such as 64m or 1g", reterr);
    }
    return 0;
}

/* @max  inclusive */
static int parse_number(const char *option, const char *text, uint64_t max, uint64_t *ret,
                        struct imgc_err *reterr)
{
    uint64_t n;

    if (!text) {
        return 0;
    }
    if (!imgc_str_u64(imgc_str_of(text), &n) || n > max) {
        return bad_value(option, text, "not a number that it may be", reterr);
    }
    *ret = n;
    return 0;
}

static int parse_memory(const struct run_limits *o, struct spec_limits *ret,
                        struct imgc_err *reterr)
{
    int64_t memory = (int64_t)ret->memory_bytes;
    int64_t reservation = (int64_t)ret->memory_reservation_bytes;

    int r = parse_bytes("memory", o->memory, false, &memory, reterr);
    r = r < 0 ? r
              : parse_bytes("memory-swap", o->memory_swap, true, &ret->memory_swap_bytes, reterr);
    r = r < 0
            ? r
            : parse_bytes("memory-reservation", o->memory_reservation, false, &reservation, reterr);
    if (r < 0) {
        return r;
    }
    if (memory == 0 && !o->memory_swap) {
        ret->memory_swap_bytes = 0; /* no limit any more, with all that belongs to it */
    }
    ret->memory_bytes = (uint64_t)memory;
    ret->memory_reservation_bytes = (uint64_t)reservation;
    if (ret->memory_swap_bytes != 0 && memory == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--memory-swap needs --memory");
    }
    if (ret->memory_swap_bytes > 0 && ret->memory_swap_bytes < memory) {
        return o->memory_swap
                   ? bad_value("memory-swap", o->memory_swap, "less than --memory (it includes it)",
                               reterr)
                   : bad_value("memory", o->memory,
                               "more than memory and swap together; change --memory-swap too",
                               reterr);
    }
    if (reservation > 0 && memory > 0 && reservation > memory) {
        return bad_value(o->memory_reservation ? "memory-reservation" : "memory",
                         o->memory_reservation ? o->memory_reservation : o->memory,
                         "the reservation is above the limit", reterr);
    }
    return 0;
}

static int parse_swappiness(const struct run_limits *o, struct spec_limits *ret,
                            struct imgc_err *reterr)
{
    uint64_t n;

    if (!o->swappiness || strcmp(o->swappiness, "-1") == 0) { /* docker's and podman's default */
        return 0;
    }
    if (!imgc_str_u64(imgc_str_of(o->swappiness), &n) || n > CGROUP_LIMITS_SWAPPINESS_MAX) {
        return bad_value("memory-swappiness", o->swappiness, "0 to 100 are allowed", reterr);
    }
    ret->swappiness_and_one = (uint32_t)n + 1;
    return 0;
}

static int parse_cpus(const char *text, struct spec_limits *ret, struct imgc_err *reterr)
{
    char *end = NULL;

    if (!text) {
        return 0;
    }
    ret->cpu_period_us = 0;
    ret->cpu_quota_us = 0;
    if (strcmp(text, "0") == 0) { /* docker: no limit */
        return 0;
    }
    errno = 0;
    double cpus = strtod(text, &end);
    if (errno || end == text || *end != '\0' || !isfinite(cpus) || cpus < CPUS_MIN ||
        cpus > CPUS_MAX) {
        return bad_value("cpus", text, "not a number of cores such as 0.5 (at least 0.01)", reterr);
    }
    ret->cpu_quota_us = (uint64_t)(cpus * CGROUP_LIMITS_PERIOD_US + 0.5);
    return 0;
}

static int parse_period(const struct run_limits *o, struct spec_limits *ret,
                        struct imgc_err *reterr)
{
    int r = parse_number("cpu-period", o->cpu_period, INT64_MAX, &ret->cpu_period_us, reterr);

    if (r < 0) {
        return r;
    }
    if (o->cpu_period && ret->cpu_period_us > 0 &&
        (ret->cpu_period_us < CGROUP_LIMITS_QUOTA_MIN_US ||
         ret->cpu_period_us > CGROUP_LIMITS_PERIOD_MAX_US)) {
        return bad_value("cpu-period", o->cpu_period, "1000 to 1000000 are allowed", reterr);
    }
    if (o->cpu_quota && strcmp(o->cpu_quota, "-1") == 0) {
        ret->cpu_quota_us = 0;
        return 0;
    }
    r = parse_number("cpu-quota", o->cpu_quota, INT64_MAX, &ret->cpu_quota_us, reterr);
    if (r == 0 && o->cpu_quota && ret->cpu_quota_us > 0 &&
        ret->cpu_quota_us < CGROUP_LIMITS_QUOTA_MIN_US) {
        return bad_value("cpu-quota", o->cpu_quota, "the minimum is 1000", reterr);
    }
    return r;
}

static int replace_word(const char *option, const char *text, char **field, struct imgc_err *reterr)
{
    if (!text) {
        return 0;
    }
    free(*field);
    *field = NULL;
    int r = *text ? imgc_str_dup(imgc_str_of(text), field, reterr) : 0;
    struct spec_limits one = { .cpuset_cpus = *field };
    if (r == 0 && cgroup_limits_check(&one, reterr) < 0) {
        return bad_value(option, text, "not a list such as 0-3,7", reterr);
    }
    return r;
}

static int parse_cpu(const struct run_limits *o, struct spec_limits *ret, struct imgc_err *reterr)
{
    if (o->cpus && (o->cpu_quota || o->cpu_period)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--cpus is another way to say --cpu-quota and --cpu-period: give one of "
                         "them");
    }
    int r = parse_cpus(o->cpus, ret, reterr);
    r = r < 0 ? r : parse_period(o, ret, reterr);
    r = r < 0 ? r : parse_number("cpu-shares", o->cpu_shares, INT64_MAX, &ret->cpu_shares, reterr);
    if (r < 0) {
        return r;
    }
    if (ret->cpu_shares > CGROUP_LIMITS_SHARES_MAX) { /* as the kernel does */
        ret->cpu_shares = CGROUP_LIMITS_SHARES_MAX;
    }
    r = replace_word("cpuset-cpus", o->cpuset_cpus, &ret->cpuset_cpus, reterr);
    return r < 0 ? r : replace_word("cpuset-mems", o->cpuset_mems, &ret->cpuset_mems, reterr);
}

static int parse_pids(const char *text, int64_t *ret, struct imgc_err *reterr)
{
    uint64_t n;

    if (!text) {
        return 0;
    }
    if (strcmp(text, "-1") == 0) {
        *ret = -1;
        return 0;
    }
    if (!imgc_str_u64(imgc_str_of(text), &n) || n > INT32_MAX) {
        return bad_value("pids-limit", text, "not a number of processes", reterr);
    }
    *ret = n == 0 ? -1 : (int64_t)n; /* docker: 0 is no limit */
    return 0;
}

static int parse_weight(const char *text, uint32_t *ret, struct imgc_err *reterr)
{
    uint64_t n = 0;

    if (!text) {
        return 0;
    }
    if (!imgc_str_u64(imgc_str_of(text), &n) || n > CGROUP_LIMITS_IO_WEIGHT_MAX ||
        (n > 0 && n < CGROUP_LIMITS_IO_WEIGHT_MIN)) {
        return bad_value("blkio-weight", text, "10 to 1000 are allowed", reterr);
    }
    *ret = (uint32_t)n;
    return 0;
}

/* One word more, and @words owns it. */
static int add_word(char ***words, const char *word, struct imgc_err *reterr)
{
    size_t n = 0;

    while (*words && (*words)[n]) {
        n++;
    }
    char **grown = reallocarray(*words, n + 2, sizeof *grown);
    if (!grown) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *words = grown;
    grown[n] = grown[n + 1] = NULL;
    return imgc_str_dup(imgc_str_of(word), &grown[n], reterr);
}

/* Forget the rule for the same device and kind. */
static void drop_rule(char **rules, const char *head)
{
    for (; rules && *rules; rules++) {
        if (strncmp(*rules, head, strlen(head)) != 0) {
            continue;
        }
        free(*rules);
        for (char **p = rules; *p; p++) {
            p[0] = p[1];
        }
        return;
    }
}

static int find_device(const char *option, const char *text, struct imgc_str path,
                       char ret[RULE_BYTES], struct imgc_err *reterr)
{
    imgc_autofree char *name = NULL;
    char sys[RULE_BYTES];
    struct stat st;

    int r = imgc_str_dup(path, &name, reterr);
    if (r < 0) {
        return r;
    }
    if (stat(name, &st) < 0) {
        return imgc_fail(reterr, errno == ENOENT ? IMGC_E_NOTFOUND : IMGC_E_USAGE,
                         "--%s '%s': there is no device '%s'", option, text, name);
    }
    if (!S_ISBLK(st.st_mode)) {
        return bad_value(option, text, "not a disk", reterr);
    }
    (void)snprintf(sys, sizeof sys, "/sys/dev/block/%u:%u/partition", major(st.st_rdev),
                   minor(st.st_rdev));
    if (access(sys, F_OK) == 0) {
        return bad_value(option, text, "a partition; only whole disks can be limited", reterr);
    }
    (void)snprintf(ret, RULE_BYTES, "%u:%u", major(st.st_rdev), minor(st.st_rdev));
    return 0;
}

/* "PATH:RATE" */
static int parse_device(const char *option, const char *key, const char *text,
                        struct spec_limits *limits, struct imgc_err *reterr)
{
    struct imgc_str path, number;
    char device[RULE_BYTES], head[RULE_BYTES * 2], rule[RULE_BYTES * 3];
    int64_t bytes = -1;
    uint64_t n = 0;

    if (!imgc_str_rsplit(imgc_str_of(text), ':', &path, &number) || path.len == 0) {
        return bad_value(option, text, "not PATH:RATE such as /dev/sda:1m", reterr);
    }
    if (strstr(key, "bps")) {
        if (!units_ram_in_bytes(number, &bytes) || bytes < 0) {
            return bad_value(option, text, "not a size such as 1m after the path", reterr);
        }
        n = (uint64_t)bytes;
    } else if (!imgc_str_u64(number, &n) || n > UINT32_MAX) {
        return bad_value(option, text, "not a number of operations after the path", reterr);
    }
    int r = find_device(option, text, path, device, reterr);
    if (r < 0) {
        return r;
    }
    (void)snprintf(head, sizeof head, "%s %s=", device, key);
    (void)snprintf(rule, sizeof rule, "%s%llu", head, (unsigned long long)n);
    drop_rule(limits->io_max, head);
    return n > 0 ? add_word(&limits->io_max, rule, reterr) : 0;
}

static int parse_devices(const struct run_limits *o, struct spec_limits *ret,
                         struct imgc_err *reterr)
{
    const struct {
        const char *option, *key;
        const struct option_list *list;
    } kinds[] = {
        { "device-read-bps", "rbps", &o->read_bps },
        { "device-write-bps", "wbps", &o->write_bps },
        { "device-read-iops", "riops", &o->read_iops },
        { "device-write-iops", "wiops", &o->write_iops },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        for (size_t j = 0; j < kinds[i].list->n; j++) {
            int r =
                parse_device(kinds[i].option, kinds[i].key, kinds[i].list->items[j], ret, reterr);
            if (r < 0) {
                return r;
            }
        }
    }
    if (ret->io_max && !ret->io_max[0]) {
        ret->io_max = json_strings_free(ret->io_max);
    }
    return 0;
}

static int parse_conf(const struct run_limits *o, struct spec_limits *ret, struct imgc_err *reterr)
{
    for (size_t i = 0; i < o->cgroup_conf.n; i++) {
        int r = add_word(&ret->cgroup_conf, o->cgroup_conf.items[i], reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int run_limits_parse(const struct run_limits *o, struct spec_limits *ret, struct imgc_err *reterr)
{
    int r = parse_memory(o, ret, reterr);
    r = r < 0 ? r : parse_swappiness(o, ret, reterr);
    r = r < 0 ? r : parse_cpu(o, ret, reterr);
    r = r < 0 ? r : parse_pids(o->pids_limit, &ret->pids, reterr);
    r = r < 0 ? r : parse_weight(o->blkio_weight, &ret->io_weight, reterr);
    r = r < 0 ? r : parse_devices(o, ret, reterr);
    r = r < 0 ? r : parse_conf(o, ret, reterr);
    ret->oom_kill_disable = ret->oom_kill_disable || o->oom_kill_disable;
    return r < 0 ? r : cgroup_limits_check(ret, reterr);
}

int run_limits_parse_cgroups(const struct run_limits *o, bool *ret_disabled,
                             struct imgc_err *reterr)
{
    if (o->cgroups && strcmp(o->cgroups, "enabled") != 0 && strcmp(o->cgroups, "disabled") != 0) {
        return bad_value("cgroups", o->cgroups, "enabled or disabled", reterr);
    }
    *ret_disabled = o->cgroups && strcmp(o->cgroups, "disabled") == 0;
    return 0;
}

/* docker's list of {"Path", "Rate"}; the device's number is what is known of it. */
static json_t *rules_json(char *const *rules, const char *want)
{
    json_t *list = json_array();

    for (; rules && *rules; rules++) {
        struct imgc_str device, key;
        uint64_t rate;

        if (cgroup_limits_io_parse(imgc_str_of(*rules), &device, &key, &rate) &&
            imgc_str_eq(key, imgc_str_of(want))) {
            (void)json_array_append_new(list, json_pack("{s:s%, s:I}", "Path", device.ptr,
                                                        device.len, "Rate", (json_int_t)rate));
        }
    }
    return list;
}

json_t *run_limits_json(const struct spec_limits *l)
{
    return json_pack(
        "{s:I, s:I, s:I, s:o, s:b, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o}",
        "Memory", (json_int_t)l->memory_bytes, "MemorySwap",
        (json_int_t)(l->memory_bytes > 0 ? cgroup_limits_memory_and_swap(l) : 0),
        "MemoryReservation", (json_int_t)l->memory_reservation_bytes, "MemorySwappiness",
        l->swappiness_and_one > 0 ? json_integer((json_int_t)l->swappiness_and_one - 1)
                                  : json_null(),
        "OomKillDisable", l->oom_kill_disable, "CpuShares", (json_int_t)l->cpu_shares, "CpuPeriod",
        (json_int_t)l->cpu_period_us, "CpuQuota", (json_int_t)l->cpu_quota_us, "CpusetCpus",
        l->cpuset_cpus ? l->cpuset_cpus : "", "CpusetMems", l->cpuset_mems ? l->cpuset_mems : "",
        "PidsLimit", (json_int_t)l->pids, "BlkioWeight", (json_int_t)l->io_weight,
        "BlkioDeviceReadBps", rules_json(l->io_max, "rbps"), "BlkioDeviceWriteBps",
        rules_json(l->io_max, "wbps"), "BlkioDeviceReadIOps", rules_json(l->io_max, "riops"),
        "BlkioDeviceWriteIOps", rules_json(l->io_max, "wiops"));
}
