/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container uses at this moment: processor, memory, disk, network, processes. What its
 * cgroup counts is taken from there; where no controller is at work for it (a hybrid host without
 * the limit in question) it is the sum over the processes that live.
 *
 * Source: proc_pid_stat(5), proc_pid_smaps(5), proc_pid_io(5), proc_pid_net(5).
 */
#ifndef IMGC_RUNTIME_USAGE_H
#define IMGC_RUNTIME_USAGE_H

#include <stdint.h>
#include <sys/types.h>

#include "schema/base/err.h"
#include "schema/base/str.h"

struct usage {
    uint64_t cpu_ns;       /* since the container's start */
    uint64_t memory_bytes; /* of a process: its share of pages that it has with others */
    uint64_t memory_limit; /* the host's memory where there is none */
    uint64_t read_bytes, written_bytes;  /* of disks */
    uint64_t received_bytes, sent_bytes; /* of all interfaces but the loopback; 0 with the host's */
    uint64_t tasks;                      /* processes and threads */
};

/**
 * Read it for the container with @init as its first process.
 * @cgroup  cgroup_path() of it, or NULL.
 * @return  0; -USAGE; -SYS; -NOMEM. What cannot be read counts nothing.
 */
IMGC_CHECK int usage_read(const char *cgroup, pid_t init, struct usage *ret,
                          struct imgc_err *reterr);

/** Add up the lines of a /proc/PID/net/dev. Pure. */
void usage_parse_network(struct imgc_str text, struct usage *ret);

#endif
