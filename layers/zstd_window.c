/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/zstd_window.h"

#include <stdbool.h>
#include <string.h>

enum { MAGIC_BYTES = 4, DESCRIPTOR_AT = 4, WINDOW_AT = 5 };

static uint64_t capped(uint64_t bytes)
{
    return bytes < ZSTD_WINDOW_MAX ? bytes : ZSTD_WINDOW_MAX;
}

/* Exponent in the upper five bits, mantissa in the lower three. */
static uint64_t of_descriptor(unsigned char d)
{
    uint64_t base = (uint64_t)1 << (10 + (d >> 3));

    return capped(base + base / 8 * (d & 7u));
}

/* A frame of a single segment has no window of its own: it is held as a whole. */
static uint64_t of_content(const unsigned char *p, size_t len, unsigned char descriptor)
{
    static const size_t id_bytes[] = { 0, 1, 2, 4 };
    static const size_t size_bytes[] = { 1, 2, 4, 8 };
    size_t at = WINDOW_AT + id_bytes[descriptor & 3];
    size_t n = size_bytes[descriptor >> 6];
    uint64_t size = 0;

    if (len < at + n) {
        return ZSTD_WINDOW_MAX;
    }
    for (size_t i = n; i > 0; i--) {
        size = size << 8 | p[at + i - 1];
    }
    return capped(n == 2 ? size + 256 : size);
}

uint64_t zstd_window(const void *ptr, size_t len)
{
    const unsigned char *p = ptr;

    if (len >= MAGIC_BYTES && memcmp(p, "\x28\xb5\x2f\xfd", MAGIC_BYTES) != 0) {
        /* A skippable frame may stand first, and hides what follows. */
        bool is_skippable = (p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0;
        return is_skippable ? ZSTD_WINDOW_MAX : 0;
    }
    if (len <= WINDOW_AT) {
        return ZSTD_WINDOW_MAX;
    }
    bool is_single = p[DESCRIPTOR_AT] & 0x20;
    return is_single ? of_content(p, len, p[DESCRIPTOR_AT]) : of_descriptor(p[WINDOW_AT]);
}
