/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An archive of images, a tar or a directory, as files that are found by name: the documents of an
 * archive name the layers, and may come after them. A tar that is compressed, or comes through a
 * pipe, is written out plain first, into the lease's directory.
 *
 * Everything in it is hostile: names never leave the archive, and what a link means is worked out
 * on names alone.
 */
#ifndef IMGC_FETCH_ARCHIVE_H
#define IMGC_FETCH_ARCHIVE_H

#include "schema/base/buf.h"
#include "store/lease.h"

struct archive_file;

struct archive_args {
    int fd;                         /* a directory, a file or a pipe; borrowed as long as it */
    struct lease *lease;            /* has room for what must be written out; borrowed */
    bool (*interrupted)(void *arg); /* looked at between reads; NULL: never */
    void *arg;
};

/** @ret caller frees. @return 0; -LAYER (no tar, damaged); -LIMIT; -NOSPACE; -SYS; -INTERRUPTED. */
IMGC_CHECK int archive_open(const struct archive_args *args, struct archive_file **ret,
                            struct imgc_err *reterr);
struct archive_file *archive_close(struct archive_file *a); /* accepts NULL; returns NULL */
void archive_closep(struct archive_file **a);
#define archive_auto imgc_auto(archive_closep)

enum { ARCHIVE_MISSING = 1 };

/** Append the whole of @name to @ret. @return 0; ARCHIVE_MISSING; -LIMIT over @ret's cap; -SYS;
 * -LAYER. */
IMGC_CHECK int archive_read(struct archive_file *a, const char *name, struct imgc_buf *ret,
                            struct imgc_err *reterr);

/** How long @name is. @return as archive_read(). */
IMGC_CHECK int archive_size(struct archive_file *a, const char *name, uint64_t *ret,
                            struct imgc_err *reterr);

/** Call @feed with the bytes of @name, in order. A negative result of it ends that and is returned.
 * @return as archive_read(); -INTERRUPTED. */
IMGC_CHECK int archive_feed(struct archive_file *a, const char *name,
                            int (*feed)(void *arg, const void *ptr, size_t len,
                                        struct imgc_err *reterr),
                            void *arg, struct imgc_err *reterr);

#endif
