/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that are tar files, for tests. Include after unit.h. */
#ifndef IMGC_TESTS_LIB_LAYER_TAR_H
#define IMGC_TESTS_LIB_LAYER_TAR_H

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "layers/codec.h"
#include "layers/tar_source.h"
#include "layers/tree.h"
#include "schema/base/fd.h"

/* Apply the tar in @fd. */
static inline int layer_tar_apply(struct tree *t, int fd, struct imgc_err *reterr)
{
    struct tar_source *src = NULL;
    int r = tar_source_new(fd, &src, reterr);

    if (r == 0) {
        r = tree_apply(t, tar_source_entries(src), reterr);
    }
    (void)tar_source_free(src);
    return r;
}

/* Count the entries of the tar in @fd. */
static inline int layer_tar_count(int fd, size_t *ret, struct imgc_err *reterr)
{
    struct tar_source *src = NULL;
    int r = tar_source_new(fd, &src, reterr);

    *ret = 0;
    while (r == 0) {
        struct entry e = ENTRY_INIT;
        r = tar_source_entries(src)->next(tar_source_entries(src), &e, reterr);
        *ret += r == 0;
        entry_done(&e);
    }
    (void)tar_source_free(src);
    return r < 0 ? r : 0;
}

static inline int layer_tar_to_fd(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    return fd_write_all(*(const int *)arg, ptr, len, reterr);
}

/* Uncompress the file @path into @to. */
static inline int layer_tar_inflate(const char *path, int to, struct imgc_err *reterr)
{
    imgc_auto(codec_freep) struct codec *c = NULL;
    imgc_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    char buf[4000];
    size_t n = 1;

    assert_true(fd >= 0);
    int r = codec_new(layer_tar_to_fd, &to, &c, reterr);
    while (r == 0 && n) {
        r = fd_read_some(fd, buf, sizeof buf, &n, reterr);
        if (r == 0) {
            r = codec_write(c, buf, n, reterr);
        }
    }
    return r < 0 ? r : codec_finish(c, reterr);
}

/* A memory file of these bytes. */
static inline int layer_tar_memfd(const void *ptr, size_t len)
{
    int fd = memfd_create("layer", MFD_CLOEXEC);

    assert_true(fd >= 0);
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const char *)ptr + done, len - done);
        assert_true(n > 0);
        done += (size_t)n;
    }
    return fd;
}

/* A ustar header block at @b (512 zero bytes). */
static inline void layer_tar_header(unsigned char *b, const char *name, char type, uint64_t size)
{
    unsigned sum = 0;

    (void)snprintf((char *)b, 100, "%s", name);
    (void)snprintf((char *)b + 100, 8, "%07o", 0644);
    (void)snprintf((char *)b + 108, 8, "%07o", 1000);
    (void)snprintf((char *)b + 116, 8, "%07o", 1000);
    (void)snprintf((char *)b + 124, 12, "%011llo", (unsigned long long)size);
    (void)snprintf((char *)b + 136, 12, "%011o", 1700000000);
    b[156] = (unsigned char)type;
    b[157] = type == '1' || type == '2' ? 'x' : '\0'; /* the link's target */
    memcpy(b + 257, "ustar\00000", 8);
    memset(b + 148, ' ', 8);
    for (int i = 0; i < 512; i++) {
        sum += b[i];
    }
    (void)snprintf((char *)b + 148, 8, "%06o", sum);
}
#endif
