/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image, in this order: superblock, devices; the metadata area (inodes, each with its xattrs,
 * short content or chunk indexes behind it); shared xattrs; the data area (long directories and
 * links, data that is copied). Every pass goes through the tree in the same order, and what one
 * inode needs is computed anew in each: nothing is kept but the nid, in the inode's mark.
 */
#include "layers/erofs.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>

#include "layers/erofs_epoch.h"
#include "layers/erofs_inode.h"
#include "layers/erofs_super.h"
#include "schema/limits.h"

/* A sparse map of few bytes can ask for any amount of chunk indexes and of blocks that are copied.
 * Real layers need next to none. */
#define SPARSE_BYTES_MAX ((uint64_t)256 << 20)

#define MARK_SURVEYED ((uintptr_t)1) /* less than any nid */

struct writer {
    struct erofs_image image;
    struct erofs_epoch epoch;
    struct erofs_out out;
    struct erofs_place place; /* of the next inode in this pass */
    uint64_t last_nid;        /* of the inode before it; 0 at the start of a pass */
    uint64_t at;              /* offset of the next inode, while it is planned */
    uint64_t sparse_bytes;    /* indexes and copies so far */
    uint64_t xattr_area;      /* offset of the shared xattrs */
    uint64_t data_area;
    struct erofs_report report;
};

static void writer_done(struct writer *w)
{
    free(w->image.tar_bytes);
    erofs_xattr_done(&w->image.xattrs);
    erofs_out_done(&w->out);
}

typedef int visit_fn(struct writer *w, const struct tree_dentry *d, struct imgc_err *reterr);

static int path_context(const struct tree_dentry *d, struct imgc_err *reterr)
{
    struct imgc_err ignored;
    imgc_autofree char *path = NULL;

    if (tree_path(d, &path, &ignored) < 0) {
        return imgc_context(reterr, "'%s'", d->name);
    }
    return imgc_context(reterr, "'/%s'", path);
}

/* Every dentry, a directory before its children; the visitor knows an inode that it has seen.
 * The tree is no deeper than LIMIT_PATH_DEPTH. */
static int walk(struct writer *w, const struct tree_dentry *d, visit_fn *visit,
                struct imgc_err *reterr)
{
    int r = visit(w, d, reterr);

    if (r < 0) {
        return path_context(d, reterr);
    }
    size_t n = tree_children(d);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = walk(w, tree_child(d, i), visit, reterr);
    }
    return r;
}

/* A pass over inodes that have their nid. */
static int pass(struct writer *w, struct tree *t, visit_fn *visit, struct imgc_err *reterr)
{
    w->place = (struct erofs_place){ .data_block = w->data_area / EROFS_BLOCK };
    w->last_nid = 0;
    return walk(w, tree_root(t), visit, reterr);
}

/* Whether this pass has not seen the inode yet: nids grow in the order of the walk. */
static bool is_next(struct writer *w, const struct tree_inode *inode)
{
    if (inode->mark <= w->last_nid) {
        return false;
    }
    w->last_nid = inode->mark;
    return true;
}

static void advance(struct writer *w, const struct tree_inode *inode, const struct erofs_plan *p)
{
    w->place.first_xattr += erofs_xattr_count(inode);
    w->place.data_block += p->data_blocks;
    w->place.ino++;
}

static int survey(struct writer *w, const struct tree_dentry *d, struct imgc_err *reterr)
{
    struct tree_inode *inode = d->inode;

    if (inode->mark == MARK_SURVEYED) {
        return 0;
    }
    inode->mark = MARK_SURVEYED;
    if (inode->uid <= UINT16_MAX && inode->gid <= UINT16_MAX) {
        erofs_epoch_vote(&w->epoch, (struct erofs_time){ inode->mtime_s, inode->mtime_ns });
    }
    return erofs_xattr_note(&w->image.xattrs, inode, reterr);
}

static int count_sparse(struct writer *w, const struct erofs_plan *p, struct imgc_err *reterr)
{
    uint64_t copied = p->chunks.copied_blocks * EROFS_BLOCK;

    w->report.copied_bytes += copied;
    if (p->chunks.count > 1 || copied > 0) {
        w->sparse_bytes += copied + p->chunks.count * sizeof(struct erofs_chunk_index);
    }
    if (copied > SPARSE_BYTES_MAX || w->sparse_bytes > SPARSE_BYTES_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT,
                         "with this one, sparse files would take more than %llu bytes in EROFS",
                         (unsigned long long)SPARSE_BYTES_MAX);
    }
    return 0;
}

static int plan(struct writer *w, const struct tree_dentry *d, struct imgc_err *reterr)
{
    struct tree_inode *inode = d->inode;
    struct erofs_plan p;

    if (inode->mark != MARK_SURVEYED) {
        return 0;
    }
    int r = erofs_inode_plan(&w->image, d, w->place.first_xattr, &p, reterr);
    if (r >= 0) {
        r = count_sparse(w, &p, reterr);
    }
    if (r < 0) {
        return r;
    }
    uint64_t offset = erofs_inode_offset(&p, w->at);
    inode->mark = (uintptr_t)(offset / EROFS_NID_BYTES);
    w->at = offset + p.meta_bytes;
    w->report.inodes++;
    advance(w, inode, &p);
    if (w->at / EROFS_BLOCK + w->place.data_block >= UINT32_MAX - 1) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "an EROFS image has less than 2 TiB");
    }
    return 0;
}

static int write_inode(struct writer *w, const struct tree_dentry *d, struct imgc_err *reterr)
{
    struct erofs_plan p;

    if (!is_next(w, d->inode)) {
        return 0;
    }
    int r = erofs_inode_plan(&w->image, d, w->place.first_xattr, &p, reterr);
    if (r >= 0) {
        r = erofs_out_pad(&w->out, w->last_nid * EROFS_NID_BYTES, reterr);
    }
    if (r >= 0) {
        r = erofs_inode_write(&w->image, d, &p, &w->place, &w->out, reterr);
    }
    if (r >= 0) {
        assert(w->out.at == w->last_nid * EROFS_NID_BYTES + p.meta_bytes);
        advance(w, d->inode, &p);
    }
    return r;
}

static int write_shared(struct writer *w, const struct tree_dentry *d, struct imgc_err *reterr)
{
    if (!is_next(w, d->inode)) {
        return 0;
    }
    int r = erofs_xattr_write_shared(&w->image.xattrs, w->place.first_xattr, d->inode,
                                     w->xattr_area, &w->out, reterr);
    w->place.first_xattr += erofs_xattr_count(d->inode);
    return r;
}

static int write_data(struct writer *w, const struct tree_dentry *d, struct imgc_err *reterr)
{
    struct erofs_plan p;

    if (!is_next(w, d->inode)) {
        return 0;
    }
    int r = erofs_inode_plan(&w->image, d, w->place.first_xattr, &p, reterr);
    if (r >= 0) {
        assert(w->out.at == w->place.data_block * EROFS_BLOCK);
        r = erofs_inode_write_data(&w->image, d, &p, &w->out, reterr);
        advance(w, d->inode, &p);
    }
    return r;
}

static int measure_tars(struct writer *w, const struct erofs_args *args, struct imgc_err *reterr)
{
    if (args->n_layer_fds > LIMIT_LAYERS) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "%zu layers, more than %d", args->n_layer_fds,
                         LIMIT_LAYERS);
    }
    w->image.tar_fds = args->layer_fds;
    w->image.n_tars = args->n_layer_fds;
    w->image.tar_bytes = calloc(args->n_layer_fds + 1, sizeof *w->image.tar_bytes);
    if (!w->image.tar_bytes) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < args->n_layer_fds; i++) {
        struct stat st;
        if (fstat(args->layer_fds[i], &st) < 0) {
            return imgc_fail_sys(reterr, errno, "look at a layer's tar");
        }
        w->image.tar_bytes[i] = (uint64_t)st.st_size;
    }
    return 0;
}

static uint64_t block_up(uint64_t offset)
{
    return (offset + EROFS_BLOCK - 1) / EROFS_BLOCK * EROFS_BLOCK;
}

/* Give every inode its nid, and the areas their places. */
static int lay_out(struct writer *w, struct tree *t, struct imgc_err *reterr)
{
    tree_clear_marks(t);
    int r = walk(w, tree_root(t), survey, reterr);
    if (r >= 0) {
        r = erofs_xattr_settle(&w->image.xattrs, reterr);
    }
    if (r < 0) {
        return r;
    }
    w->image.epoch = erofs_epoch_winner(&w->epoch);
    w->at = EROFS_SUPER_END + w->image.n_tars * sizeof(struct erofs_device);
    r = pass(w, t, plan, reterr);
    if (r < 0) {
        return r;
    }
    w->xattr_area = block_up(w->at);
    w->data_area = block_up(w->xattr_area + w->image.xattrs.shared_bytes);
    uint64_t blocks = w->data_area / EROFS_BLOCK + w->place.data_block;
    if (blocks >= UINT32_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "an EROFS image has less than 2 TiB");
    }
    w->report.image_bytes = blocks * EROFS_BLOCK;
    return 0;
}

static int write_areas(struct writer *w, struct tree *t, struct imgc_err *reterr)
{
    int r = erofs_out_pad(&w->out, EROFS_SUPER_END, reterr);

    if (r >= 0) {
        r = erofs_super_devices(w->image.tar_bytes, w->image.n_tars, &w->out, reterr);
    }
    if (r >= 0) {
        r = pass(w, t, write_inode, reterr);
    }
    if (r >= 0) {
        r = erofs_out_pad(&w->out, w->xattr_area, reterr);
    }
    if (r >= 0 && w->image.xattrs.shared_bytes > 0) {
        r = pass(w, t, write_shared, reterr);
    }
    if (r >= 0) {
        r = erofs_out_pad(&w->out, w->data_area, reterr);
    }
    if (r >= 0) {
        r = pass(w, t, write_data, reterr);
    }
    assert(r < 0 || w->out.at == w->report.image_bytes);
    return r;
}

int erofs_write(struct tree *t, const struct erofs_args *args, struct erofs_report *ret,
                struct imgc_err *reterr)
{
    imgc_auto(writer_done) struct writer w = { .image = { .xattrs = EROFS_XATTRS_INIT },
                                               .epoch = EROFS_EPOCH_INIT,
                                               .out = EROFS_OUT_INIT };
    struct digest content;

    int r = measure_tars(&w, args, reterr);
    if (r >= 0) {
        r = lay_out(&w, t, reterr);
    }
    if (r >= 0) {
        r = erofs_out_begin(&w.out, args->image_fd, 0, reterr);
    }
    if (r >= 0) {
        r = write_areas(&w, t, reterr);
    }
    if (r >= 0) {
        r = erofs_out_end(&w.out, &content, reterr);
    }
    if (r < 0) {
        return r;
    }
    const struct erofs_super_args super = {
        .root_nid = tree_root(t)->inode->mark,
        .inodes = w.report.inodes,
        .epoch = w.image.epoch,
        .blocks = (uint32_t)(w.report.image_bytes / EROFS_BLOCK),
        .xattr_block = (uint32_t)(w.xattr_area / EROFS_BLOCK),
        .devices = (uint16_t)w.image.n_tars,
        .content = &content,
    };
    r = erofs_super_write(args->image_fd, &super, reterr);
    if (r >= 0 && ret) {
        *ret = w.report;
    }
    return r;
}
