/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/rootfs.h"

#include <errno.h>
#include <sys/stat.h>

#include "layers/rootfs_erofs.h"
#include "layers/rootfs_stack.h"
#include "schema/base/fd.h"

#define HASH_BYTES (256u << 10)

/* The tar as it came: what was punched out of it comes from the directory. */
static int hash_tar(struct tar_data *data, enum digest_alg alg, struct digest *ret,
                    struct imgc_err *reterr)
{
    imgc_auto(digest_hasher_freep) struct digest_hasher *h = NULL;
    imgc_autofree char *buf = malloc(HASH_BYTES);
    struct stat st;
    uint64_t size;

    if (!buf) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (fstat(data->fd, &st) < 0) {
        return imgc_fail_sys(reterr, errno, "look at it");
    }
    size = (uint64_t)st.st_size;
    int r = digest_hasher_new(alg, &h, reterr);
    for (uint64_t done = 0; r == 0 && done < size;) {
        size_t n = size - done < HASH_BYTES ? (size_t)(size - done) : HASH_BYTES;
        r = tar_data_read(data, done, buf, n, reterr);
        if (r == 0) {
            r = digest_hasher_update(h, buf, n, reterr);
        }
        done += n;
    }
    return r < 0 ? r : digest_hasher_final(h, ret, reterr);
}

int rootfs_verify_layer(struct store *s, const struct digest *diff_id, struct imgc_err *reterr)
{
    punched_auto struct punched_layer files = PUNCHED_LAYER_INIT;
    tar_data_auto struct tar_data data = TAR_DATA_FD(-1);
    struct digest got = { .alg = DIGEST_NONE };

    int r = rootfs_stack_open_layer(s, diff_id, &files, &data, reterr);
    if (r >= 0) {
        r = hash_tar(&data, diff_id->alg, &got, reterr);
    }
    if (r >= 0 && !digest_eq(diff_id, &got)) {
        r = tar_data_check(&data, reterr); /* which file it is, where it is one */
    }
    if (r < 0) {
        char text[DIGEST_TEXT_MAX];
        return imgc_context(reterr, "layer %s", digest_text(diff_id, text));
    }
    return digest_expect(diff_id, &got, "layer", reterr);
}

/* The view of the layer that was applied last, where there is one. */
static int verify_view(struct store *s, struct rootfs_stack *stack, const struct digest *chain_id,
                       struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    struct view view;

    int r = view_find(s, chain_id, VIEW_DIRECTORY, &view, reterr);
    if (r == VIEW_MISSING) {
        return 0;
    }
    if (r >= 0) {
        r = view_open(s, &view, &fd, reterr);
    }
    if (r >= 0) {
        const struct dir_sink_args args = { .layers = stack->data,
                                            .n_layers = stack->n,
                                            .dir_fd = fd,
                                            .is_privileged = dir_sink_privileged() };
        r = dir_sink_check_overlay(stack->tree, &args, reterr);
    }
    if (r < 0) {
        char text[DIGEST_TEXT_MAX];
        return imgc_context(reterr, "view %s", digest_text(chain_id, text));
    }
    return 0;
}

int rootfs_verify_views(struct store *s, const struct digest *diff_ids, size_t n_diff_ids,
                        struct imgc_err *reterr)
{
    rootfs_stack_auto struct rootfs_stack stack = { .tars_only = true };
    imgc_autofree struct digest *chain_ids =
        calloc(n_diff_ids > 0 ? n_diff_ids : 1, sizeof *chain_ids);

    if (!chain_ids) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = digest_chain(diff_ids, n_diff_ids, chain_ids, reterr);
    if (r >= 0) {
        r = rootfs_stack_open(s, diff_ids, n_diff_ids, &stack, reterr);
    }
    for (size_t i = 0; r >= 0 && i < n_diff_ids; i++) {
        r = rootfs_stack_apply(&stack, reterr);
        if (r >= 0) {
            r = verify_view(s, &stack, &chain_ids[i], reterr);
        }
    }
    if (r >= 0 && n_diff_ids > 0) {
        r = rootfs_erofs_verify(s, &stack, &chain_ids[n_diff_ids - 1], reterr);
    }
    return r < 0 ? r : 0;
}
