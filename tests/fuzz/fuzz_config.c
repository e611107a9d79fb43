/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: schema */
#include <stdlib.h>

#include "schema/base/cleanup.h"
#include "schema/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* The first line is a change, the rest a config. Writing and reading is the identity. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    config_auto struct image_config c = CONFIG_INIT, again = CONFIG_INIT;
    imgc_autofree char *first = NULL, *second = NULL;
    struct imgc_str change, text;
    struct imgc_err err;

    (void)imgc_str_split((struct imgc_str){ (const char *)data, size }, '\n', &change, &text);
    if (text.len > 0 && config_parse(text, &c, &err) < 0) {
        return 0;
    }
    int r = config_change(&c, change, &err);
    must(r == 0 || r == -(int)IMGC_E_USAGE || r == -(int)IMGC_E_LIMIT);
    if (config_write(&c, &first, &err) < 0) {
        must(err.code == IMGC_E_DOCUMENT); /* a change that is not UTF-8 */
        return 0;
    }
    if (config_parse(imgc_str_of(first), &again, &err) < 0) {
        must(err.code == IMGC_E_LIMIT); /* a change can blow up a config near the limit */
        return 0;
    }
    must(config_write(&again, &second, &err) == 0);
    must(strcmp(first, second) == 0);
    return 0;
}
