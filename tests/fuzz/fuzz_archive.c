/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: fetch */
/* An archive of images, of docker's kind and an OCI layout: its members, links among them, the
 * documents. And the two ways of reading a tar have to say the same. */
#include <ctype.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fetch/archive_layout.h"
#include "layers/tar_source.h"
#include "schema/base/fd.h"
#include "schema/docker_archive.h"
#include "schema/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_same(const struct entry *own, const struct entry *shared)
{
    if (own->type != shared->type || strcmp(own->path, shared->path) != 0 ||
        own->size != shared->size) {
        return false;
    }
    if (own->type != ENTRY_FILE || shared->n_extents == 0) { /* sparse, or empty */
        return true;
    }
    return own->n_extents == 1 && shared->n_extents == 1 &&
           own->extents[0].source_offset == shared->extents[0].source_offset &&
           own->extents[0].len == shared->extents[0].len;
}

/* As far as both can read it: one reads the data of files, too, and may stop earlier. */
static void compare_ways(int fd)
{
    imgc_auto(tar_source_freep) struct tar_source *own = NULL;
    imgc_auto(tar_source_freep) struct tar_source *shared = NULL;
    struct imgc_err err;

    if (tar_source_new(fd, &own, &err) < 0 || tar_source_new_shared(fd, &shared, &err) < 0) {
        return;
    }
    for (;;) {
        entry_auto struct entry a = ENTRY_INIT, b = ENTRY_INIT;
        struct source *x = tar_source_entries(own), *y = tar_source_entries(shared);
        if (x->next(x, &a, &err) != 0 || y->next(y, &b, &err) != 0) {
            return;
        }
        if (!is_same(&a, &b)) {
            abort();
        }
    }
}

static void read_documents(struct archive_file *a)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES);
    archive_layout_auto struct archive_layout layout = ARCHIVE_LAYOUT_INIT;
    docker_archive_auto struct docker_archive images = DOCKER_ARCHIVE_INIT;
    struct imgc_err err;
    uint64_t bytes;

    if (archive_layout_read(a, &layout, &err) == 0 && layout.n > 0 &&
        !archive_layout_find(&layout, &layout.items[layout.n - 1].config)) {
        abort();
    }
    if (archive_read(a, DOCKER_ARCHIVE_MANIFEST, &text, &err) != 0 ||
        docker_archive_parse((struct imgc_str){ text.ptr ? text.ptr : "", text.len }, &images,
                             &err) < 0) {
        return;
    }
    for (size_t i = 0; i < images.n; i++) {
        (void)!archive_size(a, images.images[i].config, &bytes, &err);
        for (size_t j = 0; j < images.images[i].n_layers; j++) {
            (void)!archive_size(a, images.images[i].layers[j], &bytes, &err);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imgc_autoclose int fd = memfd_create("fuzz", MFD_CLOEXEC);
    archive_auto struct archive_file *a = NULL;
    struct imgc_err err;

    if (size == 0 || !islower(data[0]) || fd_write_all(fd, data, size, &err) < 0) {
        return 0; /* what is compressed would need a store: the codec has a target of its own */
    }
    compare_ways(fd);
    const struct archive_args args = { .fd = fd };
    if (archive_open(&args, &a, &err) == 0) {
        read_documents(a);
    }
    return 0;
}
