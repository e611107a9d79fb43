/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: schema */
#include <stdlib.h>

#include "schema/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What parses is written back as the very same bytes: no digest has two texts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imgc_str s = { (const char *)data, size };
    char text[DIGEST_TEXT_MAX];
    struct imgc_err err;
    struct digest d;

    if (digest_parse(s, &d, &err) == 0 && !imgc_str_eq(s, imgc_str_of(digest_text(&d, text)))) {
        abort();
    }
    return 0;
}
