/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: layers */
/* A layer's tar onto a tree twice, so that its entries also meet a lower view. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "layers/entry_list.h"
#include "layers/tar_source.h"
#include "layers/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int apply(struct tree *t, int fd)
{
    struct imgc_err err;
    imgc_auto(tar_source_freep) struct tar_source *src = NULL;
    int r = tar_source_new(fd, &src, &err);

    return r < 0 ? r : tree_apply(t, tar_source_entries(src), &err);
}

/* What a tar gives, its entry list gives: what is kept of a layer must never be refused later. */
static void check_list(int fd, size_t size)
{
    struct imgc_err err;
    imgc_auto(tar_source_freep) struct tar_source *src = NULL;
    imgc_auto(entry_list_freep) struct entry_list *list = NULL;
    tree_auto struct tree *t = NULL;
    int list_fd = memfd_create("list", MFD_CLOEXEC);

    if (list_fd < 0 || tree_new(&t, &err) < 0 || tar_source_new(fd, &src, &err) < 0 ||
        entry_list_write(tar_source_entries(src), size, list_fd, &err) < 0 ||
        entry_list_open(list_fd, size, &list, &err) != 0 ||
        tree_apply(t, entry_list_entries(list), &err) < 0) {
        abort();
    }
    (void)close(list_fd);
}

static uint64_t count(const struct tree_dentry *d)
{
    uint64_t n = 0;

    for (size_t i = 0; i < tree_children(d); i++) {
        n += 1 + count(tree_child(d, i));
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imgc_err err;
    tree_auto struct tree *t = NULL;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size || tree_new(&t, &err) < 0) {
        abort();
    }
    if (apply(t, fd) == 0) {
        check_list(fd, size);
        (void)apply(t, fd);
        tree_clear_marks(t);
        if (count(tree_root(t)) != tree_entries(t)) {
            abort();
        }
    }
    (void)close(fd);
    return 0;
}
