/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct imgc_str s, struct imgc_buf *b)
{
    for (size_t i = 0; i < s.len; i += 3) {
        size_t n = s.len - i < 3 ? s.len - i : 3;
        uint32_t bits = 0;
        for (size_t j = 0; j < 3; j++) {
            bits = bits << 8 | (j < n ? (unsigned char)s.ptr[i + j] : 0);
        }
        for (size_t j = 0; j < 4; j++) {
            char c = alphabet[bits >> (18 - 6 * j) & 63];
            if (j > n) {
                c = '=';
            }
            imgc_buf_putc(b, c);
        }
    }
}

bool base64_decode(struct imgc_str s, struct imgc_buf *b)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;

    for (unsigned i = 0; i < 2 && s.len > 0 && s.ptr[s.len - 1] == '='; i++) {
        s.len--;
    }
    for (size_t i = 0; i < s.len; i++) {
        const char *at = s.ptr[i] ? strchr(alphabet, s.ptr[i]) : NULL;
        if (!at) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(at - alphabet);
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            imgc_buf_putc(b, (char)(bits >> n_bits & 0xff));
        }
    }
    return n_bits < 6 && (bits & ((1u << n_bits) - 1)) == 0;
}
