/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of zlib, loaded with the first use: the checksums of punched layers, gzip where the
 * build has no ISA-L, and making gzip. Few commands need any of it.
 */
#ifndef IMGC_LAYERS_ZLIB_LIB_H
#define IMGC_LAYERS_ZLIB_LIB_H

#include <zlib.h>

#include "schema/base/err.h"

/* X(field, function) */
#define ZLIB_LIB_FUNCTIONS(X)       \
    X(crc32, crc32_z)               \
    X(inflate_init2, inflateInit2_) \
    X(inflate, inflate)             \
    X(inflate_reset, inflateReset)  \
    X(inflate_end, inflateEnd)      \
    X(deflate_init2, deflateInit2_) \
    X(deflate, deflate)             \
    X(deflate_end, deflateEnd)

struct zlib_lib {
#define X(field, function) __typeof__(function) *(field);
    ZLIB_LIB_FUNCTIONS(X)
#undef X
};

/** Load zlib. @return 0; -HOST where it is not installed. */
IMGC_CHECK int zlib_lib_load(struct zlib_lib *ret, struct imgc_err *reterr);

#endif
