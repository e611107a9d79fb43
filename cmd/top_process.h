/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process of a container, as /proc of the host shows it. Nothing of the container's is run for
 * it, and what a process says of itself (name, arguments) is only shown.
 *
 * Source: proc(5): /proc/PID/stat, status, cmdline, ns.
 */
#ifndef IMGC_CMD_TOP_PROCESS_H
#define IMGC_CMD_TOP_PROCESS_H

#include <sys/stat.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

enum top_process_caps {
    TOP_PROCESS_INHERITABLE,
    TOP_PROCESS_PERMITTED,
    TOP_PROCESS_EFFECTIVE,
    TOP_PROCESS_BOUNDING,
    TOP_PROCESS_AMBIENT,
    TOP_PROCESS_CAPS
};

struct top_process {
    uint64_t host_pid, host_ppid;
    uint64_t pid, ppid, pgid, sid;         /* the container's; 0 for what is outside of it */
    bool has_terminal_focus;               /* in the foreground of its terminal */
    uint32_t terminal;                     /* device number; 0: none */
    uint32_t uid, real_uid, gid, real_gid; /* as this process sees them */
    char *groups;                          /* "4 20 27", likewise */
    char state, comm[64], *args;           /* args: "[comm]" where it has none */
    uint64_t cpu_ticks, start_ticks, vsz_kib, rss_kib, threads;
    int64_t nice;
    uint64_t caps[TOP_PROCESS_CAPS], seccomp;
};

struct top_processes {
    struct top_process *items;
    size_t n, room;
};

void top_process_done_all(struct top_processes *all);
#define top_process_auto imgc_auto(top_process_done_all)

/** All processes in the mount namespace @ns, which a container always has for itself, in the order
 * of the host's numbers. Those that end meanwhile are left out.
 * @ret  caller frees, also after a failure. @return 0; -NOMEM; -SYS. */
IMGC_CHECK int top_process_find(const struct stat *ns, struct top_processes *ret,
                                struct imgc_err *reterr);

/** For tests: what the texts of stat and status say. */
void top_process_parse_stat(struct imgc_str text, struct top_process *p);
IMGC_CHECK int top_process_parse_status(struct imgc_str text, struct top_process *p,
                                        struct imgc_err *reterr);

#endif
