/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/nsroot.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "schema/base/fd.h"

static int enter(int fd, struct imgc_err *reterr)
{
    if (fchdir(fd) < 0 || chroot(".") < 0) {
        return imgc_fail_sys(reterr, errno, "change the root directory");
    }
    return 0;
}

int nsroot_make_private(int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int chroot_fd = -1, ns_fd = -1, root_fd = -1;

    int r = fd_open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, &chroot_fd, reterr);
    r = r < 0 ? r : fd_open_at(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY, 0, &ns_fd, reterr);
    if (r < 0) {
        return imgc_context(reterr, "leave the chroot that imgc runs in");
    }
    if (setns(ns_fd, CLONE_NEWNS) < 0) {
        return imgc_fail_sys(reterr, errno, "leave the chroot that imgc runs in");
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        return imgc_fail_sys(reterr, errno, "make the mounts private");
    }
    r = fd_open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, &root_fd, reterr);
    r = r < 0 ? r : enter(chroot_fd, reterr);
    if (r < 0) {
        return r;
    }
    *ret_fd = imgc_take_fd(root_fd);
    return 0;
}

int nsroot_leave_chroot(int nsroot_fd, struct imgc_err *reterr)
{
    return enter(nsroot_fd, reterr);
}
