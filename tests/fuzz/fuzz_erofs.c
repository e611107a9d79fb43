/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: layers */
/* Random entries to an image, which a strict reader holds against the tree; or refused. */
#include "layers/erofs.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "tests/lib/entry_gen.h"
#include "tests/lib/erofs_read.h"

#define TAR_BYTES (256u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *map(int fd, size_t len)
{
    void *p = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);

    if (p == MAP_FAILED) {
        abort();
    }
    return p;
}

/* Data without two equal blocks. */
static int make_tar(void)
{
    static uint32_t words[TAR_BYTES / 4];
    int fd = memfd_create("tar", MFD_CLOEXEC);

    for (uint32_t i = 0; i < TAR_BYTES / 4; i++) {
        words[i] = (i + 1) * 2654435761u;
    }
    if (fd < 0 || write(fd, words, sizeof words) != sizeof words) {
        abort();
    }
    return fd;
}

static void check(struct tree *t, int image_fd, const struct erofs_report *report, int tar_fd)
{
    struct erofs_read_tar tar = { map(tar_fd, TAR_BYTES), TAR_BYTES };
    struct erofs_read_tar tars[] = { tar, tar };
    uint8_t *image = map(image_fd, report->image_bytes);
    struct erofs_read r = { .p = image, .n = report->image_bytes, .tars = tars, .n_tars = 2 };

    if (!erofs_read_check(&r, t)) {
        (void)fprintf(stderr, "%s\n", r.why);
        abort();
    }
    erofs_read_done(&r);
    (void)munmap(image, report->image_bytes);
    (void)munmap((void *)(uintptr_t)tar.ptr, TAR_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int tar_fd = -1;
    static struct entry_gen g;
    tree_auto struct tree *t = NULL;
    struct erofs_report report;
    struct imgc_err err;

    if (tar_fd < 0) {
        tar_fd = make_tar();
    }
    if (tree_new(&t, &err) < 0) {
        abort();
    }
    for (int layer = 0; layer < 2; layer++) {
        size_t half = layer == 0 ? size / 2 : size - size / 2;
        /* Huge holes make large images, which are slow to check: only now and then. */
        uint64_t hole_bytes = (uint64_t)1 << (half > 0 && *data % 16 == 0 ? 36 : 16);
        memset(&g, 0, sizeof g);
        g.limits = (struct entry_gen_limits){ 1000, TAR_BYTES, hole_bytes, 1u << 20 };
        g.at = data;
        g.end = data += half;
        if (entry_gen_apply(&g, t, &err) < 0) {
            return 0;
        }
    }
    imgc_autoclose int fd = memfd_create("image", MFD_CLOEXEC);
    const int tar_fds[] = { tar_fd, tar_fd };
    const struct erofs_args args = { .layer_fds = tar_fds, .n_layer_fds = 2, .image_fd = fd };
    int r = fd < 0 ? 0 : erofs_write(t, &args, &report, &err);
    if (r == 0) {
        check(t, fd, &report, tar_fd);
    } else if (r != -(int)IMGC_E_LIMIT) {
        (void)fprintf(stderr, "%s\n", err.msg);
        abort();
    }
    return 0;
}
