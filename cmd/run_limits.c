/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_limits.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "cmd/units.h"

#define CPU_PERIOD_US 100000.0
#define CPUS_MIN 0.01 /* the kernel's least quota is 1 ms per period */
#define CPUS_MAX 8192.0

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

static int parse_cpus(const char *text, uint64_t *ret_quota_us, struct imgc_err *reterr)
{
    char *end = NULL;

    if (!text) {
        return 0;
    }
    if (strcmp(text, "0") == 0) { /* docker: no limit */
        return 0;
    }
    errno = 0;
    double cpus = strtod(text, &end);
    if (errno || end == text || *end != '\0' || !isfinite(cpus) || cpus < CPUS_MIN ||
        cpus > CPUS_MAX) {
        return bad_value("cpus", text, "not a number of cores such as 0.5 (at least 0.01)", reterr);
    }
    *ret_quota_us = (uint64_t)(cpus * CPU_PERIOD_US + 0.5);
    return 0;
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

int run_limits_parse(const struct run_limits *o, struct spec_limits *ret, struct imgc_err *reterr)
{
    int64_t memory = 0;
    int r = parse_bytes("memory", o->memory, false, &memory, reterr);
    if (r < 0) {
        return r;
    }
    ret->memory_bytes = (uint64_t)memory;
    r = parse_bytes("memory-swap", o->memory_swap, true, &ret->memory_swap_bytes, reterr);
    if (r < 0) {
        return r;
    }
    if (ret->memory_swap_bytes != 0 && ret->memory_bytes == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--memory-swap needs --memory");
    }
    if (ret->memory_swap_bytes > 0 && (uint64_t)ret->memory_swap_bytes < ret->memory_bytes) {
        return bad_value("memory-swap", o->memory_swap, "less than --memory (it includes it)",
                         reterr);
    }
    r = parse_cpus(o->cpus, &ret->cpu_quota_us, reterr);
    if (r < 0) {
        return r;
    }
    return parse_pids(o->pids_limit, &ret->pids, reterr);
}
