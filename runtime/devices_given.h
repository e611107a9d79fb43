/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices of the host that a container is given one by one (--device), and what it may do with
 * devices by number (--device-cgroup-rule).
 *
 * A device gets a node of the container's own, made on the container's /dev and mounted where it is
 * wanted: every other mount of the container is nodev, and what the container does to its node's
 * mode does not reach the host's.
 *
 * Source: docker's syntax; Linux Documentation/admin-guide/cgroup-v1/devices.rst.
 */
#ifndef IMGC_RUNTIME_DEVICES_GIVEN_H
#define IMGC_RUNTIME_DEVICES_GIVEN_H

#include <sys/types.h>

#include "runtime/cgroup_devices.h"
#include "runtime/isolation.h"

/** Read "HOST[:CONTAINER][:rwm]". Pure. @ret  its strings are the caller's to free.
 * @return 0; -USAGE; -NOMEM. */
IMGC_CHECK int devices_given_parse(struct imgc_str s, struct isolation_device *ret,
                                   struct imgc_err *reterr);

/** Read "c 1:3 rwm", "b *:* m", "a *:* rwm". Pure. @return whether it was one. */
bool devices_given_parse_rule(struct imgc_str s, struct cgroup_device_rule *ret);

struct device_node {
    const struct isolation_device *of; /* whose; borrowed */
    char *path;                        /* on the host */
    char *target;                      /* in the container */
    mode_t mode;                       /* with S_IFCHR or S_IFBLK */
    dev_t rdev;
    uid_t uid;
    gid_t gid;
};

struct devices_given {
    struct device_node *nodes;
    size_t n_nodes;
    struct cgroup_device_rule *rules; /* for all nodes, and those of --device-cgroup-rule */
    size_t n_rules;
};

#define DEVICES_GIVEN_INIT \
    {                      \
        .nodes = NULL      \
    }
void devices_given_done(struct devices_given *d);

/** Look at the devices of @isolation; a directory stands for all that it has.
 * @ret  borrows from @isolation. @return 0; -USAGE (no such device); -LIMIT; -NOMEM; -SYS.
 * Context: parent. */
IMGC_CHECK int devices_given_find(const struct isolation *isolation, struct devices_given *ret,
                                  struct imgc_err *reterr);

/** Make those nodes of @d that come from the device of the isolation whose source is @source, that
 * very pointer.
 * @return 0; -HOST; -SYS. Context: child after clone, with the container's /dev in place. */
IMGC_CHECK int devices_given_make(int root_fd, const struct devices_given *d, const char *source,
                                  struct imgc_err *reterr);

#endif
