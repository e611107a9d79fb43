/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: schema */
#include <stdlib.h>

#include "schema/base/cleanup.h"
#include "schema/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* Either form of a name reads back as the same name, and no part can leave a directory. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imgc_autofree char *full = NULL, *familiar = NULL, *again = NULL;
    ref_auto struct ref ref = REF_INIT, short_ref = REF_INIT;
    struct imgc_err err;

    if (ref_parse((struct imgc_str){ (const char *)data, size }, &ref, &err) < 0) {
        return 0;
    }
    must(ref.domain && ref.path && !strstr(ref.path, "..") && ref.path[0] != '/');
    must(ref_default_tag(&ref, &err) == 0);
    must(ref_text(&ref, &full, &err) == 0 && ref_familiar(&ref, &familiar, &err) == 0);
    if (ref_parse(imgc_str_of(familiar), &short_ref, &err) < 0) {
        /* "library/<64 hex digits>", whose short form reads as an ID: the peers' rule. */
        must(strstr(err.msg, "ID") != NULL);
        return 0;
    }
    must(ref_text(&short_ref, &again, &err) == 0);
    must(strcmp(full, again) == 0);
    return 0;
}
