/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/overlay.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/erofs_mount.h"
#include "runtime/fs_kind.h"
#include "runtime/mountfd.h"
#include "runtime/userns.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define VALUE_MAX 255          /* bytes of an fsconfig() string value */
#define CLASSIC_BYTES_MAX 4095 /* mount(2) takes one page of options */

/* What every overlay of ours says, whatever the kernel's defaults are: no inode index, whole files
 * in the upper directory, and no redirect that a layer could have brought along is followed. */
static const char *const fixed_options[][2] = {
    { "index", "off" },
    { "metacopy", "off" },
    { "redirect_dir", "nofollow" },
};

/* In a user namespace overlayfs keeps its notes in user xattrs, the others are out of reach there.
 * It then neither follows redirects nor copies metadata alone, and wants no word about that. */
static const char *const userns_options[][2] = {
    { "index", "off" },
    { "userxattr", NULL },
};

struct options {
    const char *const (*list)[2];
    size_t n;
};

static struct options choose_options(void)
{
    return userns_is_initial()
               ? (struct options){ fixed_options, sizeof fixed_options / sizeof *fixed_options }
               : (struct options){ userns_options, sizeof userns_options / sizeof *userns_options };
}

static int mount_fail(int errnum, struct imgc_err *reterr)
{
    if (!userns_is_initial() && (errnum == EPERM || errnum == EINVAL)) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this host's kernel does not mount overlays in user namespaces (Linux "
                         "5.11 or later does): run as root");
    }
    return mountfd_fail(reterr, errnum, "mount an overlay over the image's layers");
}

/* Otherwise the end of the container would write out all that is unwritten on the file system of
 * the store, whoever wrote it, and so would each fsync() in it: for files that go at once. */
static bool is_volatile(const struct spec *spec)
{
    return spec->upper_dir && spec->upper_is_disposable;
}

/* A path that overlayfs takes as it stands: short enough, and without the '\' that it unescapes.
 * Otherwise an fd of it in /proc, which stays open until exec. */
static int plain_path(const char *path, char buf[VALUE_MAX + 1], const char **ret,
                      struct imgc_err *reterr)
{
    if (strlen(path) <= VALUE_MAX && !strchr(path, '\\')) {
        *ret = path;
        return 0;
    }
    int fd = -1;
    int r = fd_open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    (void)snprintf(buf, VALUE_MAX + 1, "/proc/self/fd/%d", fd);
    *ret = buf;
    return 0;
}

static int set_path(int fs_fd, const char *key, const char *path, struct imgc_err *reterr)
{
    char buf[VALUE_MAX + 1];
    const char *value;

    int r = plain_path(path, buf, &value, reterr);
    if (r < 0) {
        return r;
    }
    if (fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value, 0) < 0) {
        return mountfd_fail(reterr, errno, "overlay: %s '%s'", key, path);
    }
    return 0;
}

/* Before Linux 6.5 overlayfs takes whatever fsconfig() gives it, and refuses it only when it
 * mounts, with a line in the kernel's log. Later ones look at once, and this is never right: a path
 * is missing. */
static bool takes_anything(int fs_fd)
{
    return fsconfig(fs_fd, FSCONFIG_SET_FLAG, "lowerdir+", NULL, 0) == 0;
}

/* Linux 6.7 and later: one "lowerdir+" per layer, up to 500 of them. */
static int mount_by_fs_context(const struct spec *spec, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fs_fd = fsopen("overlay", FSOPEN_CLOEXEC);
    if (fs_fd < 0) {
        return mountfd_fail(reterr, errno, "open file system type overlay");
    }
    if (takes_anything(fs_fd)) {
        return mountfd_fail(reterr, EINVAL, "overlay: a layer as an option of its own");
    }
    int r = 0;
    (void)fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", "overlay", 0);
    if (is_volatile(spec)) { /* a kernel that lacks it is only slower */
        (void)fsconfig(fs_fd, FSCONFIG_SET_FLAG, "volatile", NULL, 0);
    }
    for (char **dir = spec->lowerdirs; *dir && r == 0; dir++) {
        r = set_path(fs_fd, "lowerdir+", *dir, reterr);
    }
    if (r == 0 && spec->upper_dir) {
        r = set_path(fs_fd, "upperdir", spec->upper_dir, reterr);
        if (r == 0) {
            r = set_path(fs_fd, "workdir", spec->work_dir, reterr);
        }
    }
    if (r < 0) {
        return r;
    }
    const struct options options = choose_options();
    for (size_t i = 0; i < options.n; i++) {
        const char *key = options.list[i][0], *value = options.list[i][1];
        if (fsconfig(fs_fd, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0) < 0) {
            return mountfd_fail(reterr, errno, "overlay: set %s", key);
        }
    }
    if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
        return mount_fail(errno, reterr);
    }
    int fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, spec->isolation.privileged ? 0 : MOUNT_ATTR_NODEV);
    if (fd < 0) {
        return mount_fail(errno, reterr);
    }
    *ret_fd = fd;
    return 0;
}

/* Append "KEY/proc/self/fd/N": fds keep each path to some 17 bytes and need no escaping. */
static int add_by_fd(struct imgc_buf *b, const char *key, const char *path, struct imgc_err *reterr)
{
    int fd = -1; /* stays open until exec */
    int r = fd_open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, &fd, reterr);
    if (r == 0) {
        imgc_buf_printf(b, "%s/proc/self/fd/%d", key, fd);
    }
    return r;
}

/* Before Linux 6.7: all layers in one string of at most a page. */
static int mount_classic(const struct spec *spec, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(CLASSIC_BYTES_MAX);
    int r = 0;

    for (size_t i = 0; spec->lowerdirs[i] && r == 0; i++) {
        r = add_by_fd(&b, i == 0 ? "lowerdir=" : ":", spec->lowerdirs[i], reterr);
    }
    if (r == 0 && spec->upper_dir) {
        r = add_by_fd(&b, ",upperdir=", spec->upper_dir, reterr);
        if (r == 0) {
            r = add_by_fd(&b, ",workdir=", spec->work_dir, reterr);
        }
    }
    if (r < 0) {
        return r;
    }
    const struct options fixed = choose_options();
    for (size_t i = 0; i < fixed.n; i++) {
        const char *value = fixed.list[i][1];
        imgc_buf_printf(&b, ",%s%s%s", fixed.list[i][0], value ? "=" : "", value ? value : "");
    }
    imgc_buf_puts(&b, is_volatile(spec) ? ",volatile" : "");
    struct imgc_str options;
    r = imgc_buf_finish(&b, &options, reterr);
    if (r < 0) {
        return imgc_context(reterr, "too many layers for this kernel's overlayfs");
    }
    if (mount("overlay", spec->mountpoint, "overlay", spec->isolation.privileged ? 0 : MS_NODEV,
              options.ptr) < 0) {
        return mount_fail(errno, reterr);
    }
    return 0;
}

static int attach(int mount_fd, const struct spec *spec, struct imgc_err *reterr)
{
    if (move_mount(mount_fd, "", AT_FDCWD, spec->mountpoint, MOVE_MOUNT_F_EMPTY_PATH) < 0) {
        return mountfd_fail(reterr, errno, "mount the root on '%s'", spec->mountpoint);
    }
    return 0;
}

static int mount_overlay(const struct spec *spec, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = mount_by_fs_context(spec, &fd, reterr);
    if (r < 0 && reterr->sys == EINVAL) {
        r = mount_classic(spec, reterr);
        if (r == 0) {
            r = fd_open_at(AT_FDCWD, spec->mountpoint, O_PATH | O_DIRECTORY, 0, &fd, reterr);
        }
    } else if (r == 0) {
        r = attach(fd, spec, reterr);
    }
    if (r == 0) {
        *ret_fd = imgc_take_fd(fd);
    }
    return r;
}

/* A directory of the host as the root. */
static int bind_root(const struct spec *spec, const char *dir, int userns_fd, int *ret_fd,
                     struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = mountfd_clone(AT_FDCWD, dir, true, &fd, reterr);
    if (r == 0 && userns_fd >= 0) {
        r = mountfd_idmap(fd, userns_fd, true, reterr);
    }
    if (r == 0 && !spec->isolation.privileged) {
        r = mountfd_restrict(fd, MOUNT_ATTR_NODEV, true, reterr);
    }
    if (r == 0) {
        r = attach(fd, spec, reterr);
    }
    if (r == 0) {
        *ret_fd = imgc_take_fd(fd);
    }
    return r;
}

/* The image's root on the mountpoint, and an overlay over it in the same place: both go with the
 * mount namespace. */
static int mount_over_erofs(const struct spec *spec, int userns_fd, int *ret_fd,
                            struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    char *lowerdirs[] = { spec->mountpoint, NULL };
    struct spec over = *spec; /* borrows everything */

    int r = erofs_mount_new(spec->erofs_image, spec->erofs_devices, &fd, reterr);
    if (r == 0 && userns_fd >= 0) {
        r = mountfd_idmap(fd, userns_fd, false, reterr);
    }
    if (r == 0) {
        r = attach(fd, spec, reterr);
    }
    over.lowerdirs = lowerdirs;
    return r < 0 ? r : mount_overlay(&over, ret_fd, reterr);
}

/* The layers as they are seen in a user namespace. Before Linux 6.15 overlayfs takes them only
 * where they are attached, which they all are at one place, each found by its fd. */
struct mapped {
    int fds[LIMIT_LAYERS];
    char paths[LIMIT_LAYERS][sizeof "/proc/self/fd/4294967295"];
    char *dirs[LIMIT_LAYERS + 1];
    size_t n;
};

static void mapped_free(struct mapped **m)
{
    while (*m && (*m)->n > 0) {
        imgc_closep(&(*m)->fds[--(*m)->n]);
    }
    free(*m);
}

static int map_layers(const struct spec *spec, int userns_fd, struct mapped *m,
                      struct imgc_err *reterr)
{
    int r = 0;

    for (char **dir = spec->lowerdirs; *dir && r == 0; dir++, m->n++) {
        m->fds[m->n] = -1;
        r = mountfd_clone(AT_FDCWD, *dir, false, &m->fds[m->n], reterr);
        r = r < 0 ? r : mountfd_idmap(m->fds[m->n], userns_fd, false, reterr);
        r = r < 0 ? r : attach(m->fds[m->n], spec, reterr);
        (void)snprintf(m->paths[m->n], sizeof m->paths[m->n], "/proc/self/fd/%d", m->fds[m->n]);
        m->dirs[m->n] = m->paths[m->n];
    }
    return r;
}

static int mount_over_layers(const struct spec *spec, int userns_fd, int *ret_fd,
                             struct imgc_err *reterr)
{
    struct spec over = *spec; /* borrows everything */

    if (userns_fd < 0) {
        return mount_overlay(spec, ret_fd, reterr);
    }
    imgc_auto(mapped_free) struct mapped *m = calloc(1, sizeof *m);
    if (!m) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = map_layers(spec, userns_fd, m, reterr);
    over.lowerdirs = m->dirs;
    return r < 0 ? r : mount_overlay(&over, ret_fd, reterr);
}

static int mount_mapped(const struct spec *spec, int userns_fd, int *ret_fd,
                        struct imgc_err *reterr)
{
    if (spec->erofs_image) {
        return mount_over_erofs(spec, userns_fd, ret_fd, reterr);
    }
    if (!spec->lowerdirs) {
        return bind_root(spec, spec->root_dir, userns_fd, ret_fd, reterr);
    }
    size_t n = 0;
    while (spec->lowerdirs[n]) {
        n++;
    }
    if (n > LIMIT_LAYERS) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "%zu layers, overlayfs takes %d", n, LIMIT_LAYERS);
    }
    /* An image without layers: overlayfs wants one, and upper alone is the same. What is in there
     * has its owners already. */
    return n == 0 ? bind_root(spec, spec->upper_dir, -1, ret_fd, reterr)
                  : mount_over_layers(spec, userns_fd, ret_fd, reterr);
}

/* A container's own root is an overlay. There the kernel keeps whiteouts to itself, and refuses to
 * put changes on top; so it does on what others change, too. */
static int explain(const struct spec *spec, int r, struct imgc_err *reterr)
{
    struct statfs fs;

    if (r >= 0 || !spec->upper_dir || statfs(spec->upper_dir, &fs) < 0) {
        return r;
    }
    const char *remote = fs_kind_remote((unsigned long)fs.f_type);
    if (remote) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "the store is on %s, over which the kernel mounts no overlay: put the "
                         "store on a local disk (--root)",
                         remote);
    }
    if (fs.f_type != OVERLAYFS_SUPER_MAGIC) {
        return r;
    }
    return imgc_fail(reterr, IMGC_E_HOST,
                     "the store is on an overlay, as the root of a container is, and the kernel "
                     "mounts none on top of it: put the store on a volume of the container (run -v "
                     "/var/lib/imgc), or elsewhere (--root)");
}

int overlay_mount_mapped(const struct spec *spec, int userns_fd, int *ret_fd,
                         struct imgc_err *reterr)
{
    return explain(spec, mount_mapped(spec, userns_fd, ret_fd, reterr), reterr);
}

int overlay_mount_root(const struct spec *spec, int *ret_fd, struct imgc_err *reterr)
{
    return overlay_mount_mapped(spec, -1, ret_fd, reterr);
}

int overlay_make_root(const struct spec *spec, int userns_fd, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = overlay_mount_mapped(spec, userns_fd, &fd, reterr);
    return r < 0 ? r
                 : mountfd_clone(fd, "", !spec->lowerdirs && !spec->erofs_image, ret_fd, reterr);
}
