/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: runtime */
#include <stdlib.h>

#include "runtime/seccomp_profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is found good can be made, unless it says two things of one call or too many. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imgc_str text = { (const char *)data, size };
    struct seccomp_filter filter = SECCOMP_FILTER_INIT;
    struct imgc_err err;

    int r = seccomp_profile_check(text, &err);
    if (r < 0) {
        if (r != -(int)IMGC_E_DOCUMENT && r != -(int)IMGC_E_LIMIT) {
            abort();
        }
        return 0;
    }
    if (seccomp_profile_build(text, 0, &filter, &err) == 0 && filter.prog.len == 0) {
        abort();
    }
    seccomp_done(&filter);
    return 0;
}
