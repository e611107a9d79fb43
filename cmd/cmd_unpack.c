/* SPDX-License-Identifier: Apache-2.0 */
/* imgc unpack: an image's root file system as a plain directory. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/acquire.h"
#include "cmd/commands.h"
#include "layers/rootfs.h"
#include "schema/base/fd.h"

static void closedirp(DIR **d)
{
    if (*d) {
        (void)closedir(*d);
    }
}

/* Call @remove on nothing or on every entry; tells how many there were. */
static int walk_entries(int dir_fd, bool remove, size_t *ret_n, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    int r = fd_open_at(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    imgc_auto(closedirp) DIR *d = fdopendir(fd);
    if (!d) {
        return imgc_fail_sys(reterr, errno, "list the directory");
    }
    fd = -1; /* belongs to d */
    *ret_n = 0;
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        (*ret_n)++;
        if (remove) {
            r = fd_remove_tree(dir_fd, e->d_name, NULL, reterr);
            if (r < 0) {
                return r;
            }
        }
    }
    return 0;
}

/* Open DIR, made if it is missing; it must be empty. */
static int open_target(const char *path, bool *ret_is_new, int *ret_fd, struct imgc_err *reterr)
{
    *ret_is_new = mkdir(path, 0755) == 0;
    if (!*ret_is_new && errno != EEXIST) {
        return imgc_fail_sys(reterr, errno, "create directory '%s'", path);
    }
    imgc_autoclose int fd = -1;
    int r = fd_open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    size_t n = 0;
    r = walk_entries(fd, false, &n, reterr);
    if (r < 0) {
        return r;
    }
    if (n > 0) {
        return imgc_fail(reterr, IMGC_E_EXISTS, "'%s' is not empty; give a new or empty directory",
                         path);
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}

static int unpack_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    (void)options;
    image_auto struct image image = { .tags = NULL };
    int r = acquire_local(app, args.v[0], &image, reterr);
    if (r < 0) {
        return r;
    }
    bool is_new = false;
    imgc_autoclose int fd = -1;
    r = open_target(args.v[1], &is_new, &fd, reterr);
    if (r < 0) {
        return r;
    }
    struct dir_sink_report report = { .entries = 0 };
    const struct rootfs_args rootfs = { .store = app->store,
                                        .diff_ids = image.diff_ids,
                                        .n_diff_ids = image.n_diff_ids };
    /* What an ordinary user gets is all his: else he could not even remove it. */
    bool is_own = app->ids.kind != USERNS_NONE;
    r = rootfs_unpack(&rootfs, fd, is_own, &report, reterr);
    if (r < 0) {
        struct imgc_err ignored;
        size_t n;
        (void)walk_entries(fd, true, &n, &ignored);
        if (is_new) {
            (void)rmdir(args.v[1]);
        }
        return imgc_context(reterr, "unpack %s", args.v[0]);
    }
    if (report.devices_skipped || report.owners_skipped || report.xattrs_skipped) {
        output_warn(&app->out,
                    "left out for want of privilege: %llu device nodes, %llu owners, %llu xattrs",
                    (unsigned long long)report.devices_skipped,
                    (unsigned long long)report.owners_skipped,
                    (unsigned long long)report.xattrs_skipped);
    }
    return 0;
}

const struct command cmd_unpack = {
    .name = "unpack",
    .args = "IMAGE DIR",
    .summary = "write an image's root file system into a directory",
    .help =
        "DIR is made, or must be empty. Types, modes, owners, times, hard links, devices, xattrs\n"
        "and file capabilities are as the layers say. An ordinary user gets the files without\n"
        "the owners and devices that only root may make.\n"
        "\n"
        "  imgc unpack debian:bookworm ./rootfs\n",
    .min_args = 2,
    .max_args = 2,
    .ids = IDS_WANTED,
    .run = unpack_run,
};
