/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp_rules.h"

#include <stdlib.h>

int seccomp_rules_select(const struct seccomp_rule *from, size_t n, uint64_t caps,
                         struct seccomp_rules *ret, struct imgc_err *reterr)
{
    struct seccomp_rule *rules = calloc(n > 0 ? n : 1, sizeof *rules);
    size_t taken = 0;

    if (!rules) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "seccomp rules");
    }
    for (size_t i = 0; i < n; i++) {
        if (from[i].cap < 0 || caps >> from[i].cap & 1) {
            rules[taken++] = from[i];
        }
    }
    ret->rules = rules;
    ret->n = taken;
    return 0;
}

void seccomp_rules_done(struct seccomp_rules *r)
{
    free(r->rules);
    r->rules = NULL;
    r->n = 0;
}
