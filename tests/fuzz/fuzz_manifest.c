/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: schema */
#include <stdlib.h>

#include "schema/base/cleanup.h"
#include "schema/limits.h"
#include "schema/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is the content type, the rest the document. What is a manifest is no index, and
 * what we write of it reads back. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    manifest_auto struct manifest m = MANIFEST_INIT, again = MANIFEST_INIT;
    imgc_autofree char *written = NULL;
    struct imgc_str type, text;
    enum media_kind kind;
    struct imgc_err err;

    (void)imgc_str_split((struct imgc_str){ (const char *)data, size }, '\n', &type, &text);
    int r = manifest_kind(text, type, &kind, &err);
    if (manifest_parse(text, type, &m, &err) < 0) {
        return 0;
    }
    if (r != 0 || kind != MEDIA_MANIFEST || m.n_layers > LIMIT_LAYERS) {
        abort();
    }
    if (manifest_write(&m, &written, &err) < 0) {
        /* A media type that was cut in the middle of a character cannot be written. */
        return 0;
    }
    if (manifest_parse(imgc_str_of(written), IMGC_STR(MEDIA_OCI_MANIFEST), &again, &err) < 0 ||
        again.n_layers != m.n_layers) {
        abort();
    }
    return 0;
}
