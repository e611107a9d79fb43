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
    network_lease_auto struct network_lease lease = { .names = NULL };

    if (c->status != CONTAINER_RUNNING) {
        return 0; /* the lease of one whose imgc was killed is waiting to be swept */
    }
    int r = network_lease_find(s, c->id, &lease, reterr);
    if (r != 0) {
        return r < 0 ? r : 0;
    }
    return read_lease(&lease, ret, reterr);
}
