/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/network_users.h"

#include "cmd/kept_spec.h"

#define ID_DIGITS_MIN 4 /* network_find()'s */

void network_users_done(struct network_users *u)
{
    for (size_t i = 0; u->specs && i < u->containers.n; i++) {
        spec_done(&u->specs[i]);
    }
    free(u->specs);
    u->specs = NULL;
    container_list_done(&u->containers);
    network_lease_list_done(&u->leases);
}

int network_users_load(struct store *s, struct network_users *ret, struct imgc_err *reterr)
{
    network_users_auto struct network_users u = { .specs = NULL };

    int r = container_list(s, &u.containers, reterr);
    r = r < 0 ? r : network_lease_list(s, NULL, &u.leases, reterr);
    u.specs = r < 0 ? NULL : calloc(u.containers.n + 1, sizeof *u.specs);
    if (r == 0 && !u.specs) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; r == 0 && i < u.containers.n; i++) {
        r = kept_spec_load(s, u.containers.items[i].id, &u.specs[i], reterr);
        r = r == -(int)IMGC_E_NOTFOUND ? 0 : r;
    }
    if (r == 0) {
        *ret = u;
        memset(&u, 0, sizeof u); /* taken */
    }
    return r;
}

bool network_users_means(const char *word, const struct network *n)
{
    const char *name = word ? word : NETWORK_DEFAULT;

    return strcmp(name, n->name) == 0 ||
           (strlen(name) >= ID_DIGITS_MIN && strncmp(n->id, name, strlen(name)) == 0);
}

bool network_users_wants(const struct spec *spec, const struct network *n)
{
    if (spec->network != SPEC_NETWORK_BRIDGE) {
        return false;
    }
    for (size_t i = 0; i <= spec->net_want.n_more; i++) {
        if (network_users_means(net_want_get(&spec->net_want, i).network, n)) {
            return true;
        }
    }
    return false;
}

bool network_users_has(const struct network_users *u, size_t i, const struct network *n)
{
    for (size_t j = 0; j < u->leases.n; j++) {
        const struct network_lease *l = &u->leases.items[j];
        if (strcmp(l->container_id, u->containers.items[i].id) == 0 &&
            strcmp(l->network_id, n->id) == 0) {
            return true;
        }
    }
    return network_users_wants(&u->specs[i], n);
}

bool network_users_any(const struct network_users *u, const struct network *n)
{
    for (size_t i = 0; i < u->containers.n; i++) {
        if (network_users_has(u, i, n)) {
            return true;
        }
    }
    return false;
}
