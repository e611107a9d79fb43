/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What codec.c asks of one compressed format. Only for the codec's own files.
 */
#ifndef IMGC_LAYERS_CODEC_IMPL_H
#define IMGC_LAYERS_CODEC_IMPL_H

#include "layers/codec.h"
#include "schema/base/str.h"

/* One call of the output gets at most this. */
#define CODEC_OUT_BYTES ((size_t)256 << 10)

/** Passes on what was inflated (limits are checked there). */
struct codec_sink {
    codec_output output;
    void *arg;
};

struct codec_stream;

struct codec_driver {
    /** @sink is copied. */
    int (*start)(const struct codec_sink *sink, struct codec_stream **ret, struct imgc_err *reterr);
    int (*write)(struct codec_stream *s, const void *ptr, size_t len, struct imgc_err *reterr);
    int (*finish)(struct codec_stream *s, struct imgc_err *reterr);
    void (*free)(struct codec_stream *s); /* accepts NULL */
};

extern const struct codec_driver codec_gzip;   /* codec_gzip.c */
extern const struct codec_driver codec_zstd;   /* codec_zstd.c */
extern const struct codec_driver codec_filter; /* codec_filter.c: xz and bzip2 */

#endif
