/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: layers */
/* Any bytes as an entry list with the right checksum. The first byte chooses the number of entries;
 * what is read is written again, and must then be the same bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "layers/entry_list.h"
#include "layers/entry_list_header.h"
#include "layers/tree.h"
#include "schema/base/fd.h"
#include "schema/digest.h"

#define TAR_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int new_file(void)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    if (fd < 0) {
        abort();
    }
    return fd;
}

/* @data with the header that fits it. */
static void seal(int fd, uint64_t n_entries, const uint8_t *data, size_t size)
{
    const struct entry_list_header h = { .tar_size = TAR_BYTES,
                                         .n_entries = n_entries,
                                         .list_size = size };
    unsigned char raw[ENTRY_LIST_HEADER_BYTES];
    struct imgc_err err;
    struct digest sum;
    imgc_auto(digest_hasher_freep) struct digest_hasher *hash = NULL;

    entry_list_header_write(&h, raw);
    if (digest_hasher_new(DIGEST_SHA256, &hash, &err) < 0 ||
        digest_hasher_update(hash, data, size, &err) < 0 ||
        digest_hasher_update(hash, raw, ENTRY_LIST_SUM_AT, &err) < 0 ||
        digest_hasher_final(hash, &sum, &err) < 0) {
        abort();
    }
    memcpy(raw + ENTRY_LIST_SUM_AT, sum.bytes, ENTRY_LIST_SUM_BYTES);
    if (fd_write_all(fd, raw, sizeof raw, &err) < 0 || fd_write_all(fd, data, size, &err) < 0) {
        abort();
    }
}

static struct entry_list *open_list(int fd)
{
    struct imgc_err err;
    struct entry_list *list = NULL;

    if (entry_list_open(fd, TAR_BYTES, &list, &err) != 0) {
        abort();
    }
    return list;
}

static void compare(int fd, int again_fd)
{
    unsigned char a[4096], b[4096];
    off_t at = 0;
    ssize_t n;

    do {
        n = pread(fd, a, sizeof a, at);
        if (n < 0 || pread(again_fd, b, sizeof b, at) != n || memcmp(a, b, (size_t)n) != 0) {
            abort();
        }
        at += n;
    } while (n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imgc_err err;

    if (size == 0) {
        return 0;
    }
    imgc_autoclose int fd = new_file();
    imgc_autoclose int again_fd = new_file();
    seal(fd, data[0], data + 1, size - 1);
    imgc_auto(entry_list_freep) struct entry_list *list = open_list(fd);
    if (entry_list_write(entry_list_entries(list), TAR_BYTES, again_fd, &err) == 0) {
        compare(fd, again_fd);
        tree_auto struct tree *t = NULL;
        imgc_auto(entry_list_freep) struct entry_list *once_more = open_list(fd);
        if (tree_new(&t, &err) < 0) {
            abort();
        }
        (void)!tree_apply(t, entry_list_entries(once_more), &err);
    }
    return 0;
}
