/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/erofs_mount.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "runtime/mountfd.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define VALUE_MAX 255 /* bytes of an fsconfig() string value */

/* The kernel opens the paths when the file system is created: until then their fds stay open. */
struct held {
    int fds[LIMIT_LAYERS + 1];
    size_t n;
};

static void held_done(struct held *h)
{
    while (h->n > 0) {
        imgc_closep(&h->fds[--h->n]);
    }
}

static int fail(const char *path, int errnum, struct imgc_err *reterr)
{
    switch (errnum) {
    case ENOTBLK:
        return mountfd_fail(reterr, ENOSYS, "mount EROFS from files (Linux 6.12 or later)");
    case EUCLEAN: /* EFSCORRUPTED */
    case EINVAL:
    case ENOENT:
        return imgc_fail(reterr, IMGC_E_STORE,
                         "the view '%s', or a layer of it, is damaged: %s; run 'imgc verify'", path,
                         strerrordesc_np(errnum));
    default:
        return mountfd_fail(reterr, errnum, "mount EROFS '%s'", path);
    }
}

/* A path as it stands, or, where it is too long, an fd of it in /proc. */
static int set_path(int fs_fd, const char *key, const char *path, struct held *held,
                    struct imgc_err *reterr)
{
    char buf[VALUE_MAX + 1];
    const char *value = path;

    if (strlen(path) > VALUE_MAX) {
        if (held->n == sizeof held->fds / sizeof *held->fds) {
            return imgc_fail(reterr, IMGC_E_LIMIT, "more than %d layers", LIMIT_LAYERS);
        }
        int *fd = &held->fds[held->n];
        int r = fd_open_at(AT_FDCWD, path, O_RDONLY, 0, fd, reterr);
        if (r < 0) {
            return r;
        }
        held->n++;
        (void)snprintf(buf, sizeof buf, "/proc/self/fd/%d", *fd);
        value = buf;
    }
    if (fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value, 0) < 0) {
        return mountfd_fail(reterr, errno, "EROFS: %s '%s'", key, path);
    }
    return 0;
}

int erofs_mount_new(const char *image, char *const *devices, int *ret_fd, struct imgc_err *reterr)
{
    imgc_auto(held_done) struct held held = { .n = 0 };
    imgc_autoclose int fs_fd = fsopen("erofs", FSOPEN_CLOEXEC);

    if (fs_fd < 0) {
        return mountfd_fail(reterr, errno, "open file system type erofs");
    }
    int r = set_path(fs_fd, "source", image, &held, reterr);
    for (char *const *device = devices; r == 0 && *device; device++) {
        r = set_path(fs_fd, "device", *device, &held, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
        return fail(image, errno, reterr);
    }
    int fd =
        fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
    if (fd < 0) {
        return mountfd_fail(reterr, errno, "mount EROFS '%s'", image);
    }
    *ret_fd = fd;
    return 0;
}
