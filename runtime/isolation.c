/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/isolation.h"

#include <fnmatch.h>

#include "schema/json.h"

void isolation_done(struct isolation *i)
{
    (void)json_strings_free(i->mask);
    (void)json_strings_free(i->unmask);
    *i = (struct isolation){ .privileged = false };
}

int isolation_append(char ***list, struct imgc_str s, struct imgc_err *reterr)
{
    size_t n = 0;

    while (*list && (*list)[n]) {
        n++;
    }
    char **grown = reallocarray(*list, n + 2, sizeof *grown);
    if (!grown) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *list = grown;
    grown[n] = grown[n + 1] = NULL;
    return imgc_str_dup(s, &grown[n], reterr);
}

bool isolation_is_unmasked(const struct isolation *i, const char *path)
{
    if (i->privileged) {
        return true;
    }
    for (char **u = i->unmask; u && *u; u++) {
        if (strcmp(*u, "ALL") == 0 || fnmatch(*u, path, 0) == 0) {
            return true;
        }
    }
    return false;
}
