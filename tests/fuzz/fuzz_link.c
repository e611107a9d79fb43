/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: fetch */
#include <stdlib.h>

#include "fetch/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imgc_str query;

    if (!link_next_query((struct imgc_str){ (const char *)data, size }, &query)) {
        return 0;
    }
    for (size_t i = 0; i < query.len; i++) {
        if (query.ptr[i] <= ' ' || query.ptr[i] == '#' || query.ptr[i] > '~') {
            abort(); /* it would break the request's first line */
        }
    }
    return 0;
}
