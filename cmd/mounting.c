/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/mounting.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/acquire.h"
#include "layers/rootfs.h"
#include "runtime/image_mount.h"
#include "schema/base/fd.h"
#include "store/lock.h"
#include "store/mounted.h"

static int require_root(struct imgc_err *reterr)
{
    return geteuid() == 0
               ? 0
               : imgc_fail(reterr, IMGC_E_HOST, "only root can mount and unmount images");
}

static int path_for(struct app *app, const struct digest *image_id, char **ret,
                    struct imgc_err *reterr)
{
    char hex[DIGEST_HEX_MAX];

    if (asprintf(ret, "%s/mounts/%s", store_runroot_path(app->store), digest_hex(image_id, hex)) <
        0) {
        *ret = NULL;
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return 0;
}

/* The row first: a crash leaves a row without a mount, which says nothing. */
static int mount_on(struct app *app, const struct image *image, const struct rootfs *rootfs,
                    char *path, struct imgc_err *reterr)
{
    const struct spec spec = { .lowerdirs = rootfs->lowerdirs,
                               .erofs_image = rootfs->image,
                               .erofs_devices = rootfs->devices,
                               .mountpoint = path };
    struct imgc_err ignored;

    int r = fd_mkdir_p(path, 0700, reterr);
    r = r < 0 ? r : mounted_add(app->store, &image->id, path, reterr);
    if (r < 0) {
        return r;
    }
    r = image_mount_attach(&spec, reterr);
    if (r < 0) {
        (void)!mounted_remove(app->store, &image->id, &ignored);
        (void)rmdir(path);
    }
    return r;
}

static int mount_new(struct app *app, const struct image *image, char **ret_path,
                     struct imgc_err *reterr)
{
    imgc_autofree char *path = NULL;
    lease_auto struct lease *lease = NULL;
    rootfs_auto struct rootfs rootfs = { .n_lowerdirs = 0 };
    struct rootfs_report report = { .fallback = "" };

    int r = path_for(app, &image->id, &path, reterr);
    r = r < 0 ? r : lease_begin(app->store, &lease, reterr);
    if (r < 0) {
        return r;
    }
    const struct rootfs_args args = { .store = app->store,
                                      .lease = lease,
                                      .diff_ids = image->diff_ids,
                                      .n_diff_ids = image->n_diff_ids,
                                      .form = app->settings.form };
    r = rootfs_prepare(&args, &rootfs, &report, reterr);
    if (r < 0) {
        return r;
    }
    acquire_tell_form(app, &report);
    /* A mount that lost its row (a store made anew) would hide below. */
    while (image_mount_is(path)) {
        r = image_mount_detach(path, true, reterr);
        if (r < 0) {
            return r;
        }
    }
    r = mount_on(app, image, &rootfs, path, reterr);
    if (r == 0) {
        *ret_path = imgc_take(path);
    }
    return r;
}

int mounting_mount(struct app *app, const struct image *image, char **ret_path,
                   struct imgc_err *reterr)
{
    lock_auto struct lock lock = LOCK_INIT;
    mounted_auto struct mounted m = { .path = NULL };

    int r = require_root(reterr);
    r = r < 0 ? r : lock_take(app->store, &image->id, true, &lock, reterr);
    r = r < 0 ? r : mounted_find(app->store, &image->id, &m, reterr);
    if (r == 0 && image_mount_is(m.path)) {
        *ret_path = imgc_take(m.path);
        return 0;
    }
    return r < 0 ? r : mount_new(app, image, ret_path, reterr);
}

int mounting_umount(struct app *app, const struct digest *image_id, bool force,
                    struct imgc_err *reterr)
{
    lock_auto struct lock lock = LOCK_INIT;
    mounted_auto struct mounted m = { .path = NULL };

    int r = require_root(reterr);
    r = r < 0 ? r : lock_take(app->store, image_id, true, &lock, reterr);
    r = r < 0 ? r : mounted_find(app->store, image_id, &m, reterr);
    if (r != 0) {
        return r < 0 ? r : MOUNTING_NOT;
    }
    bool is_there = image_mount_is(m.path);
    if (is_there) {
        r = image_mount_detach(m.path, force, reterr);
        if (r < 0) {
            return r;
        }
    }
    (void)rmdir(m.path);
    r = mounted_remove(app->store, image_id, reterr);
    return r < 0 ? r : is_there ? 0 : MOUNTING_NOT;
}

int mounting_release(struct app *app, const struct digest *image_id, bool force,
                     struct imgc_err *reterr)
{
    char hex[DIGEST_HEX_MAX];
    mounted_auto struct mounted m = { .path = NULL };

    int r = mounted_find(app->store, image_id, &m, reterr);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    if (!force && image_mount_is(m.path)) {
        return imgc_fail(reterr, IMGC_E_INUSE, "image %.12s is mounted on '%s'",
                         digest_hex(image_id, hex), m.path);
    }
    r = mounting_umount(app, image_id, force, reterr);
    return r < 0 ? r : 0;
}
