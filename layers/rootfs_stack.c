/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/rootfs_stack.h"

#include "layers/tar_source.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

void rootfs_stack_done(struct rootfs_stack *stack)
{
    for (size_t i = 0; stack->fds && i < stack->n; i++) {
        imgc_closep(&stack->fds[i]);
    }
    free(stack->fds);
    stack->fds = NULL;
    free(stack->data);
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

int rootfs_stack_open(struct store *s, const struct digest *diff_ids, size_t n,
                      struct rootfs_stack *ret, struct imgc_err *reterr)
{
    if (n > LIMIT_LAYERS) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "%zu layers; the limit is %d", n, LIMIT_LAYERS);
    }
    ret->diff_ids = diff_ids;
    ret->fds = calloc(n > 0 ? n : 1, sizeof *ret->fds);
    ret->data = calloc(n > 0 ? n : 1, sizeof *ret->data);
    if (!ret->fds || !ret->data) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        ret->fds[i] = -1;
    }
    ret->n = n;
    for (size_t i = 0; i < n; i++) {
        int r = layer_open_tar(s, &diff_ids[i], &ret->fds[i], reterr);
        if (r == LAYER_MISSING) {
            return rootfs_stack_missing(&diff_ids[i], reterr);
        }
        if (r < 0) {
            return r;
        }
        ret->data[i] = (struct tar_data)TAR_DATA_FD(ret->fds[i]);
    }
    return tree_new(&ret->tree, reterr);
}

int rootfs_stack_apply(struct rootfs_stack *stack, struct imgc_err *reterr)
{
    size_t i = stack->n_applied;
    imgc_auto(tar_source_freep) struct tar_source *source = NULL;

    int r = tar_source_new(stack->fds[i], &source, reterr);
    if (r >= 0) {
        r = tree_apply(stack->tree, tar_source_entries(source), reterr);
    }
    if (r < 0) {
        return rootfs_stack_context(stack->diff_ids, i, stack->n, reterr);
    }
    stack->n_applied++;
    return 0;
}
