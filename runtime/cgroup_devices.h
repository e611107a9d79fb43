/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which devices the processes of a cgroup may open. Docker's default capabilities contain MKNOD,
 * so without this root in a container could make a node for the host's disk and read it.
 *
 * Allowed are: making any node; and opening null, zero, full, random, urandom, tty, console, ptmx
 * and the pseudo terminals.
 *
 * Source: Linux Documentation/admin-guide/cgroup-v1/devices.rst, cgroup-v2.rst "Device
 * controller"; bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE.
 */
#ifndef IMGC_RUNTIME_CGROUP_DEVICES_H
#define IMGC_RUNTIME_CGROUP_DEVICES_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/err.h"

#define CGROUP_DEVICES_MKNOD 1u /* BPF_DEVCG_ACC_* */
#define CGROUP_DEVICES_READ 2u
#define CGROUP_DEVICES_WRITE 4u

/* What may be done besides the above. */
struct cgroup_device_rule {
    char type;            /* 'c', 'b', or 'a' for both */
    int64_t major, minor; /* -1: any */
    unsigned access;      /* CGROUP_DEVICES_* */
};

/** Load the allow-list and @rules as a BPF program. @return 0; -SYS with the errno (EPERM: not
 * privileged enough); -NOMEM. */
IMGC_CHECK int cgroup_devices_load(const struct cgroup_device_rule *rules, size_t n, int *ret_fd,
                                   struct imgc_err *reterr);

/** Attach the loaded program @program_fd to a v2 cgroup. It goes with the cgroup.
 * @return 0; -SYS. Context: parent. */
IMGC_CHECK int cgroup_devices_attach(int cgroup_fd, int program_fd, struct imgc_err *reterr);

/** Write the allow-list and @rules to a directory of the v1 devices controller. @return 0; -SYS. */
IMGC_CHECK int cgroup_devices_write(int cgroup_fd, const struct cgroup_device_rule *rules, size_t n,
                                    struct imgc_err *reterr);

#endif
