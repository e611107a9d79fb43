/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_want.h"

#include <assert.h>
#include <stdlib.h>

#include "schema/json.h"

void net_want_link_done(struct net_want_link *l)
{
    (void)json_strings_free(l->aliases);
    free(l->network);
    free(l->ip4);
    free(l->ip6);
    free(l->mac);
    *l = (struct net_want_link){ .network = NULL };
}

void net_want_done(struct net_want *w)
{
    char **const lists[] = { w->aliases, w->ports,   w->expose, w->servers,
                             w->search,  w->options, w->hosts,  w->helper_options };
    char *const strings[] = { w->network, w->helper, w->ip4, w->ip6, w->mac };

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        (void)json_strings_free(lists[i]);
    }
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        free(strings[i]);
    }
    for (size_t i = 0; i < w->n_more; i++) {
        net_want_link_done(&w->more[i]);
    }
    free(w->more);
    *w = (struct net_want){ .is_asked = false };
}

struct net_want_link net_want_get(const struct net_want *w, size_t i)
{
    return i > 0 ? w->more[i - 1]
                 : (struct net_want_link){ .network = w->network,
                                           .aliases = w->aliases,
                                           .ip4 = w->ip4,
                                           .ip6 = w->ip6,
                                           .mac = w->mac };
}

int net_want_add(struct net_want *w, struct net_want_link *take_link, struct imgc_err *reterr)
{
    if (w->n_more + 1 >= NET_WANT_NETWORKS_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a container can be on %d networks",
                         NET_WANT_NETWORKS_MAX);
    }
    struct net_want_link *more = reallocarray(w->more, w->n_more + 1, sizeof *more);
    if (!more) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    w->more = more;
    more[w->n_more++] = *take_link;
    *take_link = (struct net_want_link){ .network = NULL };
    return 0;
}

void net_want_remove(struct net_want *w, size_t i)
{
    struct net_want_link gone = net_want_get(w, i);

    assert(w->n_more > 0);
    if (i == 0) {
        struct net_want_link first = w->more[0];
        w->network = first.network;
        w->aliases = first.aliases;
        w->ip4 = first.ip4;
        w->ip6 = first.ip6;
        w->mac = first.mac;
        i = 1;
    }
    net_want_link_done(&gone);
    memmove(&w->more[i - 1], &w->more[i], (w->n_more - i) * sizeof *w->more);
    w->n_more--;
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
