/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tar bytes -> compressed bytes, the other way round than layers/codec.h. The same input gives the
 * same output: no name and no time is in it. Another version of zlib or libzstd may give other
 * bytes.
 *
 * Source: RFC 1952, RFC 8878.
 */
#ifndef IMGC_LAYERS_ENCODER_H
#define IMGC_LAYERS_ENCODER_H

#include "schema/base/err.h"
#include "schema/base/str.h"

enum encoder_kind { ENCODER_NONE, ENCODER_GZIP, ENCODER_ZSTD };

#define ENCODER_GZIP_LEVELS 9
#define ENCODER_ZSTD_LEVELS 19 /* what is above needs 100 MiB and more at the other end, too */

struct encoder;

/** @level  1 to the constant above; 0: the default (6, 3). @ret caller frees.
 * @return 0; -NOMEM; -HOST where the library is not installed. */
IMGC_CHECK int encoder_new(enum encoder_kind kind, unsigned level, struct encoder **ret,
                           struct imgc_err *reterr);
struct encoder *encoder_free(struct encoder *e); /* accepts NULL; returns NULL */
void encoder_freep(struct encoder **e);
#define encoder_auto imgc_auto(encoder_freep)

enum { ENCODER_DONE = 1 };

/* Where the compressed bytes go. */
struct encoder_out {
    char *ptr; /* borrowed */
    size_t room, used;
};

/**
 * Take from @in and append to @out as much as goes.
 *
 * @in       what was taken is cut off its front.
 * @is_last  nothing comes behind @in.
 * @return   0; ENCODER_DONE: all is written, with @is_last only; -NOMEM; -LAYER.
 */
IMGC_CHECK int encoder_run(struct encoder *e, struct imgc_str *in, bool is_last,
                           struct encoder_out *out, struct imgc_err *reterr);

#endif
