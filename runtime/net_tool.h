/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs of the host that are given a script: iptables-restore. In an empty environment,
 * with no file of the caller's, by absolute path.
 */
#ifndef IMGC_RUNTIME_NET_TOOL_H
#define IMGC_RUNTIME_NET_TOOL_H

#include <sys/types.h>

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

struct net_tool {
    pid_t pid;  /* 0: none */
    int err_fd; /* what it says */
};

#define NET_TOOL_INIT \
    {                 \
        .err_fd = -1  \
    }

/** Start argv[0], with @script as its standard input. @return 0; -SYS. */
IMGC_CHECK int net_tool_start(const char *const *argv, struct imgc_str script, struct net_tool *ret,
                              struct imgc_err *reterr);

/** Wait until it has done it. @return 0; -HOST with the first line of what it said. */
IMGC_CHECK int net_tool_wait(struct net_tool *run, struct imgc_err *reterr);
void net_tool_done(struct net_tool *run); /* idempotent; waits */
#define net_tool_auto imgc_auto(net_tool_done)

#endif
