/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_want.h"

#include "schema/json.h"

void net_want_done(struct net_want *w)
{
    char **const lists[] = { w->aliases, w->ports,   w->expose, w->servers,
                             w->search,  w->options, w->hosts };
    char *const strings[] = { w->network, w->ip4, w->ip6, w->mac };

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        (void)json_strings_free(lists[i]);
    }
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        free(strings[i]);
    }
    *w = (struct net_want){ .is_asked = false };
}

int net_want_append(char ***list, struct imgc_str s, struct imgc_err *reterr)
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
