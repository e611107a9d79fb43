/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/devices_host.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/mountfd.h"
#include "schema/base/fd.h"

#define DEPTH_MAX 8 /* of directories in /dev */

/* Directories of /dev that a container has of its own, and those that are the host's private
 * business. */
static const char *const own_dirs[] = { "pts",       "shm",   "mqueue", "fd",
                                        "hugepages", ".udev", ".lxc",   ".lxd" };

/* One directory of the host's and the same of the container's. */
struct level {
    int host_fd, dev_fd;
    unsigned depth;
};

static void closedirp(DIR **d)
{
    if (*d) {
        (void)closedir(*d);
    }
}

static bool is_own_dir(const char *name)
{
    for (size_t i = 0; i < sizeof own_dirs / sizeof *own_dirs; i++) {
        if (strcmp(own_dirs[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int bind_node(const struct level *l, const char *name, struct imgc_err *reterr)
{
    imgc_autoclose int target_fd = -1, mount_fd = -1;

    if (mknodat(l->dev_fd, name, S_IFREG | 0600, 0) < 0) {
        return errno == EEXIST ? 0 : imgc_fail_sys(reterr, errno, "make '/dev/%s'", name);
    }
    int r = fd_open_at(l->dev_fd, name, O_PATH | O_NOFOLLOW, 0, &target_fd, reterr);
    if (r == 0) {
        r = mountfd_clone(l->host_fd, name, false, &mount_fd, reterr);
    }
    return r < 0 ? r : mountfd_attach(mount_fd, target_fd, reterr);
}

static int make_node(const struct level *l, const char *name, const struct stat *st,
                     struct imgc_err *reterr)
{
    if (mknodat(l->dev_fd, name, st->st_mode, st->st_rdev) < 0) {
        return errno == EEXIST  ? 0
               : errno == EPERM ? bind_node(l, name, reterr)
                                : imgc_fail_sys(reterr, errno, "make '/dev/%s'", name);
    }
    if (fchownat(l->dev_fd, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        fchmodat(l->dev_fd, name, st->st_mode & 07777, 0) < 0) {
        return imgc_fail_sys(reterr, errno, "set the mode of '/dev/%s'", name);
    }
    return 0;
}

static int copy_dir(const struct level *l, struct imgc_err *reterr);

static int copy_below(const struct level *l, const char *name, struct imgc_err *reterr)
{
    imgc_autoclose int host_fd = -1, dev_fd = -1;
    struct imgc_err ignored;

    if (l->depth == DEPTH_MAX || (l->depth == 0 && is_own_dir(name)) ||
        fd_open_at(l->host_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &host_fd, &ignored) <
            0) {
        return 0; /* gone again, or not for us */
    }
    int r = fd_open_dir_at(l->dev_fd, name, 0755, &dev_fd, reterr);
    const struct level below = { .host_fd = host_fd, .dev_fd = dev_fd, .depth = l->depth + 1 };
    return r < 0 ? r : copy_dir(&below, reterr);
}

/* Recursion: DEPTH_MAX at most. */
static int copy_dir(const struct level *l, struct imgc_err *reterr)
{
    int copy_fd = fcntl(l->host_fd, F_DUPFD_CLOEXEC, 3);
    imgc_auto(closedirp) DIR *d = copy_fd < 0 ? NULL : fdopendir(copy_fd);
    int r = 0;

    if (!d) {
        imgc_closep(&copy_fd);
        return imgc_fail_sys(reterr, errno, "list the host's /dev");
    }
    for (struct dirent *e = readdir(d); e && r == 0; e = readdir(d)) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            fstatat(l->host_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            continue;
        }
        bool is_console = l->depth == 0 && strcmp(e->d_name, "console") == 0;
        if (S_ISDIR(st.st_mode)) {
            r = copy_below(l, e->d_name, reterr);
        } else if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && !is_console) {
            r = make_node(l, e->d_name, &st, reterr);
        }
    }
    return r;
}

int devices_host_copy(int dev_fd, struct imgc_err *reterr)
{
    imgc_autoclose int host_fd = -1;

    int r = fd_open_at(AT_FDCWD, "/dev", O_RDONLY | O_DIRECTORY, 0, &host_fd, reterr);
    const struct level top = { .host_fd = host_fd, .dev_fd = dev_fd };
    return r < 0 ? r : copy_dir(&top, reterr);
}
