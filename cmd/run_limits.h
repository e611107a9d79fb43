/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that limit what a container may use, shared by the commands that make or change one.
 *
 * Source: docker's and podman's manuals of run and update: spelling, units, what 0 and -1 mean.
 */
#ifndef IMGC_CMD_RUN_LIMITS_H
#define IMGC_CMD_RUN_LIMITS_H

#include "cmd/options.h"
#include "runtime/spec.h"

/* As typed; NULL where not given. */
struct run_limits {
    const char *memory, *memory_swap, *cpus, *pids_limit;
};

#define RUN_LIMITS_AT(base, field) ((base) + offsetof(struct run_limits, field))

/* Rows of a table of options whose struct has a struct run_limits at @base. */
/* clang-format off */
#define RUN_LIMITS_ROWS(base) \
    { 'm', "memory", OPT_STRING, RUN_LIMITS_AT(base, memory), "BYTES", \
      "memory limit (b, k, m, g)" }, \
    { 0, "memory-swap", OPT_STRING, RUN_LIMITS_AT(base, memory_swap), "BYTES", \
      "memory and swap; -1 no limit" }, \
    { 0, "cpus", OPT_STRING, RUN_LIMITS_AT(base, cpus), "N", "CPU time in cores, such as 0.5" }, \
    { 0, "pids-limit", OPT_STRING, RUN_LIMITS_AT(base, pids_limit), "N", \
      "most processes at once; -1 no limit" }
/* clang-format on */

/** Check and convert into *ret, which the caller has filled with what holds already.
 * @return 0; -USAGE that names the option. */
IMGC_CHECK int run_limits_parse(const struct run_limits *o, struct spec_limits *ret,
                                struct imgc_err *reterr);

#endif
