/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip: any number of members, then zero bytes or nothing (tape padding; GNU gzip and pigz take
 * it). Anything else behind a member is damage: bytes that no tool would read have no place in a
 * layer.
 *
 * Source: RFC 1952, 2.2 "A gzip file consists of a series of members".
 */
#include "layers/codec_impl.h"

#include <stdlib.h>

#include "schema/base/cleanup.h"

#ifdef IMGC_HAVE_ISAL
#    include <isa-l/igzip_lib.h>

#    include "schema/base/library.h"
#else
#    include "layers/zlib_lib.h"
#endif

enum phase { BETWEEN, IN_MEMBER, IN_PADDING };

#ifdef IMGC_HAVE_ISAL

/* X(field, function). Loaded with the first layer that is compressed so. */
#    define ISAL_FUNCTIONS(X)        \
        X(init, isal_inflate_init)   \
        X(reset, isal_inflate_reset) \
        X(inflate, isal_inflate)

struct isal {
#    define X(field, function) __typeof__(function) *(field);
    ISAL_FUNCTIONS(X)
#    undef X
};

#endif

struct codec_stream {
    struct codec_sink sink;
    enum phase phase;
    bool has_member; /* at least one was whole */
#ifdef IMGC_HAVE_ISAL
    struct isal lib;
    struct inflate_state z;
#else
    struct zlib_lib lib;
    z_stream z;
    bool is_ready;
#endif
    unsigned char out[CODEC_OUT_BYTES];
};

static int damaged(struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_LAYER, "the gzip stream is damaged");
}

/* The two engines. inflate_some() takes what it can of *in (which it advances) and tells how much
 * it put into s->out and whether the member is over. */

#ifdef IMGC_HAVE_ISAL

static int engine_init(struct codec_stream *s, struct imgc_err *reterr)
{
    static const struct library_symbol symbols[] = {
#    define X(field, function) { #    function, offsetof(struct isal, field) },
        ISAL_FUNCTIONS(X)
#    undef X
            { .name = NULL },
    };

    int r = library_load(IMGC_LIBISAL, symbols, &s->lib, reterr);
    if (r == 0) {
        s->lib.init(&s->z);
        s->z.crc_flag = ISAL_GZIP;
    }
    return r;
}

static int engine_reset(struct codec_stream *s, struct imgc_err *reterr)
{
    (void)reterr;
    s->lib.reset(&s->z);
    s->z.crc_flag = ISAL_GZIP;
    return 0;
}

static void engine_done(struct codec_stream *s)
{
    (void)s;
}

static int inflate_some(struct codec_stream *s, struct imgc_str *in, size_t *ret_out,
                        bool *ret_over, struct imgc_err *reterr)
{
    uint32_t n = in->len < UINT32_MAX ? (uint32_t)in->len : UINT32_MAX;
    union {
        const char *from;
        uint8_t *to;
    } input = { .from = in->ptr }; /* next_in is not const, but is only read */

    s->z.next_in = input.to;
    s->z.avail_in = n;
    s->z.next_out = s->out;
    s->z.avail_out = sizeof s->out;
    if (s->lib.inflate(&s->z) < ISAL_DECOMP_OK) {
        return damaged(reterr);
    }
    *in = imgc_str_from(*in, n - s->z.avail_in);
    *ret_out = sizeof s->out - s->z.avail_out;
    *ret_over = s->z.block_state == ISAL_BLOCK_FINISH; /* with the trailer checked */
    return 0;
}

#else

static int engine_init(struct codec_stream *s, struct imgc_err *reterr)
{
    int r = zlib_lib_load(&s->lib, reterr);
    if (r < 0) {
        return r;
    }
    /* Largest window, gzip framing only; the rest is what the macro inflateInit2() adds. */
    if (s->lib.inflate_init2(&s->z, 15 + 16, ZLIB_VERSION, (int)sizeof s->z) != Z_OK) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    s->is_ready = true;
    return 0;
}

static int engine_reset(struct codec_stream *s, struct imgc_err *reterr)
{
    return s->lib.inflate_reset(&s->z) == Z_OK ? 0 : damaged(reterr);
}

static void engine_done(struct codec_stream *s)
{
    if (s->is_ready) {
        (void)s->lib.inflate_end(&s->z);
    }
}

static int inflate_some(struct codec_stream *s, struct imgc_str *in, size_t *ret_out,
                        bool *ret_over, struct imgc_err *reterr)
{
    uInt n = in->len < UINT32_MAX ? (uInt)in->len : UINT32_MAX;
    union {
        const char *from;
        Bytef *to;
    } input = { .from = in->ptr }; /* next_in is not const, but is only read */

    s->z.next_in = input.to;
    s->z.avail_in = n;
    s->z.next_out = s->out;
    s->z.avail_out = sizeof s->out;
    int zr = s->lib.inflate(&s->z, Z_NO_FLUSH);
    if (zr == Z_MEM_ERROR) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (zr != Z_OK && zr != Z_STREAM_END && zr != Z_BUF_ERROR) {
        return damaged(reterr);
    }
    *in = imgc_str_from(*in, n - s->z.avail_in);
    *ret_out = sizeof s->out - s->z.avail_out;
    *ret_over = zr == Z_STREAM_END;
    return 0;
}

#endif

static void gzip_free(struct codec_stream *s)
{
    if (s) {
        engine_done(s);
        free(s);
    }
}

static int gzip_start(const struct codec_sink *sink, struct codec_stream **ret,
                      struct imgc_err *reterr)
{
    struct codec_stream *s = calloc(1, sizeof *s);

    if (!s) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    s->sink = *sink;
    int r = engine_init(s, reterr);
    if (r < 0) {
        gzip_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

static int start_member(struct codec_stream *s, struct imgc_str *in, struct imgc_err *reterr)
{
    if (in->ptr[0] == '\0' && s->has_member) {
        s->phase = IN_PADDING;
        return 0;
    }
    if (in->ptr[0] != '\x1f') {
        return imgc_fail(reterr, IMGC_E_LAYER, "something else stands behind the gzip stream");
    }
    int r = s->has_member ? engine_reset(s, reterr) : 0;
    s->phase = IN_MEMBER;
    return r;
}

/* Everything that this input gives: the engine may hold output back when its buffer is full, so
 * it is asked again until a call leaves room. */
static int inflate_member(struct codec_stream *s, struct imgc_str *in, struct imgc_err *reterr)
{
    bool is_over = false;
    size_t n = sizeof s->out;

    while (!is_over && (in->len || n == sizeof s->out)) {
        size_t before = in->len;
        int r = inflate_some(s, in, &n, &is_over, reterr);
        if (r == 0 && n) {
            r = s->sink.output(s->sink.arg, s->out, n, reterr);
        }
        if (r < 0) {
            return r;
        }
        if (n == 0 && in->len == before && !is_over) {
            break; /* no progress without more input */
        }
    }
    if (is_over) {
        s->has_member = true;
        s->phase = BETWEEN;
    }
    return !is_over && in->len ? damaged(reterr) : 0;
}

static int skip_padding(struct imgc_str *in, struct imgc_err *reterr)
{
    for (size_t i = 0; i < in->len; i++) {
        if (in->ptr[i]) {
            return imgc_fail(reterr, IMGC_E_LAYER, "something else stands behind the gzip stream");
        }
    }
    in->len = 0;
    return 0;
}

static int gzip_write(struct codec_stream *s, const void *ptr, size_t len, struct imgc_err *reterr)
{
    struct imgc_str in = { ptr, len };
    int r = 0;

    while (r == 0 && in.len) {
        switch (s->phase) {
        case BETWEEN:
            r = start_member(s, &in, reterr);
            break;
        case IN_MEMBER:
            r = inflate_member(s, &in, reterr);
            break;
        case IN_PADDING:
            r = skip_padding(&in, reterr);
            break;
        }
    }
    return r;
}

static int gzip_finish(struct codec_stream *s, struct imgc_err *reterr)
{
    if (s->phase == IN_MEMBER || !s->has_member) {
        return imgc_fail(reterr, IMGC_E_LAYER, "the gzip stream is cut short");
    }
    return 0;
}

const struct codec_driver codec_gzip = {
    .start = gzip_start, .write = gzip_write, .finish = gzip_finish, .free = gzip_free
};
