/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of `run` about what the container's process is given and held to: limits of its own,
 * kernel settings of its namespaces, groups, masks, variables.
 */
#ifndef IMGC_CMD_RUN_PROCESS_H
#define IMGC_CMD_RUN_PROCESS_H

#include "cmd/options.h"
#include "runtime/spec.h"

/* As parsed from the command line. */
struct run_process_options {
    struct option_list ulimits, sysctls, groups, unset_env, devices, device_rules;
    const char *shm_size, *umask, *oom_score_adj, *domainname, *timezone, *systemd, *init_path;
    bool unset_all_env, read_only_tmpfs, host_env, init;
};

#define RUN_PROCESS_AT(base, field) ((base) + offsetof(struct run_process_options, field))

/* Rows of a table of options whose struct has a struct run_process_options at @base. */
/* clang-format off */
#define RUN_PROCESS_ROWS(base) \
    { 0, "ulimit", OPT_LIST, RUN_PROCESS_AT(base, ulimits), "NAME=SOFT[:HARD]", \
      "resource limit of its processes, such as nofile=1024" }, \
    { 0, "sysctl", OPT_LIST, RUN_PROCESS_AT(base, sysctls), "NAME=VALUE", \
      "kernel setting of its namespaces, such as net.ipv4.ip_forward=1" }, \
    { 0, "device", OPT_LIST, RUN_PROCESS_AT(base, devices), "HOST[:PATH][:rwm]", \
      "give it a device of the host" }, \
    { 0, "device-cgroup-rule", OPT_LIST, RUN_PROCESS_AT(base, device_rules), "RULE", \
      "let it use devices by number: \"c 10:200 rwm\"" }, \
    { 0, "shm-size", OPT_STRING, RUN_PROCESS_AT(base, shm_size), "BYTES", \
      "size of /dev/shm (64m)" }, \
    { 0, "umask", OPT_STRING, RUN_PROCESS_AT(base, umask), "MODE", "umask, octal (0022)" }, \
    { 0, "oom-score-adj", OPT_STRING, RUN_PROCESS_AT(base, oom_score_adj), "N", \
      "how gladly to kill it for want of memory: -1000 to 1000 (0)" }, \
    { 0, "group-add", OPT_LIST, RUN_PROCESS_AT(base, groups), "GROUP", \
      "one more group, a name or a number" }, \
    { 0, "init", OPT_FLAG, RUN_PROCESS_AT(base, init), NULL, \
      "begin with an init that takes in orphans and hands signals on" }, \
    { 0, "init-path", OPT_STRING, RUN_PROCESS_AT(base, init_path), "FILE", \
      "one of the host's instead of imgc's own; a static program" }, \
    { 0, "domainname", OPT_STRING, RUN_PROCESS_AT(base, domainname), "NAME", \
      "NIS domain name" }, \
    { 0, "tz", OPT_STRING, RUN_PROCESS_AT(base, timezone), "ZONE", \
      "time zone, such as Europe/Paris; local is the host's" }, \
    { 0, "read-only-tmpfs", OPT_FLAG, RUN_PROCESS_AT(base, read_only_tmpfs), NULL, \
      "with --read-only: /run, /tmp and /var/tmp can be written" }, \
    { 0, "systemd", OPT_STRING, RUN_PROCESS_AT(base, systemd), "true|false|always", \
      "furnish it for an init system (true: if the command is one)" }, \
    { 0, "unsetenv", OPT_LIST, RUN_PROCESS_AT(base, unset_env), "NAME", \
      "leave a variable of the image out" }, \
    { 0, "env-host", OPT_FLAG, RUN_PROCESS_AT(base, host_env), NULL, \
      "the caller's variables, where image and -e say nothing" }, \
    { 0, "unsetenv-all", OPT_FLAG, RUN_PROCESS_AT(base, unset_all_env), NULL, \
      "only the variables of -e and --env-file" }
/* clang-format on */

/** Check and convert into @ret, and the variables into @spec, which borrows them.
 * @return 0; -USAGE that names the option; -NOMEM. After a failure @ret is freed as after success.
 */
IMGC_CHECK int run_process_parse(const struct run_process_options *o, struct isolation *ret,
                                 struct spec_options *spec, struct imgc_err *reterr);

/** What was asked, for inspect. @return new reference; NULL without memory. */
json_t *run_process_json(const struct run_process_options *o, const struct isolation *i);

#endif
