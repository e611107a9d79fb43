/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of `run` that set a container apart from the host, turned into what runtime/isolation.h
 * takes.
 */
#ifndef IMGC_CMD_RUN_ISOLATION_H
#define IMGC_CMD_RUN_ISOLATION_H

#include "cmd/options.h"
#include "runtime/isolation.h"
#include "schema/json.h"

/* As parsed from the command line. */
struct run_isolation_options {
    bool privileged, dry_run;
    struct option_list cap_add, cap_drop, security_opt;
    const char *pid, *ipc, *uts, *cgroupns;
};

#define RUN_ISOLATION_AT(base, field) ((base) + offsetof(struct run_isolation_options, field))

/* Rows of a table of options whose struct has a struct run_isolation_options at @base. */
/* clang-format off */
#define RUN_ISOLATION_ROWS(base) \
    { 0, "cap-add", OPT_LIST, RUN_ISOLATION_AT(base, cap_add), "NAME", \
      "give a capability, or ALL" }, \
    { 0, "cap-drop", OPT_LIST, RUN_ISOLATION_AT(base, cap_drop), "NAME", \
      "take a capability, or ALL" }, \
    { 0, "privileged", OPT_FLAG, RUN_ISOLATION_AT(base, privileged), NULL, \
      "all capabilities and devices, no filter, no masks" }, \
    { 0, "dry-run", OPT_FLAG, RUN_ISOLATION_AT(base, dry_run), NULL, \
      "print what would be done; start and store nothing" }, \
    { 0, "security-opt", OPT_LIST, RUN_ISOLATION_AT(base, security_opt), "OPT", \
      "no-new-privileges, seccomp=FILE|unconfined, [un]mask=PATH" }, \
    { 0, "pid", OPT_STRING, RUN_ISOLATION_AT(base, pid), "MODE", \
      "processes: private, host, container:NAME, ns:PATH" }, \
    { 0, "ipc", OPT_STRING, RUN_ISOLATION_AT(base, ipc), "MODE", \
      "IPC: private, shareable, none, host, container:NAME" }, \
    { 0, "uts", OPT_STRING, RUN_ISOLATION_AT(base, uts), "MODE", \
      "host name: private, host, container:NAME" }, \
    { 0, "cgroupns", OPT_STRING, RUN_ISOLATION_AT(base, cgroupns), "MODE", \
      "view of cgroups: private, host, container:NAME" }
/* clang-format on */

/** Check and convert. @ret  free with isolation_done().
 * @return 0; -USAGE that names the option; -HOST (a capability that imgc itself has not); -NOMEM.
 */
IMGC_CHECK int run_isolation_parse(const struct run_isolation_options *o, struct isolation *ret,
                                   struct imgc_err *reterr);

/** Read "private", "host", "container:NAME" or "ns:PATH"; NULL and "" are "private".
 * @return 0; -USAGE that names the @option; -NOMEM. */
IMGC_CHECK int run_isolation_namespace(const char *option, const char *text,
                                       struct isolation_namespace *ret, struct imgc_err *reterr);

/** What was asked, for inspect. @return new reference; NULL without memory. */
json_t *run_isolation_json(const struct run_isolation_options *o);

#endif
