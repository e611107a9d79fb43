/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: runtime */
#include <stdint.h>
#include <stdlib.h>

#include "runtime/spec_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    spec_auto struct spec spec = SPEC_INIT, again = SPEC_INIT;
    imgc_autofree char *text = NULL, *second = NULL;
    struct imgc_err err;

    if (spec_json_parse((struct imgc_str){ (const char *)data, size }, &spec, &err) < 0) {
        return 0;
    }
    if (!spec.argv[0] || spec.cwd[0] != '/') {
        abort();
    }
    if (spec_json_write(&spec, &text, &err) < 0) {
        return 0; /* escaped it may be too large */
    }
    if (spec_json_parse(imgc_str_of(text), &again, &err) < 0 ||
        spec_json_write(&again, &second, &err) < 0 || strcmp(text, second) != 0) {
        abort();
    }
    return 0;
}
