/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/curl_lib.h"

#include "schema/base/library.h"

int curl_lib_load(struct curl_lib *ret, struct imgc_err *reterr)
{
    static const struct library_symbol symbols[] = {
#define X(field, function) { #function, offsetof(struct curl_lib, field) },
        CURL_LIB_FUNCTIONS(X)
#undef X
            { .name = NULL },
    };

    return library_load(IMGC_LIBCURL, symbols, ret, reterr);
}

int curl_lib_version(const char **ret, struct imgc_err *reterr)
{
    struct curl_lib curl;
    int r = curl_lib_load(&curl, reterr);

    if (r == 0) {
        *ret = curl.version_info(CURLVERSION_NOW)->version;
    }
    return r;
}
