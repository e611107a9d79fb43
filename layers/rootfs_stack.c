/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/rootfs_stack.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layers/entry_list.h"
#include "layers/tar_source.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

void rootfs_stack_done(struct rootfs_stack *stack)
{
    for (size_t i = 0; i < stack->n; i++) {
        tar_data_done(&stack->data[i]);
        punched_layer_done(&stack->files[i]);
    }
    stack->n = 0;
    free(stack->fds);
    free(stack->files);
    free(stack->data);
    stack->fds = NULL;
    stack->files = NULL;
    stack->data = NULL;
    stack->tree = tree_free(stack->tree);
}

int rootfs_stack_context(const struct digest *diff_ids, size_t i, size_t n, struct imgc_err *reterr)
{
    char text[DIGEST_TEXT_MAX];
    return imgc_context(reterr, "layer %zu of %zu (%s)", i + 1, n, digest_text(&diff_ids[i], text));
}

int rootfs_stack_missing(const struct digest *diff_id, struct imgc_err *reterr)
{
    char text[DIGEST_TEXT_MAX];
    return imgc_fail(reterr, IMGC_E_STORE, "layer %s is missing: pull the image again",
                     digest_text(diff_id, text));
}

int rootfs_stack_open_layer(struct store *s, const struct digest *diff_id,
                            struct punched_layer *files, struct tar_data *data,
                            struct imgc_err *reterr)
{
    int r = punched_open(s, diff_id, files, reterr);
    if (r == PUNCHED_MISSING) {
        return rootfs_stack_missing(diff_id, reterr);
    }
    if (r < 0) {
        return r;
    }
    *data = (struct tar_data)TAR_DATA_FD(files->tar_fd);
    if (files->map_fd >= 0) {
        r = tar_data_punched(data, files->map_fd, store_root_fd(s), files->view_path, reterr);
        imgc_closep(&files->map_fd);
    }
    return r;
}

int rootfs_stack_open(struct store *s, const struct digest *diff_ids, size_t n,
                      struct rootfs_stack *ret, struct imgc_err *reterr)
{
    if (n > LIMIT_LAYERS) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "%zu layers; the limit is %d", n, LIMIT_LAYERS);
    }
    ret->store = s;
    ret->diff_ids = diff_ids;
    ret->fds = calloc(n > 0 ? n : 1, sizeof *ret->fds);
    ret->files = calloc(n > 0 ? n : 1, sizeof *ret->files);
    ret->data = calloc(n > 0 ? n : 1, sizeof *ret->data);
    if (!ret->fds || !ret->files || !ret->data) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        ret->files[i] = (struct punched_layer)PUNCHED_LAYER_INIT;
        ret->data[i] = (struct tar_data)TAR_DATA_FD(-1);
        ret->n = i + 1;
        int r = rootfs_stack_open_layer(s, &diff_ids[i], &ret->files[i], &ret->data[i], reterr);
        if (r < 0) {
            return r;
        }
        ret->fds[i] = ret->files[i].tar_fd;
    }
    return tree_new(&ret->tree, reterr);
}

/* @return 0; ENTRY_LIST_STALE where there is none that can be used. */
static int open_list(struct rootfs_stack *stack, size_t i, int *ret_fd, struct entry_list **ret,
                     struct imgc_err *reterr)
{
    struct stat st;

    int r = layer_open_entries(stack->store, &stack->diff_ids[i], ret_fd, reterr);
    if (r != 0) {
        return r == LAYER_MISSING ? ENTRY_LIST_STALE : r;
    }
    if (fstat(stack->fds[i], &st) < 0) {
        return imgc_fail_sys(reterr, errno, "cannot read the layer's tar");
    }
    return entry_list_open(*ret_fd, (uint64_t)st.st_size, ret, reterr);
}

/* A list of the layer's tar into the new file @name of the lease's directory. */
static int write_list(struct rootfs_stack *stack, size_t i, const char *name,
                      struct imgc_err *reterr)
{
    imgc_auto(tar_source_freep) struct tar_source *source = NULL;
    imgc_autoclose int fd = -1;
    struct stat st;

    int r = tar_source_new(stack->fds[i], &source, reterr);
    if (r == 0) {
        r = fd_open_at(lease_dir_fd(stack->lease), name, O_WRONLY | O_CREAT | O_EXCL, 0600, &fd,
                       reterr);
    }
    if (r < 0) {
        return r;
    }
    if (fstat(stack->fds[i], &st) < 0) {
        return imgc_fail_sys(reterr, errno, "cannot read the layer's tar");
    }
    return entry_list_write(tar_source_entries(source), (uint64_t)st.st_size, fd, reterr);
}

/* Make the list again. That it cannot be is no failure: the tar is still there to be read. */
static void renew_list(struct rootfs_stack *stack, size_t i)
{
    char name[LEASE_NAME_MAX];
    struct imgc_err ignored;

    lease_name(stack->lease, name);
    int r = write_list(stack, i, name, &ignored);
    if (r == 0) {
        r = layer_put_entries(stack->store, stack->lease, &stack->diff_ids[i], name, &ignored);
    }
    if (r != 0) {
        (void)unlinkat(lease_dir_fd(stack->lease), name, 0);
    }
}

static int apply_tar(struct rootfs_stack *stack, size_t i, struct imgc_err *reterr)
{
    imgc_auto(tar_source_freep) struct tar_source *source = NULL;

    int r = tar_source_new(stack->fds[i], &source, reterr);
    return r < 0 ? r : tree_apply(stack->tree, tar_source_entries(source), reterr);
}

/* @return 0; ENTRY_LIST_STALE, and nothing was applied. */
static int apply_list(struct rootfs_stack *stack, size_t i, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    imgc_auto(entry_list_freep) struct entry_list *list = NULL;

    /* A list that the disk cannot read any more is one that is missing. */
    return open_list(stack, i, &fd, &list, reterr) == 0
               ? tree_apply(stack->tree, entry_list_entries(list), reterr)
               : ENTRY_LIST_STALE;
}

int rootfs_stack_apply(struct rootfs_stack *stack, struct imgc_err *reterr)
{
    size_t i = stack->n_applied;

    int r = stack->tars_only ? ENTRY_LIST_STALE : apply_list(stack, i, reterr);
    if (r == ENTRY_LIST_STALE && stack->lease && !stack->tars_only) {
        renew_list(stack, i);
        r = apply_list(stack, i, reterr);
    }
    if (r == ENTRY_LIST_STALE) {
        r = apply_tar(stack, i, reterr);
    }
    if (r < 0) {
        return rootfs_stack_context(stack->diff_ids, i, stack->n, reterr);
    }
    stack->n_applied++;
    return 0;
}
