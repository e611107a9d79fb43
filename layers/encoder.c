/* SPDX-License-Identifier: Apache-2.0 */
/* What it reads is const then. */
#define ZLIB_CONST
#include "layers/encoder.h"

#include <stdlib.h>
#include <zstd.h>

#include "layers/zlib_lib.h"
#include "schema/base/cleanup.h"
#include "schema/base/library.h"

#define GZIP_LEVEL 6
#define ZSTD_LEVEL 3
#define GZIP_WINDOW 31 /* 15, and a gzip header; zlib writes it without a name and a time */
#define GZIP_MEMORY 8

/* X(field, function). Loaded with the first layer that becomes zstd. */
#define ZSTD_FUNCTIONS(X)                    \
    X(create, ZSTD_createCCtx)               \
    X(free, ZSTD_freeCCtx)                   \
    X(set_parameter, ZSTD_CCtx_setParameter) \
    X(compress, ZSTD_compressStream2)        \
    X(is_error, ZSTD_isError)                \
    X(error_name, ZSTD_getErrorName)

struct zstd {
#define X(field, function) __typeof__(function) *(field);
    ZSTD_FUNCTIONS(X)
#undef X
};

struct encoder {
    enum encoder_kind kind;
    struct zlib_lib zlib;
    z_stream gzip;
    bool has_gzip;
    struct zstd lib;
    ZSTD_CCtx *zstd;
};

static int begin_gzip(struct encoder *e, unsigned level, struct imgc_err *reterr)
{
    int r = zlib_lib_load(&e->zlib, reterr);

    if (r < 0) {
        return r;
    }
    if (e->zlib.deflate_init2(&e->gzip, (int)(level ? level : GZIP_LEVEL), Z_DEFLATED, GZIP_WINDOW,
                              GZIP_MEMORY, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                              (int)sizeof e->gzip) != Z_OK) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    e->has_gzip = true;
    return 0;
}

static int begin_zstd(struct encoder *e, unsigned level, struct imgc_err *reterr)
{
    static const struct library_symbol symbols[] = {
#define X(field, function) { #function, offsetof(struct zstd, field) },
        ZSTD_FUNCTIONS(X)
#undef X
            { .name = NULL },
    };

    int r = library_load(IMGC_LIBZSTD, symbols, &e->lib, reterr);
    if (r < 0) {
        return r;
    }
    e->zstd = e->lib.create();
    if (!e->zstd || e->lib.is_error(e->lib.set_parameter(e->zstd, ZSTD_c_compressionLevel,
                                                         (int)(level ? level : ZSTD_LEVEL)))) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return 0;
}

int encoder_new(enum encoder_kind kind, unsigned level, struct encoder **ret,
                struct imgc_err *reterr)
{
    encoder_auto struct encoder *e = calloc(1, sizeof *e);
    int r = 0;

    if (!e) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    e->kind = kind;
    if (kind == ENCODER_GZIP) {
        r = begin_gzip(e, level, reterr);
    } else if (kind == ENCODER_ZSTD) {
        r = begin_zstd(e, level, reterr);
    }
    if (r == 0) {
        *ret = imgc_take(e);
    }
    return r;
}

struct encoder *encoder_free(struct encoder *e)
{
    if (e) {
        if (e->has_gzip) {
            (void)e->zlib.deflate_end(&e->gzip);
        }
        if (e->zstd) {
            (void)e->lib.free(e->zstd);
        }
        free(e);
    }
    return NULL;
}

void encoder_freep(struct encoder **e)
{
    *e = encoder_free(*e);
}

/* zlib counts in unsigned int. */
static unsigned piece(size_t n)
{
    return n > (1u << 30) ? 1u << 30 : (unsigned)n;
}

static int run_gzip(struct encoder *e, struct imgc_str *in, bool is_last, struct encoder_out *out,
                    struct imgc_err *reterr)
{
    unsigned n_in = piece(in->len), n_out = piece(out->room - out->used);

    e->gzip.next_in = (const Bytef *)in->ptr;
    e->gzip.avail_in = n_in;
    e->gzip.next_out = (Bytef *)out->ptr + out->used;
    e->gzip.avail_out = n_out;
    int rc = e->zlib.deflate(&e->gzip, is_last && n_in == in->len ? Z_FINISH : Z_NO_FLUSH);
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
        return imgc_fail(reterr, IMGC_E_LAYER, "zlib does not compress it (%d)", rc);
    }
    *in = imgc_str_from(*in, n_in - e->gzip.avail_in);
    out->used += n_out - e->gzip.avail_out;
    return rc == Z_STREAM_END ? ENCODER_DONE : 0;
}

static int run_zstd(struct encoder *e, struct imgc_str *in, bool is_last, struct encoder_out *out,
                    struct imgc_err *reterr)
{
    ZSTD_inBuffer from = { .src = in->ptr, .size = in->len };
    ZSTD_outBuffer to = { .dst = out->ptr, .size = out->room, .pos = out->used };
    size_t left = e->lib.compress(e->zstd, &to, &from, is_last ? ZSTD_e_end : ZSTD_e_continue);

    if (e->lib.is_error(left)) {
        return imgc_fail(reterr, IMGC_E_LAYER, "libzstd does not compress it: %s",
                         e->lib.error_name(left));
    }
    *in = imgc_str_from(*in, from.pos);
    out->used = to.pos;
    return is_last && left == 0 && in->len == 0 ? ENCODER_DONE : 0;
}

static int copy(struct imgc_str *in, bool is_last, struct encoder_out *out)
{
    size_t room = out->room - out->used, n = in->len < room ? in->len : room;

    if (n > 0) {
        memcpy(out->ptr + out->used, in->ptr, n);
    }
    out->used += n;
    *in = imgc_str_from(*in, n);
    return is_last && in->len == 0 ? ENCODER_DONE : 0;
}

int encoder_run(struct encoder *e, struct imgc_str *in, bool is_last, struct encoder_out *out,
                struct imgc_err *reterr)
{
    switch (e->kind) {
    case ENCODER_GZIP:
        return run_gzip(e, in, is_last, out, reterr);
    case ENCODER_ZSTD:
        return run_zstd(e, in, is_last, out, reterr);
    case ENCODER_NONE:
        break;
    }
    return copy(in, is_last, out);
}
