/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: schema */
#include <stdlib.h>

#include "schema/base/cleanup.h"
#include "schema/index.h"
#include "schema/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is the content type, the rest the document. What is chosen is of the index, and
 * no attestation. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const wants[] = { "linux/amd64/v3", "linux/arm64", "linux/arm/v7" };
    index_auto struct image_index index = INDEX_INIT;
    manifest_auto struct manifest m = MANIFEST_INIT;
    struct imgc_str type, text;
    struct imgc_err err;

    (void)imgc_str_split((struct imgc_str){ (const char *)data, size }, '\n', &type, &text);
    if (index_parse(text, type, &index, &err) < 0) {
        return 0;
    }
    if (manifest_parse(text, type, &m, &err) == 0) {
        abort();
    }
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
        const struct descriptor *d = NULL;
        struct platform want;
        if (platform_parse(imgc_str_of(wants[i]), &want, &err) < 0) {
            abort();
        }
        if (index_choose(&index, &want, &d, &err) == 0 &&
            (d < index.manifests || d >= index.manifests + index.n_manifests ||
             d->is_attestation)) {
            abort();
        }
    }
    return 0;
}
