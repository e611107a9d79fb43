/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/image_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/erofs_mount.h"
#include "runtime/mountfd.h"
#include "runtime/overlay.h"
#include "schema/base/fd.h"

#define ATTRIBUTES (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID)

/* What can be had as a detached mount. An overlay without an upper directory needs two layers. */
static int make_detached(const struct spec *spec, int *ret_fd, struct imgc_err *reterr)
{
    if (spec->erofs_image) {
        return erofs_mount_new(spec->erofs_image, spec->erofs_devices, ret_fd, reterr);
    }
    if (!spec->lowerdirs[0]) { /* an image without layers */
        return mountfd_new("tmpfs", "size=4096,mode=0755", ATTRIBUTES, ret_fd, reterr);
    }
    int r = mountfd_clone(AT_FDCWD, spec->lowerdirs[0], false, ret_fd, reterr);
    return r < 0 ? r : mountfd_restrict(*ret_fd, ATTRIBUTES, false, reterr);
}

static int mount_stack(const struct spec *spec, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    struct spec lower = { .lowerdirs = spec->lowerdirs, .mountpoint = spec->mountpoint };

    int r = overlay_mount_root(&lower, &fd, reterr);
    return r < 0 ? r : mountfd_restrict(fd, ATTRIBUTES, false, reterr);
}

int image_mount_attach(const struct spec *spec, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1, target_fd = -1;

    if (!spec->erofs_image && spec->lowerdirs[0] && spec->lowerdirs[1]) {
        return mount_stack(spec, reterr);
    }
    int r = make_detached(spec, &fd, reterr);
    if (r == 0) {
        r = fd_open_at(AT_FDCWD, spec->mountpoint, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &target_fd,
                       reterr);
    }
    return r < 0 ? r : mountfd_attach(fd, target_fd, reterr);
}

bool image_mount_is(const char *path)
{
    struct statx st;

    return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &st) == 0 &&
           (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

int image_mount_detach(const char *path, bool lazy, struct imgc_err *reterr)
{
    if (umount2(path, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0) {
        return 0;
    }
    if (errno == EBUSY) {
        return imgc_fail(reterr, IMGC_E_INUSE, "'%s' is in use by a process", path);
    }
    return mountfd_fail(reterr, errno, "unmount '%s'", path);
}
