/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/container_ports.h"

static int read_lease(const struct network_lease *l, struct net_port_list *ret,
                      struct imgc_err *reterr)
{
    return l->ports ? net_port_read(imgc_str_of(l->ports), ret, reterr) : 0;
}

int container_ports_of(const struct container *c, const struct network_lease_list *leases,
                       struct net_port_list *ret, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && c->status == CONTAINER_RUNNING && i < leases->n; i++) {
        if (strcmp(leases->items[i].container_id, c->id) == 0) {
            r = read_lease(&leases->items[i], ret, reterr);
        }
    }
    return r;
}

int container_ports_list(struct store *s, const struct container *c, struct net_port_list *ret,
                         struct imgc_err *reterr)
{
    network_lease_list_auto struct network_lease_list leases = { .n = 0 };

    if (c->status != CONTAINER_RUNNING) {
        return 0; /* the lease of one whose imgc was killed is waiting to be swept */
    }
    int r = network_lease_list_of(s, c->id, &leases, reterr);
    return r < 0 ? r : container_ports_of(c, &leases, ret, reterr);
}
