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

#include "schema/base/library.h"

/* X(field, function). Loaded with the first layer that is compressed so. */
#define ZSTD_FUNCTIONS(X)                    \
    X(create, ZSTD_createDCtx)               \
    X(free, ZSTD_freeDCtx)                   \
    X(set_parameter, ZSTD_DCtx_setParameter) \
    X(decompress, ZSTD_decompressStream)     \
    X(is_error, ZSTD_isError)                \
    X(error_code, ZSTD_getErrorCode)         \
    X(error_name, ZSTD_getErrorName)         \
    X(version, ZSTD_versionString)

struct zstd {
#define X(field, function) __typeof__(function) *(field);
    ZSTD_FUNCTIONS(X)
#undef X
};

/* 128 MiB: what the zstd program takes without being told; more is memory that a layer chooses. */
enum { WINDOW_LOG_MAX = 27 };

struct codec_stream {
    struct codec_sink sink;
    struct zstd lib;
    ZSTD_DCtx *z;
    bool is_whole; /* at the end of a frame */
    unsigned char out[CODEC_OUT_BYTES];
};

static int load(struct zstd *ret, struct imgc_err *reterr)
{
    static const struct library_symbol symbols[] = {
#define X(field, function) { #function, offsetof(struct zstd, field) },
        ZSTD_FUNCTIONS(X)
#undef X
            { .name = NULL },
    };

    return library_load(IMGC_LIBZSTD, symbols, ret, reterr);
}

int codec_zstd_version(const char **ret, struct imgc_err *reterr)
{
    struct zstd lib;
    int r = load(&lib, reterr);

    if (r == 0) {
        *ret = lib.version();
    }
    return r;
}

static int zstd_fail(struct imgc_err *e, const struct zstd *lib, size_t code)
{
    switch (lib->error_code(code)) {
    case ZSTD_error_memory_allocation:
        return imgc_fail(e, IMGC_E_NOMEM, "out of memory");
    case ZSTD_error_frameParameter_windowTooLarge:
        return imgc_fail(e, IMGC_E_LIMIT, "the zstd stream needs a window of more than %u MiB",
                         1u << (WINDOW_LOG_MAX - 20));
    default:
        return imgc_fail(e, IMGC_E_LAYER, "the zstd stream is damaged: %s", lib->error_name(code));
    }
}

static void zstd_free(struct codec_stream *s)
{
    if (s) {
        if (s->z) {
            (void)s->lib.free(s->z);
        }
        free(s);
    }
}

static int zstd_start(const struct codec_sink *sink, struct codec_stream **ret,
                      struct imgc_err *reterr)
{
    struct codec_stream *s = calloc(1, sizeof *s);

    if (!s) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = load(&s->lib, reterr);
    if (r < 0) {
        zstd_free(s);
        return r;
    }
    s->z = s->lib.create();
    if (!s->z || s->lib.is_error(s->lib.set_parameter(s->z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
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
        size_t z = s->lib.decompress(s->z, &out, &in);
        if (s->lib.is_error(z)) {
            return zstd_fail(reterr, &s->lib, z);
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
