/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: layers */
/* The same bytes at once and one by one end in the same state. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "layers/tar_end.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tar_end whole = { .n = 0 };
    struct tar_end bytes = { .n = 0 };
    struct imgc_err err;

    int r = tar_end_feed(&whole, data, size, &err);
    for (size_t i = 0; r == 0 && i < size; i++) {
        r = tar_end_feed(&bytes, data + i, 1, &err);
    }
    if (r == 0 && (whole.state != bytes.state || whole.left != bytes.left ||
                   whole.behind != bytes.behind || whole.size != bytes.size)) {
        abort();
    }
    return 0;
}
