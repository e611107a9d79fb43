/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cgroup counts of its processes' use.
 *
 * Source: Linux Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst,
 * cgroup-v1/cpuacct.rst, cgroup-v1/blkio-controller.rst.
 */
#ifndef IMGC_RUNTIME_CGROUP_USAGE_H
#define IMGC_RUNTIME_CGROUP_USAGE_H

#include "runtime/cgroup.h"
#include "schema/base/str.h"

/* What no controller at work counts is not there (has_ is false), and 0. */
struct cgroup_usage {
    bool has_cpu, has_memory, has_io, has_tasks;
    uint64_t cpu_ns;
    uint64_t memory_bytes; /* without what the kernel could drop at once: files not read of late */
    uint64_t memory_limit; /* UINT64_MAX: none */
    uint64_t read_bytes, written_bytes; /* of disks */
    uint64_t tasks;                     /* processes and threads */
};

/** Read it. @return nothing: what cannot be read is not there. */
void cgroup_usage_read(const struct cgroup *cg, struct cgroup_usage *ret);

/** The processes of the cgroup and of those below, one pid a line, in @b. @return whether they can
 * be listed. */
bool cgroup_usage_processes(const struct cgroup *cg, struct imgc_buf *b, struct imgc_str *ret);

#endif
