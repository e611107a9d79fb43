/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_advice.h"

#include <stdio.h>
#include <unistd.h>

#include "runtime/cgroup_v2.h"
#include "runtime/idmap.h"
#include "schema/base/buf.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define MAP_BYTES 65536 /* of /proc/self/uid_map: 340 lines */

enum cgroup_advice cgroup_advice_choose(bool is_root, bool is_v2, bool manager,
                                        unsigned controllers, unsigned controller)
{
    if (is_root) {
        return CGROUP_ADVICE_ROOT;
    }
    if (!is_v2) {
        return CGROUP_ADVICE_V1;
    }
    if (!manager) {
        return CGROUP_ADVICE_NO_MANAGER;
    }
    return controllers & controller ? CGROUP_ADVICE_SCOPE : CGROUP_ADVICE_DELEGATE;
}

const char *cgroup_advice_text(enum cgroup_advice advice)
{
    switch (advice) {
    case CGROUP_ADVICE_ROOT:
        return "where the host delegates its cgroups it can be";
    case CGROUP_ADVICE_V1:
        return "this host has it in cgroup v1, where only root can: run it as root, or boot with "
               "'systemd.unified_cgroup_hierarchy=1'";
    case CGROUP_ADVICE_SCOPE:
        return "run it by 'systemd-run --user --scope -p Delegate=yes'";
    case CGROUP_ADVICE_DELEGATE:
        return "root has to run 'systemctl edit user@.service' and write '[Service]' and "
               "'Delegate=cpu cpuset io memory pids'; then log in anew and run it by "
               "'systemd-run --user --scope -p Delegate=yes'";
    case CGROUP_ADVICE_NO_MANAGER:
        break;
    }
    return "systemd runs nothing for this user: root has to run 'loginctl enable-linger USER'; "
           "then "
           "run it by 'systemd-run --user --scope -p Delegate=yes'";
}

/* The user's number outside, where imgc has entered a user namespace. */
static uint32_t own_uid(void)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(MAP_BYTES);
    imgc_autoclose int fd = -1;
    struct imgc_err ignored;
    uint32_t uid;

    if (geteuid() == 0 &&
        fd_open_at(AT_FDCWD, "/proc/self/uid_map", O_RDONLY, 0, &fd, &ignored) == 0 &&
        fd_read_all(fd, &b, &ignored) == 0 && idmap_root((struct imgc_str){ b.ptr, b.len }, &uid)) {
        return uid;
    }
    return geteuid();
}

enum cgroup_advice cgroup_advice_here(const struct cgroup_host *host, bool is_root,
                                      unsigned controller)
{
    const struct cgroup_host_hierarchy *v2 = cgroup_host_v2(host);
    char path[LIMIT_PATH_BYTES + 1];
    unsigned uid = own_uid();

    if (!v2 || snprintf(path, sizeof path, "%s/user.slice/user-%u.slice/user@%u.service",
                        v2->mountpoint, uid, uid) >= (int)sizeof path) {
        return cgroup_advice_choose(is_root, false, false, 0, controller);
    }
    return cgroup_advice_choose(is_root, cgroup_v2_controllers(v2->mountpoint) & controller,
                                access(path, F_OK) == 0, cgroup_v2_controllers(path), controller);
}
