/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/punch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "layers/punch_collect.h"
#include "layers/rootfs.h"
#include "layers/rootfs_stack.h"
#include "schema/base/fd.h"
#include "store/lock.h"

/* Nothing is held from garbage collection: an image that is removed meanwhile goes at once, and
 * what is done to files that have no name any more hurts nobody. */
struct puncher {
    struct store *s;
    struct lease *lease; /* for staging */
    uint64_t block;      /* what the file system can punch: multiples of this */
};

/* A lock of its own: the layer's digest is also what a build of its stack is locked by, and a build
 * restores layers. */
static int lock_layer(struct store *s, const struct digest *diff_id, bool wait, struct lock *ret,
                      struct imgc_err *reterr)
{
    char text[DIGEST_TEXT_MAX + 8];
    struct digest own;

    (void)snprintf(text, sizeof text, "punch ");
    (void)digest_text(diff_id, text + strlen(text));
    int r = digest_of(DIGEST_SHA256, text, strlen(text), &own, reterr);
    return r < 0 ? r : lock_take(s, &own, wait, ret, reterr);
}

/* @return 0; -1: not here. */
static int try_hole(int fd, uint64_t block)
{
    return ftruncate(fd, (off_t)(2 * block)) < 0
               ? -1
               : fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)block,
                           (off_t)block);
}

/* @return 0, and @ret is 0 where the file system makes no holes. */
static int find_block(struct lease *lease, uint64_t *ret, struct imgc_err *reterr)
{
    struct statvfs v;
    char name[LEASE_NAME_MAX];
    imgc_autoclose int fd = -1;

    *ret = 0;
    lease_name(lease, name);
    int r = fd_open_at(lease_dir_fd(lease), name, O_RDWR | O_CREAT | O_EXCL, 0600, &fd, reterr);
    if (r < 0) {
        return r;
    }
    if (fstatvfs(fd, &v) < 0) {
        return imgc_fail_sys(reterr, errno, "ask for the block size of the store");
    }
    uint64_t block = v.f_frsize > v.f_bsize ? v.f_frsize : v.f_bsize;
    if (block > 0 && block <= PUNCH_COLLECT_BLOCK_MAX && try_hole(fd, block) == 0) {
        *ret = block;
    }
    (void)unlinkat(lease_dir_fd(lease), name, 0);
    return 0;
}

/* The map of the layer that was applied last into the new file @name. */
static int write_map(const struct puncher *p, struct rootfs_stack *stack, const struct view *view,
                     const char *name, struct imgc_err *reterr)
{
    struct stat st;
    size_t top = stack->n_applied - 1;
    imgc_autoclose int view_fd = -1, fd = -1;
    imgc_auto(punch_map_builder_freep) struct punch_map_builder *map = NULL;

    int r = view_open(p->s, view, &view_fd, reterr);
    if (r >= 0) {
        r = punch_map_builder_new(&map, reterr);
    }
    if (r >= 0) {
        const struct punch_collect_args args = {
            .data = &stack->data[top], .layer = (uint32_t)top, .view_fd = view_fd, .block = p->block
        };
        r = punch_collect(stack->tree, &args, map, reterr);
    }
    if (r >= 0) {
        r = fd_open_at(lease_dir_fd(p->lease), name, O_WRONLY | O_CREAT | O_EXCL, 0600, &fd,
                       reterr);
    }
    if (r < 0) {
        return r;
    }
    if (fstat(stack->data[top].fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at the layer's tar");
    }
    return punch_map_builder_write(map, (uint64_t)st.st_size, fd, reterr);
}

/* Make the map of the layer that was applied last. The holes have to wait: the stack reads. */
static int map_layer(const struct puncher *p, struct rootfs_stack *stack, const struct view *view,
                     struct imgc_err *reterr)
{
    lock_auto struct lock lock = LOCK_INIT;
    char name[LEASE_NAME_MAX];

    int r = lock_layer(p->s, &view->diff_id, false, &lock, reterr);
    if (r == 0) {
        r = punched_allowed(p->s, &view->diff_id, &view->chain_id, reterr);
    }
    if (r != 0) {
        return r < 0 ? r : 0; /* busy, gone, or done */
    }
    lease_name(p->lease, name);
    r = write_map(p, stack, view, name, reterr);
    if (r >= 0) {
        r = punched_begin(p->s, p->lease, &view->diff_id, &view->chain_id, name, reterr);
    }
    (void)unlinkat(lease_dir_fd(p->lease), name, 0);
    return r < 0 ? r : 0;
}

static int map_stack(const struct puncher *p, const struct digest *diff_ids, size_t n,
                     struct imgc_err *reterr)
{
    rootfs_stack_auto struct rootfs_stack stack = ROOTFS_STACK_INIT;
    imgc_autofree struct digest *chain_ids = calloc(n > 0 ? n : 1, sizeof *chain_ids);

    if (!chain_ids) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = digest_chain(diff_ids, n, chain_ids, reterr);
    if (r >= 0) {
        r = rootfs_stack_open(p->s, diff_ids, n, &stack, reterr);
    }
    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = rootfs_stack_apply(&stack, reterr);
        if (r >= 0) {
            r = punched_allowed(p->s, &diff_ids[i], &chain_ids[i], reterr);
        }
        if (r == 0) {
            const struct view view = { .chain_id = chain_ids[i],
                                       .diff_id = diff_ids[i],
                                       .form = VIEW_DIRECTORY };
            r = map_layer(p, &stack, &view, reterr);
        }
    }
    return r < 0 ? r : 0;
}

static int map_image(const struct puncher *p, const struct digest *id, struct imgc_err *reterr)
{
    image_auto struct image image = { .tags = NULL };

    int r = image_find_id(p->s, id, &image, reterr);
    if (r != 0) {
        return r < 0 ? r : 0; /* removed meanwhile */
    }
    return map_stack(p, image.diff_ids, image.n_diff_ids, reterr);
}

static int make_holes(int fd, const struct punch_map *map, struct imgc_err *reterr)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct punch_run run = punch_map_run(map, i);
        if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)run.tar_offset,
                      (off_t)run.len) < 0) {
            return imgc_fail_sys(reterr, errno, "make a hole in a layer's tar");
        }
    }
    /* What the index tells of disk space would be less than there is, after a power loss. */
    return fsync(fd) < 0 ? imgc_fail_sys(reterr, errno, "sync a layer's tar") : 0;
}

static int read_map(struct store *s, const struct digest *diff_id, struct punch_map *ret,
                    struct imgc_err *reterr)
{
    punched_auto struct punched_layer files = PUNCHED_LAYER_INIT;

    int r = punched_open(s, diff_id, &files, reterr);
    if (r != 0 || files.map_fd < 0) {
        return r < 0 ? r : PUNCHED_MISSING;
    }
    return punch_map_open(files.map_fd, ret, reterr);
}

/* Make the holes of a layer that has its map. */
static int punch_layer(const struct puncher *p, const struct digest *diff_id,
                       struct imgc_err *reterr)
{
    lock_auto struct lock lock = LOCK_INIT;
    punch_map_auto struct punch_map map = { .n = 0 };
    imgc_autoclose int fd = -1;

    int r = lock_layer(p->s, diff_id, false, &lock, reterr);
    if (r == 0) {
        r = read_map(p->s, diff_id, &map, reterr);
    }
    if (r == 0) {
        r = punched_open_write(p->s, diff_id, true, &fd, reterr);
    }
    if (r == 0) {
        r = make_holes(fd, &map, reterr);
    }
    if (r == 0) {
        r = punched_end(p->s, diff_id, reterr);
    }
    return r < 0 ? r : 0; /* busy, or gone */
}

/* One failure stops nothing else; the first one is told. */
static void note(int r, const struct imgc_err *err, int *first, struct imgc_err *reterr)
{
    if (r < 0 && *first >= 0) {
        *first = r;
        *reterr = *err;
    }
}

static int punch_begun(const struct puncher *p, const struct punched_todo *todo,
                       struct imgc_err *reterr)
{
    int first = 0;

    for (size_t i = 0; i < todo->n_begun; i++) {
        struct imgc_err err;
        int r = punch_layer(p, &todo->begun[i], &err);
        note(r, &err, &first, reterr);
    }
    return first;
}

static int punch_todo(const struct puncher *p, const struct punched_todo *todo,
                      struct imgc_err *reterr)
{
    int first = 0;

    for (size_t i = 0; i < todo->n_images; i++) {
        punched_todo_auto struct punched_todo begun = { .n_begun = 0 };
        struct imgc_err err;
        int r = map_image(p, &todo->images[i], &err);
        note(r, &err, &first, reterr);
        r = punched_find(p->s, &begun, &err);
        if (r == 0) {
            r = punch_begun(p, &begun, &err);
        }
        note(r, &err, &first, reterr);
    }
    return first;
}

int punch_all(struct store *s, struct imgc_err *reterr)
{
    punched_todo_auto struct punched_todo todo = { .n_begun = 0 };
    lease_auto struct lease *lease = NULL;
    struct puncher p = { .s = s };

    int r = punched_find(s, &todo, reterr);
    if (r < 0 || todo.n_begun + todo.n_images == 0) {
        return r;
    }
    r = lease_begin(s, &lease, reterr);
    if (r == 0) {
        p.lease = lease;
        r = find_block(lease, &p.block, reterr);
    }
    if (r < 0 || p.block == 0) {
        return r;
    }
    r = punch_begun(&p, &todo, reterr);
    struct imgc_err err;
    int second = punch_todo(&p, &todo, &err);
    note(second, &err, &r, reterr);
    return r;
}

static int fill_holes(struct tar_data *data, int fd, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < data->map.n; i++) {
        const struct punch_run run = punch_map_run(&data->map, i);
        r = tar_data_copy(data, run.tar_offset, run.len, fd, run.tar_offset, reterr);
    }
    if (r == 0 && fdatasync(fd) < 0) {
        return imgc_fail_sys(reterr, errno, "sync a layer's tar");
    }
    return r;
}

static uint64_t sum_of_runs(const struct punch_map *map)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < map->n; i++) {
        sum += punch_map_run(map, i).len; /* less than the tar, which has a size */
    }
    return sum;
}

static int restore(struct store *s, const struct digest *diff_id, struct imgc_err *reterr)
{
    punched_auto struct punched_layer files = PUNCHED_LAYER_INIT;
    tar_data_auto struct tar_data data = TAR_DATA_FD(-1);
    imgc_autoclose int fd = -1;

    int r = rootfs_stack_open_layer(s, diff_id, &files, &data, reterr);
    if (r < 0 || data.map.bytes == NULL) {
        return r;
    }
    r = store_require_space(s, sum_of_runs(&data.map), reterr);
    if (r == 0) {
        r = punched_restoring(s, diff_id, reterr);
    }
    if (r == 0) {
        r = punched_open_write(s, diff_id, false, &fd, reterr);
    }
    if (r == 0) {
        r = fill_holes(&data, fd, reterr);
    }
    if (r == 0) { /* what was filled in and what is read through the map are the same bytes */
        r = rootfs_verify_layer(s, diff_id, reterr);
    }
    return r == 0 ? punched_restored(s, diff_id, reterr) : r;
}

int punch_restore(struct store *s, const struct digest *diff_id, struct imgc_err *reterr)
{
    lock_auto struct lock lock = LOCK_INIT;

    int r = lock_layer(s, diff_id, true, &lock, reterr);
    if (r == 0) {
        r = restore(s, diff_id, reterr);
    }
    return r < 0 ? imgc_context(reterr, "put a layer's data back into its tar") : 0;
}
