/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/codec.h"

#include <stdlib.h>

#include "layers/codec_impl.h"
#include "layers/tar_probe.h"
#include "schema/base/cleanup.h"
#include "schema/limits.h"

/* A small stream of zeros inflates by more than the ratio before its header's cost is spread. */
#define RATIO_FREE_BYTES ((uint64_t)1 << 20)

struct codec {
    struct codec_sink sink; /* of the caller */
    enum codec_format format;
    const struct codec_driver *driver; /* NULL for CODEC_PLAIN */
    struct codec_stream *stream;
    unsigned char head[TAR_PROBE_BYTES]; /* first bytes, until the format is known */
    size_t n_head;
    bool is_known;
    uint64_t in, out;
};

static bool starts(const struct codec *c, const char *magic, size_t len)
{
    return c->n_head >= len && memcmp(c->head, magic, len) == 0;
}

/* RFC 8878, 3.1.2: the skippable frames' magic numbers are 0x184D2A50 to 0x184D2A5F. */
static bool is_skippable_zstd(const struct codec *c)
{
    return c->n_head >= 4 && (c->head[0] & 0xf0) == 0x50 &&
           memcmp(c->head + 1, "\x2a\x4d\x18", 3) == 0;
}

static const struct codec_driver *find_driver(const struct codec *c, enum codec_format *ret)
{
    if (starts(c, "\x1f\x8b", 2)) {
        *ret = CODEC_GZIP;
        return &codec_gzip;
    }
    if (starts(c, "\x28\xb5\x2f\xfd", 4) || is_skippable_zstd(c)) {
        *ret = CODEC_ZSTD;
        return &codec_zstd;
    }
    if (starts(c, "\xfd\x37\x7a\x58\x5a\x00", 6)) {
        *ret = CODEC_XZ;
        return &codec_filter;
    }
    if (starts(c, "BZh", 3)) {
        *ret = CODEC_BZIP2;
        return &codec_filter;
    }
    return NULL;
}

static int pass_on(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    struct codec *c = arg;

    c->out += len;
    if (c->out > RATIO_FREE_BYTES && c->out / LIMIT_LAYER_RATIO > c->in) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "the layer inflates to more than %d times its size",
                         LIMIT_LAYER_RATIO);
    }
    return c->sink.output(c->sink.arg, ptr, len, reterr);
}

static int pass_plain(struct codec *c, const void *ptr, size_t len, struct imgc_err *reterr)
{
    const unsigned char *p = ptr;

    for (size_t done = 0; done < len;) {
        size_t n = len - done < CODEC_OUT_BYTES ? len - done : CODEC_OUT_BYTES;
        int r = c->sink.output(c->sink.arg, p + done, n, reterr);
        if (r < 0) {
            return r;
        }
        c->out += n;
        done += n;
    }
    return 0;
}

static int write_known(struct codec *c, const void *ptr, size_t len, struct imgc_err *reterr)
{
    return c->driver ? c->driver->write(c->stream, ptr, len, reterr)
                     : pass_plain(c, ptr, len, reterr);
}

/* Decide by the first bytes; a whole block is needed only to recognise a plain tar. */
static int recognise(struct codec *c, bool is_over, struct imgc_err *reterr)
{
    struct codec_sink own = { .output = pass_on, .arg = c };

    c->driver = find_driver(c, &c->format);
    if (!c->driver && c->n_head < sizeof c->head && !is_over) {
        return 0;
    }
    if (!c->driver && (c->n_head < sizeof c->head || !tar_probe_is_header(c->head))) {
        return imgc_fail(reterr, IMGC_E_LAYER,
                         "is neither a tar nor compressed with gzip, zstd, xz or bzip2");
    }
    c->is_known = true;
    int r = c->driver ? c->driver->start(&own, &c->stream, reterr) : 0;
    return r < 0 ? r : write_known(c, c->head, c->n_head, reterr);
}

int codec_new(codec_output output, void *arg, struct codec **ret, struct imgc_err *reterr)
{
    struct codec *c = calloc(1, sizeof *c);

    if (!c) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    c->sink = (struct codec_sink){ .output = output, .arg = arg };
    c->format = CODEC_PLAIN;
    *ret = c;
    return 0;
}

struct codec *codec_free(struct codec *c)
{
    if (c) {
        if (c->driver) {
            c->driver->free(c->stream);
        }
        free(c);
    }
    return NULL;
}

void codec_freep(struct codec **c)
{
    *c = codec_free(*c);
}

int codec_write(struct codec *c, const void *ptr, size_t len, struct imgc_err *reterr)
{
    const unsigned char *p = ptr;

    c->in += len;
    while (!c->is_known && len) {
        /* Six bytes at least: the longest magic number. */
        size_t want = c->n_head < 6 ? 6 - c->n_head : sizeof c->head - c->n_head;
        size_t n = len < want ? len : want;
        memcpy(c->head + c->n_head, p, n);
        c->n_head += n;
        p += n;
        len -= n;
        int r = c->n_head < 6 ? 0 : recognise(c, false, reterr);
        if (r < 0) {
            return r;
        }
    }
    return len ? write_known(c, p, len, reterr) : 0;
}

int codec_finish(struct codec *c, struct imgc_err *reterr)
{
    int r = c->is_known ? 0 : recognise(c, true, reterr);

    if (r == 0 && c->driver) {
        r = c->driver->finish(c->stream, reterr);
    }
    return r;
}

enum codec_format codec_format(const struct codec *c)
{
    return c->format;
}
