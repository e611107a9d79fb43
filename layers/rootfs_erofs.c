/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/rootfs_erofs.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layers/erofs.h"
#include "layers/punch.h"
#include "schema/base/fd.h"
#include "schema/limits.h"
#include "store/lock.h"
#include "store/paths.h"

#define RESTORES_MAX 8
#define COMPARE_BYTES (64u << 10)

static int top_chain(const struct rootfs_args *args, struct digest *ret, struct imgc_err *reterr)
{
    if (args->n_diff_ids > LIMIT_LAYERS) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "%zu layers; the limit is %d", args->n_diff_ids,
                         LIMIT_LAYERS);
    }
    imgc_autofree struct digest *chain_ids = calloc(args->n_diff_ids, sizeof *chain_ids);
    if (!chain_ids) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = digest_chain(args->diff_ids, args->n_diff_ids, chain_ids, reterr);
    if (r >= 0) {
        *ret = chain_ids[args->n_diff_ids - 1];
    }
    return r;
}

static int list_tars(const struct rootfs_args *args, char **list, struct imgc_err *reterr)
{
    for (size_t i = 0; i < args->n_diff_ids; i++) {
        char path[PATHS_MAX];
        if (asprintf(&list[i], "%s/%s", store_root_path(args->store),
                     paths_layer_tar(&args->diff_ids[i], path)) < 0) {
            list[i] = NULL;
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    return 0;
}

static int list_paths(const struct rootfs_args *args, const struct view *view, struct rootfs *ret,
                      struct imgc_err *reterr)
{
    struct rootfs rootfs = { .devices = calloc(args->n_diff_ids + 1, sizeof *rootfs.devices) };

    if (!rootfs.devices) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = list_tars(args, rootfs.devices, reterr);
    r = r < 0 ? r : view_path(args->store, view, &rootfs.image, reterr);
    if (r < 0) {
        rootfs_done(&rootfs);
        return r;
    }
    *ret = rootfs;
    return 0;
}

static int find(const struct rootfs_args *args, const struct digest *chain_id, struct rootfs *ret,
                struct imgc_err *reterr)
{
    struct view view;

    int r = view_find(args->store, chain_id, VIEW_EROFS, &view, reterr);
    return r != 0 ? r : list_paths(args, &view, ret, reterr);
}

int rootfs_erofs_find(const struct rootfs_args *args, struct rootfs *ret, struct imgc_err *reterr)
{
    struct digest chain_id;

    int r = top_chain(args, &chain_id, reterr);
    return r < 0 ? r : find(args, &chain_id, ret, reterr);
}

/* From now until the view's row is there the lease keeps them, then the row does. */
static int hold_layers(const struct rootfs_args *args, struct imgc_err *reterr)
{
    for (size_t i = 0; i < args->n_diff_ids; i++) {
        struct layer_info info;
        int r = layer_find(args->store, args->lease, &args->diff_ids[i], &info, reterr);
        if (r != 0) {
            return r < 0 ? r : rootfs_stack_missing(&args->diff_ids[i], reterr);
        }
    }
    return 0;
}

static int write_image(struct rootfs_stack *stack, int fd, struct imgc_err *reterr)
{
    const struct erofs_args args = { .layer_fds = stack->fds,
                                     .n_layer_fds = stack->n,
                                     .image_fd = fd };
    return erofs_write(stack->tree, &args, NULL, reterr);
}

/* The image into the new file @name of the lease's directory. */
static int stage(const struct rootfs_args *args, const char *name, struct imgc_err *reterr)
{
    rootfs_stack_auto struct rootfs_stack stack = { .lease = args->lease };
    imgc_autoclose int fd = -1;

    int r = rootfs_stack_open(args->store, args->diff_ids, args->n_diff_ids, &stack, reterr);
    for (size_t i = 0; r >= 0 && i < args->n_diff_ids; i++) {
        r = rootfs_stack_apply(&stack, reterr);
    }
    if (r >= 0) {
        r = fd_open_at(lease_dir_fd(args->lease), name, O_RDWR | O_CREAT | O_EXCL, 0600, &fd,
                       reterr);
    }
    return r < 0 ? r : write_image(&stack, fd, reterr);
}

static int publish(const struct rootfs_args *args, const struct digest *chain_id, const char *name,
                   struct imgc_err *reterr)
{
    const struct view view = { .chain_id = *chain_id,
                               .diff_id = args->diff_ids[args->n_diff_ids - 1],
                               .form = VIEW_EROFS };
    const struct view_stack stack = { args->diff_ids, args->n_diff_ids };

    return view_publish_erofs(args->store, args->lease, &view, &stack, name, reterr);
}

/* What directories have instead of the tars goes back: the kernel reads the tars. */
static int restore_tars(const struct rootfs_args *args, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < args->n_diff_ids; i++) {
        r = punch_restore(args->store, &args->diff_ids[i], reterr);
    }
    return r;
}

/* @return 0; VIEW_NOT_WHOLE. */
static int build_once(const struct rootfs_args *args, const struct digest *chain_id,
                      struct imgc_err *reterr)
{
    struct imgc_err ignored;
    char name[LEASE_NAME_MAX];

    lease_name(args->lease, name);
    int r = restore_tars(args, reterr);
    r = r < 0 ? r : stage(args, name, reterr);
    r = r < 0 ? r : publish(args, chain_id, name, reterr);
    if (r < 0) {
        /* What cannot be removed now goes with the lease. */
        (void)!fd_remove_tree(lease_dir_fd(args->lease), name, NULL, &ignored);
    }
    return r;
}

static int build(const struct rootfs_args *args, const struct digest *chain_id,
                 struct imgc_err *reterr)
{
    int r = hold_layers(args, reterr);

    if (r < 0) {
        return r;
    }
    /* Until the view's row is there, the background process may punch a layer again. */
    for (unsigned i = 0; i < RESTORES_MAX; i++) {
        r = build_once(args, chain_id, reterr);
        if (r != VIEW_NOT_WHOLE) {
            return r;
        }
    }
    return imgc_fail(reterr, IMGC_E_STORE, "the layers' tars are taken apart all the time");
}

int rootfs_erofs_build(const struct rootfs_args *args, struct rootfs *ret, struct imgc_err *reterr)
{
    lock_auto struct lock lock = LOCK_INIT;
    struct digest chain_id;

    int r = top_chain(args, &chain_id, reterr);
    r = r < 0 ? r : lock_take(args->store, &chain_id, true, &lock, reterr);
    r = r < 0 ? r : find(args, &chain_id, ret, reterr);
    if (r != VIEW_MISSING) {
        return r;
    }
    r = build(args, &chain_id, reterr);
    r = r < 0 ? r : find(args, &chain_id, ret, reterr);
    return r == VIEW_MISSING ? imgc_fail(reterr, IMGC_E_STORE, "the view was removed meanwhile")
                             : r;
}

/* A file without a name: on the store's disk where that has such, else in memory. */
static int open_scratch(struct store *s, int *ret_fd, struct imgc_err *reterr)
{
    int r = fd_open_at(store_root_fd(s), PATHS_TMP, O_RDWR | O_TMPFILE, 0600, ret_fd, reterr);
    if (r < 0) {
        *ret_fd = memfd_create("imgc-verify", MFD_CLOEXEC);
        r = *ret_fd < 0 ? r : 0;
    }
    return r;
}

/* COMPARE_BYTES, or fewer at the end. */
static int read_piece(int fd, char *buf, size_t *ret_n, struct imgc_err *reterr)
{
    size_t n = 0, more = 0;
    int r;

    do {
        r = fd_read_some(fd, buf + n, COMPARE_BYTES - n, &more, reterr);
        n += r < 0 ? 0 : more;
    } while (r >= 0 && more > 0 && n < COMPARE_BYTES);
    *ret_n = n;
    return r;
}

static int compare(int fd, int want_fd, struct imgc_err *reterr)
{
    imgc_autofree char *got = malloc(COMPARE_BYTES), *want = malloc(COMPARE_BYTES);
    size_t n = 0, n_want = 0;
    uint64_t at = 0;

    if (!got || !want) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (lseek(want_fd, 0, SEEK_SET) < 0) {
        return imgc_fail_sys(reterr, errno, "rewind a file");
    }
    do {
        int r = read_piece(fd, got, &n, reterr);
        r = r < 0 ? r : read_piece(want_fd, want, &n_want, reterr);
        if (r < 0) {
            return r;
        }
        if (n != n_want || memcmp(got, want, n) != 0) {
            return imgc_fail(reterr, IMGC_E_STORE,
                             "the EROFS index differs after byte %llu; it will be built again",
                             (unsigned long long)at);
        }
        at += n;
    } while (n > 0);
    return 0;
}

static int verify(struct store *s, struct rootfs_stack *stack, const struct view *view,
                  struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1, want_fd = -1;

    int r = view_open(s, view, &fd, reterr);
    r = r < 0 ? r : open_scratch(s, &want_fd, reterr);
    r = r < 0 ? r : write_image(stack, want_fd, reterr);
    return r < 0 ? r : compare(fd, want_fd, reterr);
}

int rootfs_erofs_verify(struct store *s, struct rootfs_stack *stack, const struct digest *chain_id,
                        struct imgc_err *reterr)
{
    struct view view;
    struct imgc_err ignored;
    char text[DIGEST_TEXT_MAX];

    int r = view_find(s, chain_id, VIEW_EROFS, &view, reterr);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    r = verify(s, stack, &view, reterr);
    if (r >= 0) {
        return 0;
    }
    if (r == -(int)IMGC_E_STORE && view_remove(s, &view, &ignored) == -(int)IMGC_E_INUSE) {
        (void)imgc_fail(
            reterr, IMGC_E_STORE,
            "the EROFS index is not the right one, and stays while containers or mounts "
            "use it: verify again afterwards");
    }
    return imgc_context(reterr, "view %s", digest_text(chain_id, text));
}
