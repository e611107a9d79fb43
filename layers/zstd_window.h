/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory a zstd stream will ask for, told by its first bytes: a compressor may choose a
 * window of up to 128 MiB (zstd --long=27), and whoever inflates has to hold all of it.
 *
 * Only the first frame is looked at; a later one may ask for another window.
 *
 * Source: RFC 8878, 3.1.1.1 "Frame_Header".
 */
#ifndef IMGC_LAYERS_ZSTD_WINDOW_H
#define IMGC_LAYERS_ZSTD_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#define ZSTD_WINDOW_MAX ((uint64_t)128 << 20) /* more is refused (layers/codec.h) */

/** @ptr @len  the first bytes of a stream, 18 of them or more where there are so many.
 * @return bytes; 0 for what is not zstd; ZSTD_WINDOW_MAX where the header does not tell. */
uint64_t zstd_window(const void *ptr, size_t len);

#endif
