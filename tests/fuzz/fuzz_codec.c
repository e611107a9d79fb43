/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: layers */
/* The first byte says in which pieces the rest is fed. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "layers/codec.h"
#include "schema/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take(void *arg, const void *ptr, size_t len, struct imgc_err *reterr)
{
    uint64_t *left = arg;

    (void)ptr;
    if (len > *left) {
        return imgc_fail(reterr, IMGC_E_NOSPACE, "enough");
    }
    *left -= len;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imgc_err err;
    imgc_auto(codec_freep) struct codec *c = NULL;
    uint64_t left = 16 << 20;

    if (size == 0 || codec_new(take, &left, &c, &err) < 0) {
        return 0;
    }
    size_t step = data[0] ? data[0] : 1 << 20;
    for (size_t i = 1; i < size; i += step) {
        size_t n = size - i < step ? size - i : step;
        imgc_autofree void *piece = malloc(n); /* so that a read behind its end is seen */
        if (!piece) {
            abort();
        }
        memcpy(piece, data + i, n);
        if (codec_write(c, piece, n, &err) < 0) {
            return 0;
        }
    }
    if (codec_finish(c, &err) < 0 && err.code == IMGC_OK) {
        abort();
    }
    return 0;
}
