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
#include "schema/json.h"

/* As typed; NULL where not given. */
struct run_limits {
    const char *memory, *memory_swap, *memory_reservation, *swappiness;
    const char *cpus, *cpu_shares, *cpu_quota, *cpu_period, *cpuset_cpus, *cpuset_mems;
    const char *pids_limit, *blkio_weight, *cgroup_parent, *cgroups;
    struct option_list read_bps, write_bps, read_iops, write_iops, cgroup_conf;
    bool oom_kill_disable;
};

#define RUN_LIMITS_AT(base, field) ((base) + offsetof(struct run_limits, field))

/* clang-format off */
/* Rows of a table of options whose struct has a struct run_limits at @base. */
#define RUN_LIMITS_ROWS(base) \
    { 'm', "memory", OPT_STRING, RUN_LIMITS_AT(base, memory), "BYTES", \
      "memory limit (b, k, m, g)" }, \
    { 0, "memory-swap", OPT_STRING, RUN_LIMITS_AT(base, memory_swap), "BYTES", \
      "memory and swap; -1 no limit" }, \
    { 0, "memory-reservation", OPT_STRING, RUN_LIMITS_AT(base, memory_reservation), "BYTES", \
      "memory that is left to it when the host runs short" }, \
    { 0, "cpus", OPT_STRING, RUN_LIMITS_AT(base, cpus), "N", \
      "CPU time in cores, such as 0.5" }, \
    { 'c', "cpu-shares", OPT_STRING, RUN_LIMITS_AT(base, cpu_shares), "N", \
      "CPU time beside others (1024)" }, \
    { 0, "cpu-quota", OPT_STRING, RUN_LIMITS_AT(base, cpu_quota), "US", \
      "CPU time in each --cpu-period; -1 no limit" }, \
    { 0, "cpu-period", OPT_STRING, RUN_LIMITS_AT(base, cpu_period), "US", \
      "length of a period (100000)" }, \
    { 0, "cpuset-cpus", OPT_STRING, RUN_LIMITS_AT(base, cpuset_cpus), "LIST", \
      "processors that it may use: 0-3,7" }, \
    { 0, "cpuset-mems", OPT_STRING, RUN_LIMITS_AT(base, cpuset_mems), "LIST", \
      "memory nodes that it may use" }, \
    { 0, "pids-limit", OPT_STRING, RUN_LIMITS_AT(base, pids_limit), "N", \
      "most processes at once; -1 no limit" }, \
    { 0, "blkio-weight", OPT_STRING, RUN_LIMITS_AT(base, blkio_weight), "N", \
      "disk time beside others, 10 to 1000" }, \
    { 0, "device-read-bps", OPT_LIST, RUN_LIMITS_AT(base, read_bps), "PATH:BYTES", \
      "most bytes a second read from a disk" }, \
    { 0, "device-write-bps", OPT_LIST, RUN_LIMITS_AT(base, write_bps), "PATH:BYTES", \
      "most bytes a second written to a disk" }, \
    { 0, "device-read-iops", OPT_LIST, RUN_LIMITS_AT(base, read_iops), "PATH:N", \
      "most reads of a disk in a second" }, \
    { 0, "device-write-iops", OPT_LIST, RUN_LIMITS_AT(base, write_iops), "PATH:N", \
      "most writes of a disk in a second" }

/* Those that cannot be changed later. */
#define RUN_LIMITS_CREATE_ROWS(base) \
    { 0, "memory-swappiness", OPT_STRING, RUN_LIMITS_AT(base, swappiness), "N", \
      "readiness to swap, 0 to 100 (cgroup v1)" }, \
    { 0, "oom-kill-disable", OPT_FLAG, RUN_LIMITS_AT(base, oom_kill_disable), NULL, \
      "wait instead of being killed (cgroup v1)" }, \
    { 0, "cgroup-parent", OPT_STRING, RUN_LIMITS_AT(base, cgroup_parent), "PATH", \
      "make its cgroup below this one" }, \
    { 0, "cgroups", OPT_STRING, RUN_LIMITS_AT(base, cgroups), "enabled|disabled", \
      "whether it gets a cgroup (enabled)" }, \
    { 0, "cgroup-conf", OPT_LIST, RUN_LIMITS_AT(base, cgroup_conf), "FILE=VALUE", \
      "write to a file of its cgroup (cgroup v2)" }
/* clang-format on */

/** Check and convert into *ret, which the caller has filled with what holds already: what is not
 * given stays as it is there. Free with spec_limits_done(), after a failure too.
 * @return 0; -USAGE that names the option; -NOTFOUND (a device). */
IMGC_CHECK int run_limits_parse(const struct run_limits *o, struct spec_limits *ret,
                                struct imgc_err *reterr);

/** What inspect tells of limits, under docker's names. @return NULL: out of memory. */
json_t *run_limits_json(const struct spec_limits *l);

/** --cgroups. @return 0; -USAGE. */
IMGC_CHECK int run_limits_parse_cgroups(const struct run_limits *o, bool *ret_disabled,
                                        struct imgc_err *reterr);

#endif
