/* SPDX-License-Identifier: Apache-2.0 */
/* An EROFS image over layer tars, mounted. For root; include after unit.h. */
#ifndef IMGC_TESTS_LIB_EROFS_MOUNT_H
#define IMGC_TESTS_LIB_EROFS_MOUNT_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "layers/erofs.h"
#include "tests/lib/temp_dir.h"

/* What is given to the kernel: files on a disk, since it reads no memory files. */
struct erofs_mount {
    int image_fd;
    const int *tar_fds;
    size_t n_tars;
};

static inline int erofs_mount_option(int fs_fd, const char *key, int fd)
{
    char path[32];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return fsconfig(fs_fd, FSCONFIG_SET_STRING, key, path, 0) < 0 ? -errno : 0;
}

/* @return 0 or -errno. */
static inline int erofs_mount(const struct erofs_mount *m, const char *where)
{
    imgc_autoclose int fs_fd = fsopen("erofs", FSOPEN_CLOEXEC);

    if (fs_fd < 0) {
        return -errno;
    }
    int r = erofs_mount_option(fs_fd, "source", m->image_fd);
    for (size_t i = 0; r == 0 && i < m->n_tars; i++) {
        r = erofs_mount_option(fs_fd, "device", m->tar_fds[i]);
    }
    if (r < 0) {
        return r;
    }
    if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
        r = -errno;
        char text[256];
        ssize_t n = read(fs_fd, text, sizeof text);
        print_message("erofs: %.*s\n", n > 0 ? (int)n : 0, text);
        return r;
    }
    imgc_autoclose int mnt_fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
    if (mnt_fd < 0 || move_mount(mnt_fd, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH) < 0) {
        return -errno;
    }
    return 0;
}

/* A new file in @dir. The caller closes. */
static inline int erofs_mount_file(const struct temp_dir *dir, const char *name)
{
    int fd = openat(dir->fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    return fd;
}

/* Whether this process, in a mount namespace of its own from now on, can mount an image that is a
 * file. Says why not. */
static inline bool erofs_mount_works(const struct temp_dir *dir)
{
    imgc_autoclose int fd = erofs_mount_file(dir, "probe");
    tree_auto struct tree *t = NULL;
    struct erofs_args args = { .image_fd = fd };
    struct imgc_err err;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        print_message("skipped: mounting needs root\n");
        return false;
    }
    assert_ok(tree_new(&t, &err), err);
    assert_ok(erofs_write(t, &args, NULL, &err), err);
    struct erofs_mount m = { .image_fd = fd };
    int r = erofs_mount(&m, dir->path);
    if (r < 0) {
        print_message("skipped: no EROFS from files here: %s\n", strerror(-r));
        return false;
    }
    assert_int_equal(umount2(dir->path, MNT_DETACH), 0);
    return true;
}

#endif
