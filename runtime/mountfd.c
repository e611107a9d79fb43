/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mountfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>

#include "schema/base/fd.h"

#define OPTION_MAX 256 /* bytes of one "key=value": the kernel takes no more either */

int mountfd_fail(struct imgc_err *e, int errnum, const char *fmt, ...)
{
    char what[IMGC_ERR_MSG_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);

    switch (errnum) {
    case EPERM:
    case EACCES:
        (void)imgc_fail(e, IMGC_E_HOST,
                        "this host forbids it (run as root; start a container around imgc with "
                        "--privileged, or run imgc outside of it): %s: %s",
                        what, strerrordesc_np(errnum));
        break;
    case ENOSYS:
        (void)imgc_fail(e, IMGC_E_HOST,
                        "this host's kernel is too old (Linux 5.12 or later is needed), or its "
                        "system call filter forbids it: %s",
                        what);
        break;
    case ENODEV:
        (void)imgc_fail(e, IMGC_E_HOST, "this host's kernel lacks the file system: %s", what);
        break;
    default:
        return imgc_fail_sys(e, errnum, "%s", what);
    }
    e->sys = errnum;
    return -(int)e->code;
}

static int configure(int fs_fd, const char *fstype, const char *options, struct imgc_err *reterr)
{
    struct imgc_str rest = imgc_str_of(options), item;

    while (rest.len > 0 && imgc_str_token(&rest, ',', &item)) {
        char text[OPTION_MAX];
        if (item.len >= sizeof text) {
            return imgc_fail(reterr, IMGC_E_LIMIT, "mount option over %d bytes", OPTION_MAX);
        }
        memcpy(text, item.ptr, item.len);
        text[item.len] = '\0';

        char *value = strchr(text, '=');
        if (value) {
            *value++ = '\0';
        }
        if (fsconfig(fs_fd, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, text, value, 0) < 0) {
            return mountfd_fail(reterr, errno, "set option '%s' of a new %s", text, fstype);
        }
    }
    return 0;
}

int mountfd_new(const char *fstype, const char *options, uint64_t attr, int *ret_fd,
                struct imgc_err *reterr)
{
    imgc_autoclose int fs_fd = fsopen(fstype, FSOPEN_CLOEXEC);
    if (fs_fd < 0) {
        return mountfd_fail(reterr, errno, "open file system type %s", fstype);
    }
    /* The first column of /proc/mounts, where "none" looks like a mistake. */
    (void)fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", fstype, 0);
    int r = configure(fs_fd, fstype, options, reterr);
    if (r < 0) {
        return r;
    }
    if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
        return mountfd_fail(reterr, errno, "create a new %s", fstype);
    }
    int fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned)attr);
    if (fd < 0) {
        return mountfd_fail(reterr, errno, "mount a new %s", fstype);
    }
    *ret_fd = fd;
    return 0;
}

int mountfd_clone(int dir_fd, const char *path, bool recursive, int *ret_fd,
                  struct imgc_err *reterr)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (path[0] == '\0' ? AT_EMPTY_PATH : 0u) |
                     (recursive ? AT_RECURSIVE : 0u);
    int fd = open_tree(dir_fd, path, flags);
    if (fd < 0) {
        return mountfd_fail(reterr, errno, "bind '%s'", path);
    }
    *ret_fd = fd;
    return 0;
}

int mountfd_restrict(int mount_fd, uint64_t attr, bool recursive, struct imgc_err *reterr)
{
    struct mount_attr set = { .attr_set = attr };
    unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u);

    if (mount_setattr(mount_fd, "", flags, &set, sizeof set) < 0) {
        return mountfd_fail(reterr, errno, "restrict a mount");
    }
    return 0;
}

int mountfd_idmap(int mount_fd, int userns_fd, bool recursive, struct imgc_err *reterr)
{
    struct mount_attr set = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)userns_fd };
    unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u);

    if (mount_setattr(mount_fd, "", flags, &set, sizeof set) == 0) {
        return 0;
    }
    int errnum = errno;
    (void)imgc_fail(reterr, IMGC_E_HOST,
                    errnum == EPERM
                        ? "this host does not let imgc map the owners of files (root outside of "
                          "user namespaces is needed)"
                        : "this kernel cannot map the owners of files on this file system: %s",
                    strerrordesc_np(errnum));
    reterr->sys = errnum;
    return -(int)reterr->code;
}

int mountfd_allow_devices(int mount_fd, struct imgc_err *reterr)
{
    struct mount_attr set = { .attr_clr = MOUNT_ATTR_NODEV };

    if (mount_setattr(mount_fd, "", AT_EMPTY_PATH, &set, sizeof set) < 0) {
        return mountfd_fail(reterr, errno, "let a device be opened");
    }
    return 0;
}

int mountfd_propagate(int mount_fd, uint64_t propagation, struct imgc_err *reterr)
{
    struct mount_attr set = { .propagation = propagation };

    if (mount_setattr(mount_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &set, sizeof set) < 0) {
        return mountfd_fail(reterr, errno, "set how a mount propagates");
    }
    return 0;
}

int mountfd_attach(int mount_fd, int target_fd, struct imgc_err *reterr)
{
    if (move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
        0) {
        return mountfd_fail(reterr, errno, "attach a mount");
    }
    return 0;
}
