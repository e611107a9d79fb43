/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/zlib_lib.h"

#include "schema/base/library.h"

int zlib_lib_load(struct zlib_lib *ret, struct imgc_err *reterr)
{
    static const struct library_symbol symbols[] = {
#define X(field, function) { #function, offsetof(struct zlib_lib, field) },
        ZLIB_LIB_FUNCTIONS(X)
#undef X
            { .name = NULL },
    };

    return library_load(IMGC_LIBZLIB, symbols, ret, reterr);
}
