/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/volumes.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cmd/chores.h"
#include "layers/rootfs.h"
#include "schema/base/fd.h"
#include "store/image.h"
#include "store/volume.h"

bool volumes_has(const struct spec *spec)
{
    for (size_t i = 0; i < spec->n_mounts; i++) {
        if (spec->mounts[i].kind == SPEC_MOUNT_VOLUME) {
            return true;
        }
    }
    return false;
}

struct preparation {
    struct store *store;
    const struct container *container;
    struct lease *lease;
    struct image image;
    struct rootfs_stack stack; /* read when the first volume is filled */
    bool is_read;
};

static void preparation_done(struct preparation *p)
{
    if (p->is_read) {
        rootfs_stack_done(&p->stack);
        image_done(&p->image);
    }
    p->lease = lease_end(p->lease);
}

static int use_one(struct preparation *p, const struct spec_mount *m, struct imgc_err *reterr)
{
    const struct volume_args args = { .name = m->source,
                                      .container_id = p->container->id,
                                      .is_anonymous = m->is_anonymous };

    int r = volume_create(p->store, p->lease, &args, reterr);
    return r < 0 ? imgc_context(reterr, "volume '%s'", m->source) : 0;
}

static int read_image(struct preparation *p, struct imgc_err *reterr)
{
    if (p->is_read) {
        return 0;
    }
    int r = image_find_id(p->store, &p->container->image_id, &p->image, reterr);
    if (r != 0) {
        return r < 0 ? r
                     : imgc_fail(reterr, IMGC_E_NOTFOUND, "image '%s' is gone",
                                 p->container->image_name);
    }
    p->is_read = true;
    p->stack = (struct rootfs_stack)ROOTFS_STACK_INIT;
    return rootfs_load(p->store, p->image.diff_ids, p->image.n_diff_ids, &p->stack, reterr);
}

/* The image's directory @top as a new directory @name of the lease's. Device nodes stay behind:
 * a volume may be mounted where they would count. */
static int stage(struct preparation *p, struct tree_dentry *top, const char *name,
                 struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    struct dir_sink_report report = { .entries = 0 };

    int r = fd_open_dir_at(lease_dir_fd(p->lease), name, 0700, &fd, reterr);
    if (r < 0) {
        return r;
    }
    const struct dir_sink_args args = { .layers = p->stack.data,
                                        .n_layers = p->stack.n,
                                        .dir_fd = fd,
                                        .top = top,
                                        .no_devices = true,
                                        .is_privileged = dir_sink_privileged() };
    return dir_sink_root(p->stack.tree, &args, &report, reterr);
}

static int fill_one(struct preparation *p, const struct spec_mount *m, struct imgc_err *reterr)
{
    bool is_disposable = m->is_anonymous && p->container->auto_remove;
    struct tree_dentry *top = NULL;
    char name[LEASE_NAME_MAX];
    int r = 0;

    if (!m->no_copy && digest_is_set(&p->container->image_id)) {
        r = read_image(p, reterr);
        top = r < 0 ? NULL : tree_lookup(p->stack.tree, imgc_str_of(m->target), true);
    }
    if (r < 0 || !top || top->inode->type != ENTRY_DIR) {
        return r < 0 ? r : volume_fill(p->store, p->lease, m->source, NULL, is_disposable, reterr);
    }
    lease_name(p->lease, name);
    r = stage(p, top, name, reterr);
    return r < 0 ? r : volume_fill(p->store, p->lease, m->source, name, is_disposable, reterr);
}

static int prepare_one(struct preparation *p, struct spec_mount *m, struct imgc_err *reterr)
{
    volume_auto struct volume v = { .name = NULL };
    char path[PATHS_MAX];

    int r = volume_find(p->store, m->source, &v, reterr);
    if (r == VOLUME_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "volume '%s' is gone", m->source);
    }
    if (r == 0 && !v.is_filled) {
        r = fill_one(p, m, reterr);
    }
    if (r < 0) {
        return imgc_context(reterr, "volume '%s'", m->source);
    }
    free(m->host_dir);
    m->host_dir = NULL;
    if (asprintf(&m->host_dir, "%s/%s", store_root_path(p->store), volume_path(m->source, path)) <
        0) {
        m->host_dir = NULL;
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return 0;
}

int volumes_use(struct app *app, const struct container *c, const struct spec *spec,
                struct imgc_err *reterr)
{
    imgc_auto(preparation_done) struct preparation p = { .store = app->store, .container = c };

    int r = volumes_has(spec) ? lease_begin(p.store, &p.lease, reterr) : 0;
    for (size_t i = 0; i < spec->n_mounts && r == 0; i++) {
        if (spec->mounts[i].kind == SPEC_MOUNT_VOLUME) {
            r = use_one(&p, &spec->mounts[i], reterr);
        }
    }
    return r;
}

int volumes_prepare(struct app *app, const struct container *c, struct spec *spec,
                    struct imgc_err *reterr)
{
    imgc_auto(preparation_done) struct preparation p = { .store = app->store, .container = c };

    if (!volumes_has(spec)) {
        return 0;
    }
    int r = volumes_use(app, c, spec, reterr);
    r = r < 0 ? r : lease_begin(p.store, &p.lease, reterr);
    for (size_t i = 0; i < spec->n_mounts && r == 0; i++) {
        if (spec->mounts[i].kind == SPEC_MOUNT_VOLUME) {
            r = prepare_one(&p, &spec->mounts[i], reterr);
        }
    }
    return r;
}

void volumes_released(struct app *app, const struct spec *spec)
{
    for (size_t i = 0; i < spec->n_mounts; i++) {
        if (spec->mounts[i].is_anonymous) {
            chores_note(app);
        }
    }
}

int volumes_follow(struct app *app, const char *id, struct imgc_err *reterr)
{
    chores_note(app); /* they are in the trash then */
    return volume_follow(app->store, id, reterr);
}
