/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/crypto_lib.h"

#include "schema/base/library.h"

int crypto_lib_load(struct crypto_lib *ret, struct imgc_err *reterr)
{
    static const struct library_symbol symbols[] = {
#define X(field, function) { #function, offsetof(struct crypto_lib, field) },
        CRYPTO_LIB_FUNCTIONS(X)
#undef X
            { .name = NULL },
    };

    return library_load(IMGC_LIBCRYPTO, symbols, ret, reterr);
}

int crypto_lib_version(const char **ret, struct imgc_err *reterr)
{
    struct crypto_lib lib;
    int r = crypto_lib_load(&lib, reterr);

    if (r == 0) {
        *ret = lib.version(OPENSSL_VERSION_STRING);
    }
    return r;
}
