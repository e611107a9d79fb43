/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the EROFS sink: the image as a stream of bytes with a position, buffered and hashed.
 */
#ifndef IMGC_LAYERS_EROFS_OUT_H
#define IMGC_LAYERS_EROFS_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "layers/tar_data.h"
#include "schema/digest.h"

struct erofs_out {
    int fd;      /* borrowed */
    uint64_t at; /* where the next byte goes */
    char *buffer;
    size_t used;
    struct digest_hasher *hasher; /* of all from the start on */
};

#define EROFS_OUT_INIT \
    {                  \
        .buffer = NULL \
    }
void erofs_out_done(struct erofs_out *o);

/** Start at offset @at of @fd (borrowed). @return 0; -NOMEM. */
IMGC_CHECK int erofs_out_begin(struct erofs_out *o, int fd, uint64_t at, struct imgc_err *reterr);

IMGC_CHECK int erofs_out_add(struct erofs_out *o, const void *ptr, size_t len,
                             struct imgc_err *reterr);

/** Zeros up to @offset, which is not behind the position. */
IMGC_CHECK int erofs_out_pad(struct erofs_out *o, uint64_t offset, struct imgc_err *reterr);

/** @len bytes at @offset of @from. @return 0; -NOSPACE; what tar_data_read() returns. */
IMGC_CHECK int erofs_out_copy(struct erofs_out *o, struct tar_data *from, uint64_t offset,
                              uint64_t len, struct imgc_err *reterr);

/** Write out what is buffered. @ret  the digest of all that was written. */
IMGC_CHECK int erofs_out_end(struct erofs_out *o, struct digest *ret, struct imgc_err *reterr);

/** Write @len bytes at @offset of @fd. @return 0; -SYS; -NOSPACE. */
IMGC_CHECK int erofs_out_write_at(int fd, const void *ptr, size_t len, uint64_t offset,
                                  struct imgc_err *reterr);

#endif
