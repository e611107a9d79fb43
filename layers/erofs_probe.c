/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/erofs_probe.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "layers/erofs.h"
#include "schema/base/fd.h"

#define DATA_BYTES 512 /* of the file: one block of the image */

struct probe_source {
    struct source source;
    bool is_over;
};

/* One file, with its data at the start of the only layer. */
static int next_entry(struct source *src, struct entry *ret, struct imgc_err *reterr)
{
    struct probe_source *s = (struct probe_source *)src;
    const struct extent all = { .len = DATA_BYTES };

    if (s->is_over) {
        return SOURCE_END;
    }
    s->is_over = true;
    ret->type = ENTRY_FILE;
    ret->mode = 0600;
    ret->size = DATA_BYTES;
    int r = imgc_str_dup(IMGC_STR("probe"), &ret->path, reterr);
    return r < 0 ? r : entry_add_extent(ret, &all, reterr);
}

static void fill(char data[DATA_BYTES])
{
    for (int i = 0; i < DATA_BYTES; i++) {
        data[i] = (char)('a' + i % 26);
    }
}

static int write_files(int image_fd, int data_fd, struct imgc_err *reterr)
{
    struct probe_source source = { .source = { .next = next_entry } };
    const struct erofs_args args = { .layer_fds = &data_fd,
                                     .n_layer_fds = 1,
                                     .image_fd = image_fd };
    char data[DATA_BYTES];
    tree_auto struct tree *tree = NULL;

    fill(data);
    int r = fd_write_all(data_fd, data, sizeof data, reterr);
    r = r < 0 ? r : tree_new(&tree, reterr);
    r = r < 0 ? r : tree_apply(tree, &source.source, reterr);
    return r < 0 ? r : erofs_write(tree, &args, NULL, reterr);
}

/* @return 0 or an errno. */
static int set_fd(int fs_fd, const char *key, int fd)
{
    char path[32];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return fsconfig(fs_fd, FSCONFIG_SET_STRING, key, path, 0) < 0 ? errno : 0;
}

static int read_back(int mount_fd)
{
    char data[DATA_BYTES], got[DATA_BYTES];
    imgc_autoclose int fd = openat(mount_fd, "probe", O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return errno;
    }
    fill(data);
    ssize_t n = read(fd, got, sizeof got);
    if (n < 0) {
        return errno;
    }
    return n == DATA_BYTES && memcmp(got, data, DATA_BYTES) == 0 ? 0 : EIO;
}

/* @return 0 or an errno. */
static int try_mount(int image_fd, int data_fd)
{
    imgc_autoclose int fs_fd = fsopen("erofs", FSOPEN_CLOEXEC);
    if (fs_fd < 0) {
        return errno;
    }
    int e = set_fd(fs_fd, "source", image_fd);
    if (e == 0) {
        e = set_fd(fs_fd, "device", data_fd);
    }
    if (e != 0) {
        return e;
    }
    if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
        return errno;
    }
    imgc_autoclose int mount_fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
    return mount_fd < 0 ? errno : read_back(mount_fd);
}

static void explain(int e, struct erofs_probe *ret)
{
    const char *why = strerrordesc_np(e);

    *ret = (struct erofs_probe){ .works = e == 0, .is_final = true };
    switch (e) {
    case 0:
        return;
    case EPERM:
    case EACCES:
        ret->is_final = false; /* another process may be allowed to */
        (void)snprintf(ret->reason, sizeof ret->reason, "this host forbids mounting EROFS: %s",
                       why);
        return;
    case ENODEV:
        (void)snprintf(ret->reason, sizeof ret->reason, "this kernel has no EROFS");
        return;
    case ENOTBLK: /* a kernel that wants a device, or a file system that lacks what it needs */
        (void)snprintf(ret->reason, sizeof ret->reason,
                       "this kernel does not mount EROFS from files (Linux 6.12 or later does), or "
                       "not from those of the store's file system");
        return;
    default:
        (void)snprintf(ret->reason, sizeof ret->reason,
                       "this kernel does not mount EROFS as imgc writes it: %s", why);
    }
}

int erofs_probe_run(int dir_fd, struct erofs_probe *ret, struct imgc_err *reterr)
{
    imgc_autoclose int image_fd = -1, data_fd = -1;
    int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;

    int r = fd_open_at(dir_fd, "probe-image", flags, 0600, &image_fd, reterr);
    r = r < 0 ? r : fd_open_at(dir_fd, "probe-data", flags, 0600, &data_fd, reterr);
    r = r < 0 ? r : write_files(image_fd, data_fd, reterr);
    if (r < 0) {
        return imgc_context(reterr, "try EROFS");
    }
    explain(try_mount(image_fd, data_fd), ret);
    return 0;
}
