/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/tar_probe.h"

enum { SUM_OFFSET = 148, SUM_BYTES = 8 };

static bool read_sum(const unsigned char *field, int *ret)
{
    int sum = 0;
    int digits = 0;
    int i = 0;

    while (i < SUM_BYTES && field[i] == ' ') {
        i++;
    }
    for (; i < SUM_BYTES && field[i] >= '0' && field[i] <= '7'; i++) {
        sum = sum * 8 + (field[i] - '0');
        digits++;
    }
    *ret = sum;
    return digits > 0 && (i == SUM_BYTES || field[i] == ' ' || field[i] == '\0');
}

bool tar_probe_is_header(const void *block)
{
    const unsigned char *b = block;
    int as_unsigned = 0;
    int as_signed = 0; /* very old tars summed chars that were signed */
    int want = 0;
    bool is_zero = true;

    for (int i = 0; i < TAR_PROBE_BYTES; i++) {
        bool is_sum = i >= SUM_OFFSET && i < SUM_OFFSET + SUM_BYTES;
        as_unsigned += is_sum ? ' ' : b[i];
        as_signed += is_sum ? ' ' : (signed char)b[i];
        is_zero = is_zero && b[i] == 0;
    }
    return is_zero ||
           (read_sum(b + SUM_OFFSET, &want) && (want == as_unsigned || want == as_signed));
}
