/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed bytes in, tar bytes out; the format is told by the content, never by the media type.
 * gzip (ISA-L where it is there, else zlib; several members), zstd (several and skippable frames),
 * xz and bzip2 (through libarchive's raw format), plain.
 *
 * Source: OCI image-spec v1.1, media-types.md; RFC 1952; RFC 8878.
 */
#ifndef IMGC_LAYERS_CODEC_H
#define IMGC_LAYERS_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/err.h"

enum codec_format { CODEC_PLAIN, CODEC_GZIP, CODEC_ZSTD, CODEC_XZ, CODEC_BZIP2 };

/** Receives what was inflated. A negative result stops the codec and is returned by it. */
typedef int (*codec_output)(void *arg, const void *ptr, size_t len, struct imgc_err *reterr);

struct codec;

/** @return 0; -NOMEM. */
IMGC_CHECK int codec_new(codec_output output, void *arg, struct codec **ret,
                         struct imgc_err *reterr);
struct codec *codec_free(struct codec *c);
void codec_freep(struct codec **c);

/** Feed @len compressed bytes; calls the output with what comes of them (at most 256 KiB a call).
 * Refuses more than LIMIT_LAYER_RATIO times the bytes fed. Plain bytes are passed on as they are.
 * @return 0; -LAYER (damaged); -LIMIT; -HOST (the format's library is not installed); what the
 * output returns. */
IMGC_CHECK int codec_write(struct codec *c, const void *ptr, size_t len, struct imgc_err *reterr);

/** Tell that the input is over. @return 0; -LAYER for a stream that is cut short. */
IMGC_CHECK int codec_finish(struct codec *c, struct imgc_err *reterr);

/** The version of libzstd on this host, for `imgc version`. @return 0; -HOST: not installed. */
IMGC_CHECK int codec_zstd_version(const char **ret, struct imgc_err *reterr);

/** Known after the first bytes were fed; CODEC_PLAIN before. */
enum codec_format codec_format(const struct codec *c);

#endif
