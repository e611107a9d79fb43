/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: schema */
#include <stdlib.h>

#include "schema/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken is a document, and can be written as JSON that is read again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct imgc_str text = { (const char *)data, size };
    json_auto_free json_t *doc = NULL;
    imgc_autofree char *json = NULL;
    struct imgc_err err;

    if (toml_parse(text, "fuzz", &doc, &err) < 0) {
        return 0;
    }
    if (!json_is_object(doc) || json_dump(doc, true, &json, &err) < 0) {
        abort();
    }
    return 0;
}
