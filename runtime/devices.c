/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/devices.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/devices_host.h"
#include "runtime/mountfd.h"
#include "schema/base/fd.h"

static const struct {
    const char *name;
    unsigned major, minor;
} nodes[] = {
    { "null", 1, 3 },   { "zero", 1, 5 },    { "full", 1, 7 },
    { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct {
    const char *name, *target;
} links[] = {
    { "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" },
    { "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
    { "ptmx", "pts/ptmx" },          { "core", "/proc/kcore" },
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool is_node(int fd, unsigned major, unsigned minor)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(major, minor);
}

/* Where mknod is forbidden (a user namespace) the host's own node serves. */
static int bind_host_node(const char *name, int *ret_fd, struct imgc_err *reterr)
{
    char path[32];
    (void)snprintf(path, sizeof path, "/dev/%s", name);
    return mountfd_clone(AT_FDCWD, path, false, ret_fd, reterr);
}

static int make_node(int dev_fd, size_t i, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int mount_fd = -1, target_fd = -1;
    mode_t type = S_IFCHR;

    if (mknodat(dev_fd, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) <
        0) {
        type = S_IFREG;
        if (errno != EPERM || mknodat(dev_fd, nodes[i].name, S_IFREG | 0666, 0) < 0) {
            return imgc_fail_sys(reterr, errno, "make '/dev/%s'", nodes[i].name);
        }
    } else if (fchmodat(dev_fd, nodes[i].name, 0666, 0) < 0) { /* whatever the umask is */
        return imgc_fail_sys(reterr, errno, "set the mode of '/dev/%s'", nodes[i].name);
    }
    int r = fd_open_at(dev_fd, nodes[i].name, O_PATH | O_NOFOLLOW, 0, &target_fd, reterr);
    if (r == 0) {
        r = type == S_IFCHR ? mountfd_clone(target_fd, "", false, &mount_fd, reterr)
                            : bind_host_node(nodes[i].name, &mount_fd, reterr);
    }
    if (r == 0 && !is_node(mount_fd, nodes[i].major, nodes[i].minor)) {
        r = imgc_fail(reterr, IMGC_E_HOST, "'/dev/%s' of this host is not that device",
                      nodes[i].name);
    }
    if (r == 0) {
        r = mountfd_attach(mount_fd, target_fd, reterr);
    }
    if (r == 0) {
        *ret_fd = imgc_take_fd(mount_fd);
    }
    return r;
}

int devices_make(int root_fd, bool all, int *ret_null_fd, struct imgc_err *reterr)
{
    imgc_autoclose int dev_fd = -1, null_fd = -1;

    int r = fd_open_at(root_fd, "dev", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &dev_fd, reterr);
    for (size_t i = 0; i < COUNT(nodes) && r == 0; i++) {
        imgc_autoclose int fd = -1;
        r = make_node(dev_fd, i, &fd, reterr);
        if (r == 0 && i == 0) {
            null_fd = imgc_take_fd(fd);
        }
    }
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < COUNT(links); i++) {
        if (symlinkat(links[i].target, dev_fd, links[i].name) < 0) {
            return imgc_fail_sys(reterr, errno, "make link '/dev/%s'", links[i].name);
        }
    }
    r = all ? devices_host_copy(dev_fd, reterr)
            : mountfd_restrict(dev_fd, MOUNT_ATTR_NODEV, false, reterr);
    if (r == 0) {
        *ret_null_fd = imgc_take_fd(null_fd);
    }
    return r;
}
