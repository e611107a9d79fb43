/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of processors and memory nodes as the kernel writes them: "0-3,7".
 *
 * Source: Linux Documentation/admin-guide/cgroup-v1/cpusets.rst, "List Format".
 */
#ifndef IMGC_RUNTIME_CGROUP_CPUSET_H
#define IMGC_RUNTIME_CGROUP_CPUSET_H

#include <stdint.h>

#include "runtime/cgroup_dir.h"

#define CGROUP_CPUSET_MAX 8192 /* CONFIG_NR_CPUS goes no further */

struct cgroup_cpuset {
    uint8_t bits[CGROUP_CPUSET_MAX / 8];
};

/** @return whether @text is such a list; the empty text is the empty set. */
bool cgroup_cpuset_parse(struct imgc_str text, struct cgroup_cpuset *ret);

/** Whether all of @part are in @whole. */
bool cgroup_cpuset_within(const struct cgroup_cpuset *part, const struct cgroup_cpuset *whole);

/** Whether @list may be written to @file ("cpuset.cpus" or "cpuset.mems") of @d, which is what the
 * kernel would not say: v1 answers EINVAL, v2 takes it and gives what there is.
 * @return 0; -USAGE that names what there is. */
IMGC_CHECK int cgroup_cpuset_check(const struct cgroup_dir *d, const char *file, const char *list,
                                   struct imgc_err *reterr);

#endif
