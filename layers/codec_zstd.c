/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zstd: any number of frames and skippable frames (zstd:chunked keeps its index in one), which
 * libzstd takes as one stream.
 *
 * Source: RFC 8878, 3.1.
 */
#include "layers/codec_impl.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* 128 MiB: what the zstd program takes without being told; more is memory that a layer chooses. */
enum { WINDOW_LOG_MAX = 27 };

struct codec_stream {
    struct codec_sink sink;
    ZSTD_DCtx *z;
    bool is_whole; /* at the end of a frame */
    unsigned char out[CODEC_OUT_BYTES];
};

static int zstd_fail(struct imgc_err *e, size_t code)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
        return imgc_fail(e, IMGC_E_NOMEM, "out of memory");
    case ZSTD_error_frameParameter_windowTooLarge:
        return imgc_fail(e, IMGC_E_LIMIT, "the zstd stream needs a window of more than %u MiB",
                         1u << (WINDOW_LOG_MAX - 20));
    default:
        return imgc_fail(e, IMGC_E_LAYER, "the zstd stream is damaged: %s",
                         ZSTD_getErrorName(code));
    }
}

static void zstd_free(struct codec_stream *s)
{
    if (s) {
        (void)ZSTD_freeDCtx(s->z);
        free(s);
    }
}

static int zstd_start(const struct codec_sink *sink, struct codec_stream **ret,
                      struct imgc_err *reterr)
{
    struct codec_stream *s = calloc(1, sizeof *s);

    if (s) {
        s->z = ZSTD_createDCtx();
    }
    if (!s || !s->z ||
        ZSTD_isError(ZSTD_DCtx_setParameter(s->z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        zstd_free(s);
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    s->sink = *sink;
    *ret = s;
    return 0;
}

static int zstd_write(struct codec_stream *s, const void *ptr, size_t len, struct imgc_err *reterr)
{
    ZSTD_inBuffer in = { .src = ptr, .size = len };
    ZSTD_outBuffer out = { .dst = s->out, .size = sizeof s->out };

    do {
        out.pos = 0;
        size_t z = ZSTD_decompressStream(s->z, &out, &in);
        if (ZSTD_isError(z)) {
            return zstd_fail(reterr, z);
        }
        s->is_whole = z == 0;
        int r = out.pos ? s->sink.output(s->sink.arg, s->out, out.pos, reterr) : 0;
        if (r < 0) {
            return r;
        }
        /* A full buffer may mean that more is held back, unless the frame is over. */
    } while (in.pos < in.size || (out.pos == out.size && !s->is_whole));
    return 0;
}

static int zstd_finish(struct codec_stream *s, struct imgc_err *reterr)
{
    return s->is_whole ? 0 : imgc_fail(reterr, IMGC_E_LAYER, "the zstd stream is cut short");
}

const struct codec_driver codec_zstd = {
    .start = zstd_start, .write = zstd_write, .finish = zstd_finish, .free = zstd_free
};
